from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from indexer import bits as b
from indexer.errors import InvalidInput

lengths = st.integers(1, 32).map(lambda width: width * 8)
some_bits = lengths.flatmap(
    lambda n: hnp.arrays(np.uint8, st.tuples(st.integers(0, 9), st.just(n)), elements=st.integers(0, 1))
)
two_batches = st.tuples(st.integers(1, 32), st.integers(0, 6), st.integers(0, 6)).flatmap(
    lambda t: st.tuples(hnp.arrays(np.uint8, (t[1], t[0])), hnp.arrays(np.uint8, (t[2], t[0])))
)


@given(some_bits)
def test_unpack_undoes_pack(bits):
    codes = b.pack(bits)
    assert codes.dtype == np.uint8
    assert codes.shape == (len(bits), bits.shape[1] // 8)
    assert np.array_equal(b.unpack(codes), bits)


def test_first_bit_is_the_most_significant():
    bits = np.zeros((2, 16), dtype=np.uint8)
    bits[0, 0] = bits[0, 9] = bits[1, 15] = 1
    assert b.pack(bits).tobytes() == b"\x80\x40\x00\x01"
    assert b.pack(bits.astype(bool)).tobytes() == b"\x80\x40\x00\x01"


@given(two_batches)
def test_distances_count_the_bits_that_differ(batches):
    left, right = batches
    away = b.distances(left, right)
    apart = np.unpackbits(left, axis=1)[:, None] != np.unpackbits(right, axis=1)[None]
    assert away.dtype == np.int32
    assert np.array_equal(away, apart.sum(axis=2))


def test_distances_of_opposite_codes_of_most_bits_do_not_overflow():
    zeros, ones = np.zeros((1, 32), np.uint8), np.full((1, 32), 255, np.uint8)
    assert b.distances(zeros, ones).tolist() == [[256]]


def test_distances_of_codes_that_are_not_contiguous():
    codes = np.arange(48, dtype=np.uint8).reshape(3, 16)[:, ::2]
    assert np.array_equal(b.distances(codes, codes), b.distances(codes.copy(), codes.copy()))


@pytest.mark.parametrize(("bits", "radius"), [(8, 0), (8, 1), (8, 3), (8, 8), (8, 99), (16, 2), (16, 4)])
def test_flip_masks_are_exactly_the_ball(bits, radius):
    ball = {bytes(code) for code in product(range(256), repeat=bits // 8) if _ones(code) <= radius}
    masks = [mask.tobytes() for mask in b.flip_masks(bits, radius)]
    assert set(masks) == ball
    assert len(masks) == len(ball) == b.ball_size(bits, radius)
    assert [_ones(mask) for mask in masks] == sorted(_ones(mask) for mask in masks)


@pytest.mark.parametrize(
    ("bits", "radius", "size"), [(64, 0, 1), (64, 1, 65), (64, 2, 2081), (64, 3, 43745), (256, 2, 32897)]
)
def test_flip_masks_of_long_codes_are_different_and_within_the_radius(bits, radius, size):
    masks = b.flip_masks(bits, radius)
    assert len({mask.tobytes() for mask in masks}) == len(masks) == b.ball_size(bits, radius) == size
    assert np.unpackbits(masks, axis=1).sum(axis=1).max() == radius


def test_flip_masks_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        b.flip_masks(8, 1)[0] = 1


@pytest.mark.parametrize("bits", [0, -8, 7, 12, 264, 8.0, "8", True, None])
def test_other_lengths_of_codes_are_refused(bits):
    with pytest.raises(InvalidInput) as error:
        b.check_bits(bits)
    assert str(error.value) == f"bits is {bits!r}: give a multiple of 8 from 8 to 256"


@pytest.mark.parametrize("bits", [8, 24, 256])
def test_lengths_of_codes_come_back_as_they_came(bits):
    assert b.check_bits(bits) == bits


def test_one_code_is_a_batch_of_one():
    assert b.as_codes(np.array([1, 2], np.uint8), 16).tolist() == [[1, 2]]


@pytest.mark.parametrize("empty", [[], np.zeros((0, 2)), np.zeros((0, 8), np.uint8), np.zeros((2, 0), np.uint8)])
def test_no_codes_are_an_empty_batch(empty):
    codes = b.as_codes(empty, 16)
    assert (codes.shape, codes.dtype) == ((0, 2), np.uint8)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ([[1, 2]], "codes are of type int64: give packed bits as uint8, see np.packbits"),
        (np.zeros((1, 2)), "codes are of type float64: give packed bits as uint8, see np.packbits"),
        (np.zeros((1, 2), np.int8), "codes are of type int8: give packed bits as uint8, see np.packbits"),
        (np.zeros((1, 16), bool), "codes are of type bool: give packed bits as uint8, see np.packbits"),
        (np.zeros((1, 16), np.uint8), "codes have shape (1, 16): give (n, 2) for codes of 16 bits"),
        (np.zeros(3, np.uint8), "codes have shape (1, 3): give (n, 2) for codes of 16 bits"),
        (np.zeros((1, 1, 2), np.uint8), "codes have shape (1, 1, 2): give (n, 2) for codes of 16 bits"),
        (np.uint8(3), "codes have shape (): give (n, 2) for codes of 16 bits"),
    ],
)
def test_arrays_that_are_no_codes_are_refused(codes, message):
    with pytest.raises(InvalidInput) as error:
        b.as_codes(codes, 16)
    assert str(error.value) == message


def test_codes_that_are_not_contiguous_are_made_so():
    codes = b.as_codes(np.arange(12, dtype=np.uint8).reshape(3, 4)[:, ::2], 16)
    assert codes.flags.c_contiguous
    assert codes.tolist() == [[0, 2], [4, 6], [8, 10]]


@pytest.mark.parametrize(
    ("bits", "message"),
    [
        (np.zeros(8, np.uint8), "bits have shape (8,): give (n, b)"),
        (np.zeros((1, 12), np.uint8), "bits is 12: give a multiple of 8 from 8 to 256"),
        (np.full((1, 8), 2), "bits hold values other than 0 and 1"),
        (np.full((1, 8), 0.5), "bits hold values other than 0 and 1"),
        (np.full((1, 8), np.nan), "bits hold values other than 0 and 1"),
    ],
)
def test_arrays_that_are_no_bits_are_refused(bits, message):
    with pytest.raises(InvalidInput) as error:
        b.pack(bits)
    assert str(error.value) == message


def _ones(code):
    return sum(int(byte).bit_count() for byte in code)


@pytest.mark.parametrize("value", [0, 7, np.int8(7), np.uint64(2**63)])
def test_whole_numbers_become_those_of_python(value):
    found = b.whole("k", value, 0)
    assert (type(found), found) == (int, int(value))


@pytest.mark.parametrize("value", [-1, np.int8(-1), True, np.bool_(True), 1.0, np.float32(1), "1", None, 1j])
def test_what_is_no_whole_number_is_told(value):
    with pytest.raises(InvalidInput) as caught:
        b.whole("radius", value, 0)
    assert str(caught.value) == f"radius is {value!r}: give a whole number of at least 0"
