import re

import numpy as np
import pytest
import torch

from hashret.forward.bottleneck import rotated
from hashret.forward.settle import Settled, anchored
from hashret.model.linear import learn
from hashret.rows import Floats
from hashret.settings import Settings
from indexer.bits import distances

FAST = Settings(bits=16, steps=30).resolved("vector")


def unit(count: int, width: int = 12, seed: int = 0) -> Floats:
    """Unit vectors in four groups; the group of row i is i % 4."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(4, width))[np.arange(count) % 4] + 0.4 * rng.normal(size=(count, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def fit(rows: Floats, **changes: object) -> Settled:
    return learn(rows, Settings(**{"bits": 16, "steps": 30, **changes}).resolved("vector"), quiet)


def quiet(*at: object) -> None:
    pass


def recall(codes: np.ndarray, rows: Floats) -> float:
    """Share of the ten nearest by cosine among the 20 nearest codes, entries asking."""
    near = np.argsort(-(rows @ rows.T), axis=1)[:, 1:11]
    away = distances(codes, codes).astype(float)
    np.fill_diagonal(away, 999)
    found = np.argsort(away, axis=1, kind="stable")[:, :20]
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(near, found, strict=True)]))


def test_codes_find_the_nearest_and_better_than_the_start():
    rows = unit(600, 40)
    trained, start = fit(rows, bits=32, steps=150).encode(rows), rows - rows.mean(0)
    start = np.packbits(start @ rotated(start, 32, np.random.default_rng(0)) > 0, axis=1)
    assert recall(trained, rows) > recall(start, rows) + 0.02


def test_descent_that_does_not_help_is_not_kept():
    rows = unit(600, 40)
    centred = rows - rows.mean(0)
    start = anchored(centred, rows.mean(0), rotated(centred, 32, np.random.default_rng(0)))
    models = [fit(rows, bits=32, steps=100, learning_rate=rate) for rate in (0.01, 50)]
    assert [np.array_equal(model.field, start.field) for model in models] == [False, True]


def test_the_decoder_gives_back_most_of_a_vector():
    rows = unit(300)
    model = fit(rows, bits=64)
    output = model.reconstruct(np.unpackbits(model.encode(rows), axis=1))
    assert ((output - rows) ** 2).sum() < 0.1 * ((rows - rows.mean(0)) ** 2).sum()


def test_same_seed_same_model_and_another_seed_another():
    rows = unit(100)
    first, again, other = (fit(rows, seed=seed) for seed in (1, 1, 2))
    for name, array in first.state().items():
        np.testing.assert_array_equal(array, again.state()[name])
    assert not np.array_equal(first.field, other.field)


def test_learning_leaves_input_global_seed_and_threads_alone():
    rows = unit(60)
    before, state, threads = rows.copy(), torch.get_rng_state(), torch.get_num_threads()
    fit(rows)
    np.testing.assert_array_equal(rows, before)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_progress_counts_the_steps():
    seen = []
    learn(unit(40), FAST, lambda *at: seen.append(at))
    last = 5  # 60 times 40 entries, in batches of 512
    steps = [*(("codes", step, 30) for step in range(1, 31)), *(("decoder", step, last) for step in range(1, last + 1))]
    assert [at[:3] for at in seen] == steps
    assert re.fullmatch(r"loss \d+\.\d{3}, balance [01]\.\d\d", seen[-1][3])


def test_many_bits_take_fewer_steps():
    seen = []
    learn(unit(40), Settings(bits=256, steps=30).resolved("vector"), lambda *at: seen.append(at))
    assert [at[:3] for at in seen if at[0] == "codes"][-1] == ("codes", 8, 8)


@pytest.mark.parametrize("count", [1, 2, 3, 12, 13, 14])
def test_hardly_any_data_still_gives_finite_models(count):
    model = fit(unit(count))
    assert all(np.isfinite(array).all() for array in model.state().values())
    assert model.encode(unit(count)).shape == (count, 2)


@pytest.mark.parametrize(
    "rows",
    [
        np.repeat(unit(1), 30, axis=0),
        np.repeat(unit(3), 20, axis=0),
        np.zeros((30, 12), np.float32),
        np.concatenate([np.zeros((5, 12), np.float32), unit(20)]),
    ],
    ids=["equal", "duplicates", "zero", "some zero"],
)
def test_rows_that_tell_little_give_finite_models(rows):
    model = fit(rows)
    assert all(np.isfinite(array).all() for array in model.state().values())
    codes, sides = model.ask(rows)
    assert np.isfinite(sides @ model.answer(codes).T).all()
    same = (rows[:, None] == rows[None]).all(2)
    assert (distances(codes, codes)[same] == 0).all()
