"""How kernels are compiled; what they answer is tested in test_multi.py."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from indexer.kernels import bloom, direct, hits, join, layout, native, probe, scan, search


@pytest.mark.parametrize(
    "kernel",
    [layout.fill, bloom.fill_bloom, hits.settle, probe.least, scan.scan, search.search, join.join, direct.answer],
)
def test_machine_code_is_kept_until_any_file_of_kernels_changes(kernel):
    assert kernel._cache._cache_file._source_stamp == native.STAMP
    assert [name for name, _, _ in native.STAMP] == [
        "__init__.py", "bloom.py", "direct.py", "hits.py", "join.py", "layout.py", "native.py", "probe.py", "scan.py",
        "search.py",
    ]  # fmt: skip


@pytest.mark.parametrize("lacks", ["folder", "stamp"])
def test_without_a_place_for_machine_code_none_is_kept(lacks, monkeypatch):
    calls = []

    def njit(**options):
        calls.append(options)
        if options.get("cache") and lacks == "folder":
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: SimpleNamespace(function=function)

    monkeypatch.setattr(native, "njit", njit)
    assert native.kernel(len).function is len
    assert calls == [{"cache": True, "nogil": True, "_nrt": False}, {"nogil": True, "_nrt": False}]


@njit(_nrt=False)
def _sums(held, sums):
    """The elements of a matrix and of a vector, and their shapes, each in its place."""
    first, second = native.matrix(held, 0, np.int32), native.vector(held, 1, np.bool_)
    sums[0], sums[1], sums[2] = first.shape[0], first.shape[1], second.size
    for row in range(first.shape[0]):
        for column in range(first.shape[1]):
            sums[3] = 10 * sums[3] + first[row, column]
    for place in range(second.size):
        sums[4] = 2 * sums[4] + second[place]


@pytest.mark.parametrize(
    ("numbers", "flags", "expected"),
    [
        ([[1, 2, 3], [4, 5, 6]], [True, False, True, True], [2, 3, 4, 123456, 0b1011]),
        ([[-7]], [], [1, 1, 0, -7, 0]),
        (np.zeros((2, 0)), [False], [2, 0, 1, 0, 0]),
    ],
)
def test_arrays_handed_over_by_address_are_the_same_arrays(numbers, flags, expected):
    arrays = np.array(numbers, np.int32), np.array(flags, np.bool_)
    held, sums = native.addresses(arrays), np.zeros(5, np.int64)
    assert held[:, 0].tolist() == [array.__array_interface__["data"][0] for array in arrays]
    assert held[:, 1:].tolist() == [list(arrays[0].shape), [len(flags), 1]]
    _sums(held, sums)
    assert sums.tolist() == expected


def test_arrays_with_gaps_are_not_handed_over():
    with pytest.raises(AssertionError):
        native.addresses([np.zeros((4, 4))[:, :2]])


def test_all_but_large_arrays_are_put_together_as_they_are():
    rng = np.random.default_rng(0)
    small = rng.integers(0, 2**63, (3, 70_001)), rng.random(65_537), np.zeros((2, 0), np.uint64), np.ones(3, np.bool_)
    large = np.arange(layout.LARGE // 4, dtype=np.int32)
    together = layout.together([*small[:2], large, *small[2:]])
    assert together[2] is large
    for one, other in zip((*small[:2], large, *small[2:]), together, strict=True):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert np.array_equal(one, other)
        assert other.flags.c_contiguous
        assert other.flags.writeable
    if layout.ADVICE is not None:
        first = together[0].ctypes.data
        assert [first % layout.PAGE, *(part.ctypes.data % layout.LINE for part in (together[1], together[4]))] == [
            0,
            0,
            0,
        ]
        assert 0 < together[4].ctypes.data - first < sum(part.nbytes for part in small) + 4 * layout.LINE


def test_few_arrays_and_systems_without_large_pages_keep_theirs(monkeypatch):
    few, many = [np.ones(3), np.ones(5)], [np.ones(layout.PAGE // 16), np.ones(layout.PAGE // 16)]
    assert all(one is other for one, other in zip(few, layout.together(few), strict=True))
    monkeypatch.setattr(layout, "ADVICE", None)
    assert all(one is other for one, other in zip(many, layout.together(many), strict=True))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_keys_are_sorted_by_distance_and_id(data):
    most = data.draw(st.sampled_from([1, 9, 2**20, 2**27 - 1, 2**48 - 1]))
    key = st.tuples(st.integers(0, data.draw(st.sampled_from([0, 3, 256]))), st.integers(0, most))
    pairs = data.draw(st.lists(key, max_size=200))
    keys = np.array([away << hits.DISTANCE | number for away, number in [*pairs, (7, 7)]], np.int64)
    hits.sort(keys, len(pairs), np.empty_like(keys), np.empty((1 << hits.DIGIT) + 1, np.int64))
    assert [(key >> hits.DISTANCE, key & (1 << hits.DISTANCE) - 1) for key in keys.tolist()] == [*sorted(pairs), (7, 7)]
