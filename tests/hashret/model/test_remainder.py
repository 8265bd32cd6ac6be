import numpy as np
import pytest

from hashret.curve import Curve
from hashret.forward.remainder import Remainder
from hashret.forward.settle import Settled
from hashret.model.remainder import learn_remainder
from hashret.rows import Floats
from hashret.settings import Settings


def quiet(*at: object) -> None:
    pass


def crossed(count: int) -> tuple[Settled, Floats]:
    """Unit rows whose ninth value is the product of the first two, and a model whose code is the signs of eight."""
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.choice([-1.0, 1.0], (count, 8)), np.zeros((count, 1))], axis=1)
    rows[:, 8] = 3 * rows[:, 0] * rows[:, 1]
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    decoder = np.eye(8, 9, dtype=np.float32) * rows[0, 1:2] ** 2**0.5
    return Settled(np.zeros(9, np.float32), np.eye(9, 8, dtype=np.float32), decoder, Remainder.none(8, 9)), rows


def cosine(model: Settled, rows: Floats) -> float:
    """Mean cosine of rows with what their codes are decoded to."""
    return float((model.ask(rows)[1] * model.answer(model.encode(rows))).sum(1).mean())


def learned(model: Settled, rows: Floats, curve: Curve | None = None, **changes: int) -> Remainder:
    settings = Settings(**{"bits": 8, "steps": 200, **changes}).resolved("vector")
    return learn_remainder(model, rows, settings, quiet, Curve() if curve is None else curve)


def test_what_two_bits_say_together_is_learned_and_holds_for_rows_that_come_later():
    model, rows = crossed(4000)
    layer = learned(model, rows[:3000])
    better = Settled(model.mean, model.field, model.decoder, layer)
    assert cosine(model, rows[3000:]) == pytest.approx((8 / 17) ** 0.5, abs=1e-4)
    assert cosine(better, rows[3000:]) > 0.97


def test_few_entries_get_few_steps():
    model, rows = crossed(40)
    curve = Curve()
    learned(model, rows, curve)
    assert curve.points()["decoder"][-1][0] == 5  # 60 times 40 entries, in batches of 512


def test_same_seed_same_layer_and_another_seed_another():
    model, rows = crossed(600)
    first, again, other = (learned(model, rows, steps=5, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.outer, again.outer)
    assert not np.array_equal(first.outer, other.outer)


def test_rows_of_zeros_leave_it_finite():
    model, rows = crossed(50)
    layer = learned(model, np.zeros_like(rows), steps=5)
    assert all(np.isfinite(part).all() for part in layer.state().values())
