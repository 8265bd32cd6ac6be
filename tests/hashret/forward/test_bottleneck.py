"""Each kind of arrays by brute force, and what is fitted to trained values by closed forms."""

import math
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest

from hashret.forward.bottleneck import (
    OFF,
    RIDGE,
    Bottleneck,
    bits_of,
    fitted,
    numbered,
    numbered_by_nearness,
    ridge,
    rotated,
    turned,
)
from hashret.rows import Floats
from hashret.settings import Settings


def normal(*shape: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_numbers_have_their_most_significant_bit_first():
    assert numbered(4).tolist() == [[False, False], [False, True], [True, False], [True, True]]
    assert [int("".join(map(str, bits)), 2) for bits in numbered(16).astype(int)] == list(range(16))


@pytest.mark.parametrize(("parts", "count", "bits"), [(1, 2, 1), (3, 4, 6), (4, 16, 16)])
def test_numbers_of_entries_take_so_many_bits(parts, count, bits):
    assert bits_of(np.zeros((parts, count, 5), np.float32)) == bits


def test_without_arrays_values_are_logits_and_bits_are_signs():
    values = normal(5, 8)
    bits = values > 0
    np.testing.assert_array_equal(Bottleneck().logits(values), values)
    np.testing.assert_array_equal(Bottleneck().of_bits(bits), np.where(bits, 1, -1))
    np.testing.assert_array_equal(Bottleneck().of_values(values), np.where(bits, 1, -1))


def test_a_shift_is_subtracted_and_its_levels_are_what_is_read():
    values, levels = np.array([[0.5, 0.5], [1.5, -3]], np.float32), np.array([[-0.8, -0.2], [0.3, 0.9]], np.float32)
    made = Bottleneck({"shift": np.array([1, -2], np.float32), "levels": levels})
    assert made.logits(values).tolist() == [[-0.5, 2.5], [0.5, -1.0]]
    np.testing.assert_array_equal(made.of_bits(np.array([[0, 1], [1, 0]])), levels[[[0, 1], [1, 0]], [0, 1]])
    np.testing.assert_allclose(made.of_values(values), 2 / (1 + np.exp(-values)) - 1, rtol=1e-6)


def test_a_shift_without_levels_leaves_bits():
    made, values = Bottleneck({"shift": np.array([1, -2], np.float32)}), np.array([[0.5, 0.5], [1.5, -3]], np.float32)
    assert made.of_bits(np.array([[0, 1], [1, 0]])).tolist() == [[-1, 1], [1, -1]]
    assert made.of_values(values).tolist() == [[-1, 1], [1, -1]]


def test_a_turn_goes_there_by_one_matrix_and_back_by_another():
    values, centre, turn, back = normal(6, 3), normal(3, seed=1), normal(3, 5, seed=2), normal(5, 3, seed=3)
    made = Bottleneck({"centre": centre, "turn": turn, "back": back})
    np.testing.assert_allclose(made.logits(values), (values - centre) @ turn, rtol=1e-5)
    bits = made.logits(values) > 0
    np.testing.assert_allclose(made.of_bits(bits), centre + np.where(bits, 1, -1) @ back, rtol=1e-5)
    np.testing.assert_array_equal(made.of_values(values), values)


@pytest.mark.parametrize("active", [1, 3, 7])
def test_so_many_are_on_and_they_are_the_largest(active):
    values = normal(200, 8) * 10 ** normal(200, 1, seed=1)
    made = Bottleneck({"active": np.array([active], np.float32)})
    bits = made.logits(values) > 0
    for row, on in zip(values, bits, strict=True):
        assert set(np.flatnonzero(on)) == set(np.argsort(-row)[:active])
    np.testing.assert_array_equal(made.of_values(values), made.of_bits(bits))


def test_the_logit_of_a_unit_is_from_halfway_between_the_last_that_is_on_and_the_first_that_is_not():
    made = Bottleneck({"active": np.array([2], np.float32)})
    assert made.logits(np.array([[0, 5, 3, 1]], np.float32)).tolist() == [[-2, 3, 1, -1]]


def test_of_equal_values_none_is_on_before_another():
    values = np.array([[3, 1, 1, 0], [2, 2, 2, 1], [5, 5, 5, 5]], np.float32)
    bits = Bottleneck({"active": np.array([2], np.float32)}).logits(values) > 0
    assert bits.astype(int).tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_the_smallest_difference_tells_who_is_on():
    high = np.nextafter(np.float32(1), np.float32(2))
    values = np.array([[1, high, 0], [high, 1, -9]], np.float32)
    bits = Bottleneck({"active": np.array([1], np.float32)}).logits(values) > 0
    assert bits.astype(int).tolist() == [[0, 1, 0], [1, 0, 0]]


def test_bits_name_the_nearest_entry_of_each_part(monkeypatch):
    monkeypatch.setattr("hashret.forward.bottleneck._BLOCK", 7)
    entries, values = normal(3, 8, 2), normal(40, 6, seed=1)
    made = Bottleneck({"entries": entries})
    bits = made.logits(values) > 0
    nearest = [
        [min(range(8), key=lambda at: math.dist(entries[part, at], row[2 * part : 2 * part + 2])) for part in range(3)]
        for row in values
    ]
    named = ["".join(f"{number:03b}" for number in row) for row in nearest]
    assert ["".join(map(str, row)) for row in bits.astype(int)] == named
    expected = np.array([[entries[part, number] for part, number in enumerate(row)] for row in nearest])
    np.testing.assert_array_equal(made.of_bits(bits), expected.reshape(40, 6))
    np.testing.assert_array_equal(made.of_values(values), expected.reshape(40, 6))


def test_the_logit_of_an_entry_is_by_how_much_it_is_nearer():
    entries = np.array([[[0], [1], [4], [9]]], np.float32)  # 00, 01, 10, 11
    # squared distances of 2: 4, 1, 4, 49
    assert Bottleneck({"entries": entries}).logits(np.array([[2]], np.float32)).tolist() == [[1 - 4, 4 - 1]]


def test_every_code_of_a_codebook_comes_back_from_what_it_is_decoded_to():
    made, codes = Bottleneck({"entries": normal(2, 4, 3)}), np.array(list(product([0, 1], repeat=4)))
    np.testing.assert_array_equal(made.logits(made.of_bits(codes)) > 0, codes)


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"shift": np.zeros(8), "levels": np.ones((2, 8))},
        {"centre": np.zeros(3), "turn": np.ones((3, 8)), "back": np.ones((8, 3))},
        {"active": np.array([2])},
        {"entries": np.ones((2, 16, 4))},
    ],
    ids=["none", "shift", "turn", "active", "entries"],
)
def test_no_values_give_no_logits_of_as_many_bits(arrays):
    made = Bottleneck({name: array.astype(np.float32) for name, array in arrays.items()})
    found = made.logits(np.zeros((0, 3 if "turn" in arrays else 8), np.float32))
    assert (found.shape, found.dtype) == ((0, 8), np.float32)


def unit(count: int, width: int) -> Floats:
    """Unit vectors in four groups; the group of row i is i % 4."""
    rows = normal(4, width)[np.arange(count) % 4] + 0.4 * normal(count, width, seed=1)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def made(rows: Floats, binarizer: str, entries: Floats | None = None, **changes: object) -> dict[str, Floats]:
    """The arrays for values that are these rows."""
    settings = replace(Settings(bits=8).resolved("vector"), binarizer=binarizer, **changes)
    return fitted(settings, lambda: rows, entries).arrays


@pytest.mark.parametrize("binarizer", ["sign", "thresholds", "tanh", "bernoulli", "concrete"])
def test_what_left_bits_in_training_needs_nothing(binarizer):
    assert made(normal(20, 8), binarizer) == {}


def test_as_many_are_on_as_in_training():
    assert made(normal(20, 8), "top-k", active=3)["active"].tolist() == [3]


def test_half_is_cut_at_the_median_and_reads_bits():
    rows = normal(21, 8) + np.arange(8, dtype=np.float32)
    (name, shift), *others = made(rows, "half").items()
    assert (name, others) == ("shift", [])
    np.testing.assert_array_equal(shift, np.sort(rows, axis=0)[10])


def test_sigmoids_are_cut_at_the_median_and_a_bit_reads_their_mean():
    rows = 3 * normal(40, 8) + np.arange(8, dtype=np.float32)
    arrays = made(rows, "sigmoid")
    np.testing.assert_allclose(arrays["shift"], np.sort(rows, axis=0)[19:21].mean(0), rtol=1e-5)
    soft = 2 / (1 + np.exp(-rows)) - 1
    for unit, column in enumerate(soft.T):
        order = np.sort(column)
        np.testing.assert_allclose(arrays["levels"][:, unit], [order[:20].mean(), order[20:].mean()], rtol=1e-4)
    assert [array.dtype for array in arrays.values()] == [np.float32, np.float32]


def test_noisy_units_that_are_all_off_or_on_are_cut_where_they_would_be_on():
    rows = normal(60, 3) + np.array([-30, 0, 30], np.float32)
    arrays = made(rows, "noise")
    np.testing.assert_allclose(arrays["shift"], [-OFF, np.median(rows[:, 1]), OFF], rtol=1e-6)
    assert 1 / (1 + np.exp(OFF)) == pytest.approx(0.1)
    np.testing.assert_allclose(arrays["levels"][:, [0, 2]], [[-1, -1], [1, 1]], atol=1e-6)


@pytest.mark.parametrize("binarizer", ["linear", "gaussian"])
def test_real_values_are_turned(binarizer):
    rows = unit(100, 12)
    expected = turned(rows, 8, np.random.default_rng(5)).arrays
    for name, array in made(rows, binarizer, seed=5).items():
        np.testing.assert_array_equal(array, expected[name])


def test_turned_values_have_mean_zero_and_unit_mean_square_and_come_back_as_well_as_they_can():
    rows = 7 * unit(300, 6) + 2
    kept = turned(rows, 6, np.random.default_rng(0))
    logits = kept.logits(rows)
    np.testing.assert_allclose(logits.mean(0), 0, atol=1e-4)
    assert (logits**2).mean() == pytest.approx(1, rel=1e-4)
    signs, centred = np.where(logits > 0, 1.0, -1.0), (rows - rows.mean(0)).astype(np.float64)
    best = signs @ np.linalg.lstsq(signs, centred, rcond=None)[0]
    found = kept.of_bits(logits > 0) - rows.mean(0)
    assert ((found - centred) ** 2).mean() < 1.01 * ((best - centred) ** 2).mean() < 0.5 * centred.var()


@pytest.mark.parametrize(("bits", "width"), [(16, 12), (64, 12), (16, 16), (8, 12)])
def test_the_rotation_is_orthonormal_and_a_tight_frame_of_more_bits_than_dimensions(bits, width):
    rows = unit(100, width)
    weight = rotated(rows - rows.mean(0), bits, np.random.default_rng(0))
    gram = weight @ weight.T if bits > width else weight.T @ weight
    np.testing.assert_allclose(gram, np.eye(min(bits, width)), atol=1e-5)


def test_the_rotation_of_fewer_bits_keeps_the_principal_axes():
    rows = normal(400, 6) * np.array([9, 1, 7, 1, 1, 8], np.float32)
    weight = rotated(rows - rows.mean(0), 3, np.random.default_rng(0))
    assert np.linalg.norm(weight[[0, 2, 5]]) ** 2 > 2.99


def test_the_rotation_brings_values_nearer_to_their_signs():
    """On the corners of a cube that was turned, it finds the corners again."""
    corners = np.random.default_rng(0).choice([-1.0, 1.0], (300, 8)).astype(np.float32)
    rows = corners @ np.linalg.qr(normal(8, 8))[0]
    found = rows @ rotated(rows, 8, np.random.default_rng(3))
    assert (np.abs(found) - 1).std() < 0.6 * (np.abs(rows) - 1).std()


def test_ridge_solves_the_normal_equations():
    codes, vectors = np.random.default_rng(0).choice([-1.0, 1.0], (50, 8)).astype(np.float32), normal(50, 5)
    decoder = ridge(codes, vectors).astype(np.float64)
    gradient = codes.T @ (codes @ decoder - vectors) + RIDGE * 50 * decoder
    np.testing.assert_allclose(gradient, 0, atol=1e-3)


def test_ridge_of_one_bit_is_the_closed_form():
    codes, vectors = np.array([[1], [-1], [1]], np.float32), np.array([[2], [-4], [3]], np.float32)
    np.testing.assert_allclose(ridge(codes, vectors), [[9 / (3 + 3 * RIDGE)]], rtol=1e-6)


def cost(entries: Floats) -> float:
    """Near entries that differ in many bits cost most: written out."""
    away = np.array([[((one - other) ** 2).sum() for other in entries] for one in entries])
    differ = np.array([[(one ^ other).bit_count() for other in range(len(entries))] for one in range(len(entries))])
    return float((differ * np.exp(-away / away.mean())).sum())


@pytest.mark.parametrize("seed", range(2))
def test_numbering_keeps_the_entries_and_no_exchange_of_two_would_cost_less(seed):
    entries = normal(16, 4, seed=seed)
    found = numbered_by_nearness(entries)
    assert sorted(map(tuple, found)) == sorted(map(tuple, entries))
    assert cost(found) < cost(entries)
    for one in range(16):
        for other in range(one):
            order = np.arange(16)
            order[[one, other]] = other, one
            assert cost(found[order]) > cost(found) - 1e-4


def test_neighbours_on_a_line_differ_in_few_bits():
    """In 15 all the way if that is a Gray code, in 32 on average where it is anything."""
    line, taken = np.arange(16, dtype=np.float32)[:, None], []
    for seed in range(5):
        found = numbered_by_nearness(line[np.random.default_rng(seed).permutation(16)])
        numbers = np.argsort(found[:, 0]).tolist()
        taken.append(sum((one ^ other).bit_count() for one, other in pairwise(numbers)))
    assert np.mean(taken) < 25
    assert max(taken) < 28


def test_every_part_of_a_codebook_is_numbered_by_itself():
    entries = normal(2, 16, 4)
    found = made(normal(9, 8), "codebook", entries)["entries"]
    np.testing.assert_array_equal(found, [numbered_by_nearness(part) for part in entries])


def test_entries_that_are_all_the_same_are_kept():
    assert (numbered_by_nearness(np.ones((4, 2), np.float32)) == 1).all()
