"""What surely is not there: never what is, by brute force, and most of what is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from indexer.kernels.bloom import absent
from indexer.kernels.layout import as_words, bloom_filter
from indexer.planner import known_parts
from tests.indexer import brute
from tests.indexer.conftest import clustered_codes, random_codes
from tests.indexer.test_multi import ALL_WIDTHS, table_of


@njit(_nrt=False)
def _tell(bloom, parts, words, radius, told):
    """Of each query (w,) whether surely nothing is within the radius."""
    for number in range(words.shape[0]):
        told[number] = absent(bloom, parts, words[number], radius)


def tell(known, codes, radius):
    told = np.zeros(len(codes), np.bool_)
    _tell(known[1], known[0], as_words(codes), radius, told)
    return told


def known_of(codes):
    return bloom_filter(np.ascontiguousarray(as_words(codes).T), codes.shape[1] * 8)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_is_within_reach_is_never_told_absent(data):
    bits, count = data.draw(st.sampled_from(ALL_WIDTHS)), data.draw(st.integers(0, 200))
    codes = data.draw(st.sampled_from([random_codes, clustered_codes]))(count, bits, data.draw(st.integers(0, 99)))
    flips = np.packbits(np.random.default_rng(0).random((20, bits)) < 2 / bits, axis=1)
    queries = np.concatenate((codes[:20] ^ flips[: min(20, count)], random_codes(5, bits, 7)))
    known = known_of(codes)
    for radius in (0, 1, 2, 3, 4, bits):
        some = [bool(brute.within(np.arange(count), codes, query, radius)[0]) for query in queries]
        assert not (tell(known, queries, radius) & some).any()


@pytest.mark.parametrize("bits", [64, 128, 136, 256])
def test_most_of_what_is_absent_is_told(bits):
    known, queries = known_of(random_codes(5000, bits)), random_codes(5000, bits, 1)
    rates = [tell(known, queries, radius).mean() for radius in range(5)]
    assert min(rates[:2]) > 0.8  # a part of twelve looks as if it were there
    assert rates[4] == 0
    assert min(rates[2:4]) > 0.65 if bits > 64 else max(rates[2:4]) == 0


def test_parts_are_all_the_halves_and_the_quarters():
    assert [f"{part[0]:016x}" for part in known_of(random_codes(3, 64))[0]] == [
        "ffffffffffffffff", "ffffffff00000000", "00000000ffffffff",
        "ffff000000000000", "0000ffff00000000", "00000000ffff0000", "000000000000ffff",
    ]  # fmt: skip
    whole, half, other = known_of(random_codes(3, 24))[0]
    assert [int(part[0]) for part in (whole, half, other)] == [0xFFFFFF << 40, 0xFFF << 52, 0xFFF << 40]
    halves = known_of(random_codes(1, 192))[0][1:3]  # three words of 64 bits
    ones, left, right = 2**64 - 1, (2**32 - 1) << 32, 2**32 - 1
    assert halves.tolist() == [[ones, left, 0], [0, right, ones]]


@pytest.mark.parametrize(
    ("bits", "codes", "parts"),
    [
        *[(8, 0, 1), (8, 2, 0), (16, 256, 1), (16, 257, 0), (32, 10**6, 1)],
        *[(64, 10**6, 3), (64, 2**24 + 1, 1), (256, 10**7, 7)],
    ],
)
def test_parts_are_known_of_where_few_of_their_values_are_there(bits, codes, parts):
    assert known_parts(bits, codes) == parts


@pytest.mark.parametrize("bits", [16, 64, 128])
def test_what_is_added_is_known_of(bits):
    table = table_of(random_codes(100, bits)[:50])
    later = random_codes(100, bits)[50:]
    assert tell((table.layout.parts, table.layout.bloom), later, 0).any()
    changed = table.changed(2, np.arange(1, 3), np.arange(100, 150), later).layout
    assert not tell((changed.parts, changed.bloom), later, 0).any()
