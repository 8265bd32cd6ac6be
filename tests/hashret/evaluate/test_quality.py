import numpy as np
import pytest

from hashret.evaluate.quality import bits_for_balls, bits_for_recall, expected_codes, quality
from indexer.bits import pack
from indexer.errors import InvalidInput


def test_independent_balanced_bits_are_all_effective():
    found = quality(pack(np.random.default_rng(0).random((40_000, 32)) < 0.5))
    assert found.balance == pytest.approx(0.5, abs=0.01)
    assert found.correlation < 0.01
    assert found.effective == pytest.approx(32, rel=0.01)
    assert found.codes == pytest.approx(found.expected, abs=5)


def test_copied_bits_are_one_effective_bit():
    bits = np.repeat([[1], [0], [0], [0]], 8, axis=1)
    found = quality(pack(bits))
    assert found.means == (0.25,) * 8
    assert (found.balance, found.worst_balance) == (0.25, 0.25)
    assert found.correlation == pytest.approx(1)
    assert found.effective == pytest.approx(1)
    assert (found.codes, found.largest) == (2, 0.75)


def test_figures_are_those_of_numpy():
    bits = np.random.default_rng(1).random((500, 16)) < np.linspace(0.1, 0.9, 16)
    bits[:, 3] = bits[:, 2]
    found = quality(pack(bits))
    covariance = np.cov(bits.T * 2.0, bias=True)
    correlation = np.abs(np.corrcoef(bits.T))[~np.eye(16, dtype=bool)]
    assert found.means == pytest.approx(bits.mean(0).tolist())
    assert found.worst_balance == pytest.approx(np.minimum(bits.mean(0), 1 - bits.mean(0)).min())
    assert found.correlation == pytest.approx(correlation.mean())
    assert found.effective == pytest.approx(np.trace(covariance) ** 2 / (covariance**2).sum())
    assert found.codes == len(np.unique(pack(bits), axis=0))


def test_bits_that_never_change():
    found = quality(np.zeros((3, 4), dtype=np.uint8))
    assert (found.balance, found.correlation, found.effective, found.codes, found.largest) == (0, 0, 0, 1, 1)
    assert quality(np.zeros((1, 1), dtype=np.uint8)).expected == pytest.approx(1)


def test_no_codes_cannot_be_judged():
    with pytest.raises(InvalidInput) as caught:
        quality(np.zeros((0, 4), dtype=np.uint8))
    assert str(caught.value) == "there are no codes to judge: store entries first"


def test_expected_codes():
    assert expected_codes(1, 8) == pytest.approx(1)
    assert expected_codes(256, 8) == pytest.approx(256 * (1 - (255 / 256) ** 256))
    assert expected_codes(1000, 256) == pytest.approx(1000)


def test_bits_for_recall_are_the_fewest_that_are_enough():
    assert bits_for_recall({16: 0.5, 32: 0.95, 64: 0.99}, "top 10").bits == 32
    curve = {16: 0.2, 32: 0.4, 64: 0.6, 128: 0.79, 256: 0.8}
    found = bits_for_recall(curve, "top 10")
    assert found.bits == 120
    assert found.why == "ITQ codes of this length hold 77% of the top 10, codes of 256 bits 80%"
    assert bits_for_recall({16: 0.0, 32: 0.0}, "top 10").bits == 16


def test_bits_for_balls_are_the_fewest_that_leave_k():
    found = bits_for_balls(100_000, 10)
    assert found.bits == 24
    assert found.why == "were codes uniform, 1.8 of 100,000 entries would lie within 2 bits of a code"
    assert bits_for_balls(1, 10).bits == 8
