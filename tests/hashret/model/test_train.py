from dataclasses import replace

import numpy as np
import pytest
import torch

from hashret.evaluate import precision_at
from hashret.model.train import _batches, _masked, train
from hashret.settings import Settings
from tests.hashret.test_features import dense, sparse

FAST = Settings(bits=16, steps=60, batch=32).resolved("text")


def groups(kind: str, count: int = 120) -> tuple[object, np.ndarray]:
    """Rows in four groups, each with ten columns of its own; the group of each row."""
    rng = np.random.default_rng(0)
    group = np.arange(count) % 4
    matrix = (rng.random((count, 40)) < 0.4) & (np.arange(40) // 10 == group[:, None])
    matrix |= rng.random((count, 40)) < 0.03
    matrix = matrix.astype(np.float32)
    return (sparse(matrix).unit() if kind == "sparse" else matrix - matrix.mean(0)), group


def quiet(phase: str, done: int, total: int) -> None:
    pass


@pytest.mark.parametrize("kind", ["sparse", "dense"])
@pytest.mark.parametrize("hidden", [0, 32])
def test_the_nearest_codes_are_of_the_same_group(kind, hidden):
    rows, group = groups(kind)
    weights = train(rows, replace(FAST, hidden=hidden, neighbours=10, mask=0.2, steps=150), quiet)
    bits = weights.logits(rows) > 0
    distances = (bits[:, None] != bits[None]).sum(2)
    assert (
        precision_at(distances, group[:, None] == group, 20).mean() > 0.85
    )  # by chance .24; 16 bits of data with stray words


def test_the_decoder_knows_the_words_of_a_group():
    rows, group = groups("sparse")
    weights = train(rows, replace(FAST, neighbours=10, reconstruction=1.0, steps=200), quiet)
    output = weights.reconstruct(weights.logits(rows) > 0)
    words = output.reshape(len(rows), 4, 10).mean(2)
    assert (words.argmax(1) == group).mean() > 0.9


def test_same_seed_same_weights_and_another_seed_others():
    rows, _ = groups("sparse")
    first, again, other = (train(rows, replace(FAST, steps=5, seed=seed), quiet) for seed in (1, 1, 2))
    for one, two in zip(first.encoder[0] + first.decoder[0], again.encoder[0] + again.decoder[0], strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first.encoder[0][0], other.encoder[0][0])


def test_training_leaves_input_and_global_seed_alone():
    rows, _ = groups("sparse")
    before = rows.data.copy()
    torch.manual_seed(9)
    state = torch.get_rng_state()
    train(rows, replace(FAST, steps=3), quiet)
    np.testing.assert_array_equal(rows.data, before)
    assert torch.equal(state, torch.get_rng_state())


def test_progress_counts_the_steps_of_both_stages():
    rows, _ = groups("sparse")
    seen = []
    train(rows, replace(FAST, steps=2), lambda *at: seen.append(at))
    assert seen == [("stage 1", 1, 2), ("stage 1", 2, 2), ("stage 2", 1, 2), ("stage 2", 2, 2)]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_hardly_any_data_still_gives_finite_codes(count):
    rows, _ = groups("sparse", count)
    weights = train(rows, replace(FAST, steps=3), quiet)
    assert np.isfinite(weights.logits(rows)).all()


def test_all_equal_rows_give_finite_codes():
    rows = sparse(np.ones((10, 5), np.float32)).unit()
    assert np.isfinite(train(rows, replace(FAST, steps=3), quiet).logits(rows)).all()


def test_batches_take_each_row_once_before_any_twice():
    drawn = np.concatenate(list(_batches(12, replace(FAST, batch=4, steps=6), np.random.default_rng(0))))
    assert sorted(drawn[:12]) == list(range(12)) == sorted(drawn[12:])


@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_masking_hides_half_to_one_and_a_half_of_the_share_of_each_row(kind):
    rows = np.ones((400, 300), np.float32)
    masked = _masked(sparse(rows) if kind == "sparse" else rows, 0.6, np.random.default_rng(0))
    hidden = ((dense(masked) if kind == "sparse" else masked.numpy()) == 0).mean(1)
    assert abs(hidden.mean() - 0.6) < 0.02
    assert 0.2 < hidden.min() < 0.35
    assert 0.85 < hidden.max() < 0.97


def test_what_is_left_of_a_sparse_row_has_unit_length():
    rows, _ = groups("sparse", 500)
    lengths = np.linalg.norm(dense(_masked(rows, 0.6, np.random.default_rng(0))), axis=1)
    np.testing.assert_allclose(lengths[lengths > 0], 1, rtol=1e-5)
