from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashret.forward.remainder import Remainder
from hashret.forward.settle import Settled, settle
from indexer.bits import pack, unpack


def energy(codes: np.ndarray, forces: np.ndarray, coupling: np.ndarray) -> np.ndarray:
    """1/2 c (G - diag G) c - f c of each column."""
    apart = (coupling - np.diag(np.diag(coupling))).astype(np.float64)
    return 0.5 * (codes * (apart @ codes)).sum(0) - (forces * codes).sum(0)


def codes_of(forces: np.ndarray, coupling: np.ndarray, passes: int = 1) -> np.ndarray:
    """Settled codes of -1 and +1."""
    return settle(forces, coupling, passes) * 2 - 1


def slow(forces: np.ndarray, coupling: np.ndarray, passes: int) -> np.ndarray:
    """Bit by bit as the definition has it, in float64."""
    diagonal = np.diag(coupling).astype(np.float64)
    codes = np.clip(2 * forces / np.maximum(diagonal, 1e-12)[:, None], -1, 1)
    apart = coupling - np.diag(diagonal)
    for _ in range(passes):
        for bit in range(len(codes)):
            codes[bit] = np.where(forces[bit] - apart[bit] @ codes > 0, 1.0, -1.0)
    return codes


def made(seed: int, bits: int, count: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Forces (bits, count), and the coupling of a random decoder."""
    rng = np.random.default_rng(seed)
    decoder = rng.normal(size=(bits, width)).astype(np.float32)
    return rng.normal(size=(bits, count)).astype(np.float32) * 3, decoder @ decoder.T


def model(width: int = 6, bits: int = 16) -> Settled:
    rng = np.random.default_rng(3)
    mean, field, decoder = rng.normal(size=width), rng.normal(size=(width, bits)), rng.normal(size=(bits, width))
    inner, bias, outer = rng.normal(size=(bits, 5)), rng.normal(size=5), rng.normal(size=(5, width))
    layer = Remainder(*(array.astype(np.float32) for array in (inner, bias, outer * 0.3)))
    return Settled(*(array.astype(np.float32) for array in (mean * 0.1, field, decoder * 0.3)), layer)


@given(st.integers(0, 10**6), st.integers(1, 80), st.integers(1, 20), st.integers(1, 90))
def test_no_pass_after_the_first_raises_the_energy(seed, bits, count, width):
    forces, coupling = made(seed, bits, count, width)
    before, rounding = energy(codes_of(forces, coupling), forces, coupling), 1e-5 * np.abs(coupling).sum()
    for passes in range(2, 5):
        after = energy(codes_of(forces, coupling, passes), forces, coupling)
        assert (after <= before + rounding).all()
        before = after


@pytest.mark.parametrize("bits", [1, 8, 31, 32, 33, 72])
def test_groups_change_nothing(bits):
    """Sixteenths, exact in float32 in any order of the sums."""
    rng = np.random.default_rng(bits)
    decoder = rng.choice([-2, -1, 1, 2], (bits, 8)) * rng.choice([1, 2], (bits, 1))
    decoder[:] = np.where(np.arange(8) < 4, decoder, 0)
    coupling = (decoder @ decoder.T).astype(np.float32)
    np.fill_diagonal(coupling, 32)
    forces = rng.integers(-40, 41, size=(bits, 50)).astype(np.float32)
    for passes in (1, 2, 3):
        np.testing.assert_array_equal(codes_of(forces, coupling, passes), slow(forces, coupling, passes))


def test_bits_start_between_as_far_as_they_are_pulled_alone():
    forces = np.array([[-9, -1, 0, 1, 9]], np.float32)
    np.testing.assert_array_equal(settle(forces, np.array([[4]], np.float32), 0), [[0, 0.25, 0.5, 0.75, 1]])


def test_bits_without_coupling_are_the_signs_of_the_forces():
    forces, _ = made(0, 40, 30, 5)
    forces[0, :3] = [0, -0.0, 1]
    np.testing.assert_array_equal(settle(forces, np.diag(np.arange(40, dtype=np.float32))), forces > 0)


def test_a_settled_code_is_left_alone():
    forces, coupling = made(1, 24, 30, 12)
    settled = codes_of(forces, coupling, 60)
    np.testing.assert_array_equal(settled, codes_of(forces, coupling, 61))
    apart = coupling - np.diag(np.diag(coupling))
    np.testing.assert_array_equal(settled > 0, forces - apart @ settled > 0)


def test_logits_are_what_pulls_at_each_bit_and_agree_with_the_code():
    rows = np.random.default_rng(5).normal(size=(5000, 6)).astype(np.float32)  # three blocks
    found = model()
    logits, codes = found.logits(rows), found.encode(rows)
    np.testing.assert_array_equal(codes, pack(logits > 0))
    np.testing.assert_array_equal(np.concatenate([found.encode(rows[:7]), found.encode(rows[7:])]), codes)
    coupling = found.decoder @ found.decoder.T
    plain = unpack(codes) * 2.0 - 1
    pull = (rows - found.mean) @ found.field - plain @ (coupling - np.diag(np.diag(coupling)))
    np.testing.assert_allclose(np.abs(logits), np.abs(pull), atol=1e-4)
    assert (np.sign(logits) == np.sign(pull)).mean() > 0.98


def test_a_pull_of_zero_has_a_sign_too():
    arrays = (np.zeros(shape, np.float32) for shape in (3, (3, 8), (8, 3)))
    nothing = Settled(*arrays, Remainder.none(8, 3))
    rows = np.ones((2, 3), np.float32)
    assert (nothing.logits(rows) < 0).all()
    assert nothing.encode(rows).tolist() == [[0], [0]]
    codes, side = nothing.ask(rows)
    assert np.isfinite(nothing.answer(codes) @ side[0]).all()


def test_the_score_is_the_cosine_with_the_decoded_entry():
    found, rng = model(), np.random.default_rng(6)
    rows, stored = rng.normal(size=(4, 6)).astype(np.float32), rng.integers(0, 256, (9, 2), dtype=np.uint8)
    codes, sides = found.ask(rows)
    np.testing.assert_array_equal(codes, found.encode(rows))
    layer = found.remainder
    for row, scores in zip(rows, sides @ found.answer(stored).T, strict=True):
        for code, score in zip(np.unpackbits(stored, axis=1) * 2.0 - 1, scores, strict=True):
            together = np.maximum(0, code @ layer.inner + layer.bias) @ layer.outer
            decoded = found.mean + code @ found.decoder + together
            expected = row @ decoded / np.linalg.norm(row) / np.linalg.norm(decoded)
            np.testing.assert_allclose(score, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("at_a_time", [4, 8192])
def test_scores_of_one_query_are_those_of_both_sides_and_rough_ones_leave_the_layer_out(monkeypatch, at_a_time):
    monkeypatch.setattr("hashret.forward.settle._MADE", at_a_time)
    found, rng = model(), np.random.default_rng(7)
    stored, side = rng.integers(0, 256, (9, 2), dtype=np.uint8), found.ask(rng.normal(size=(1, 6)))[1][0]
    linear = replace(found, remainder=Remainder.none(16, 6))
    for codes in (stored, stored[:0]):
        np.testing.assert_allclose(found.scores(codes, side), found.answer(codes) @ side, rtol=1e-5)
        np.testing.assert_allclose(found.rough(codes, side), linear.answer(codes) @ side, rtol=1e-4, atol=1e-6)
    assert np.abs(found.rough(stored, side) - found.scores(stored, side)).max() > 0.01


def test_a_query_that_is_a_stored_code_finds_that_code_first():
    stored = np.arange(40, dtype=np.uint8).reshape(20, 2)
    scores = model().answer(stored) @ model().ask_by_code(stored[:1])[0]
    assert scores.argmax() == 0
    np.testing.assert_allclose(scores[0], 1, rtol=1e-5)


def test_reconstruction_is_that_of_the_linear_decoder_alone():
    decoder = np.full((8, 2), 0.5, np.float32)
    layer = Remainder(np.ones((8, 1), np.float32), np.ones(1, np.float32), np.ones((1, 2), np.float32))
    found = Settled(np.array([1, 2], np.float32), np.zeros((2, 8), np.float32), decoder, layer)
    assert found.reconstruct(np.array([[1] * 8, [0] * 8, [1, 0] * 4])).tolist() == [[5, 6], [-3, -2], [1, 2]]


def test_a_model_from_before_there_was_a_remainder_is_read():
    old = {name: array for name, array in model().state().items() if not name.startswith("remainder")}
    found, codes = Settled.load(old), np.arange(6, dtype=np.uint8).reshape(3, 2)
    assert found.state().keys() == old.keys()  # so that it hashes to the digest that it had
    plain = found.reconstruct(np.unpackbits(codes, axis=1))
    np.testing.assert_allclose(found.answer(codes), plain / np.linalg.norm(plain, axis=1, keepdims=True), rtol=1e-5)
