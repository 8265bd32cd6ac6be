from itertools import pairwise

import numpy as np
import pytest

from indexer.segments import Segment, pack, split
from indexer.tables import Scan
from tests.indexer import brute
from tests.indexer.conftest import WIDTHS, clustered_codes, random_codes


def scan_of(codes, ids=None):
    ids = np.arange(1, len(codes) + 1) if ids is None else ids
    return Scan.of(1, split(1, ids, codes), codes.shape[1])


def nearest(scan, queries, k):
    """What `Scan.search` must answer, by a stable sort over all distances."""
    away = np.unpackbits(queries[:, None] ^ scan.codes[None], axis=2).sum(axis=2, dtype=np.int32)
    order = np.argsort(away, axis=1, kind="stable")[:, :k]
    return scan.ids[order], np.take_along_axis(away, order, axis=1)


def parts(found):
    lims, ids, near = found
    cut = [slice(low, high) for low, high in pairwise(lims)]
    return [(ids[part].tolist(), near[part].tolist()) for part in cut]


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("make", [random_codes, clustered_codes])
def test_search_and_within_equal_brute_force(bits, make):
    codes = make(150, bits, seed=bits)
    ids = np.sort(np.random.default_rng(0).choice(10**9, 150, replace=False))
    scan = scan_of(codes, ids)
    queries = np.concatenate((codes[:4], random_codes(4, bits)))
    for k in (1, 7, 150, 200):
        found, near = scan.search(queries, k)
        assert (found.dtype, near.dtype, found.shape) == (np.int64, np.int32, (8, k))
        for n, query in enumerate(queries):
            most = min(k, 150)
            assert (found[n, :most].tolist(), near[n, :most].tolist()) == brute.search(ids, codes, query, k)
            assert (found[n, most:] == -1).all()
            assert (near[n, most:] == -1).all()
    for radius in (0, 1, bits // 4, bits):
        assert parts(scan.within(queries, radius)) == [brute.within(ids, codes, query, radius) for query in queries]


@pytest.mark.parametrize("queries", [1, 3, 50])
@pytest.mark.parametrize("k", [1, 2, 7, 100, 1000, 4999, 5000])
@pytest.mark.parametrize("spread", [1, 3, 256])
def test_lowest_ids_win_the_last_places(queries, k, spread):
    codes = np.random.default_rng(k).integers(0, spread, (5000, 1), dtype=np.uint8)
    scan = scan_of(codes)
    asked = random_codes(queries, 8, seed=k)
    ids, near = scan.search(asked, k)
    right = nearest(scan, asked, k)
    assert np.array_equal(ids, right[0])
    assert np.array_equal(near, right[1])


@pytest.mark.parametrize("bits", [16, 64, 256])
def test_lowest_ids_win_when_ever_nearer_codes_come_late(bits):
    codes = np.packbits(np.random.default_rng(1).random((3000, bits)) < np.linspace(0.5, 0, 3000)[:, None], axis=1)
    scan, asked = scan_of(codes), np.zeros((2, bits // 8), np.uint8)
    for k in (1, 2, 7, 100, 1000):
        assert [part.tolist() for part in scan.search(asked, k)] == [part.tolist() for part in nearest(scan, asked, k)]


def test_lowest_ids_win_across_the_blocks_in_which_faiss_reads_codes():
    scan = scan_of(np.zeros((70_000, 8), np.uint8))
    assert scan.search(random_codes(2, 64), 66_000)[0].tolist() == [list(range(1, 66_001))] * 2


def test_nothing_stored_and_nothing_asked():
    none, some = scan_of(np.zeros((0, 8), np.uint8)), scan_of(random_codes(3, 64))
    assert [part.tolist() for part in none.search(random_codes(2, 64), 3)] == [[[-1] * 3] * 2] * 2
    assert parts(none.within(random_codes(2, 64), 64)) == [([], [])] * 2
    assert list(none.pairs(64)) == []
    empty = np.zeros((0, 8), np.uint8)
    assert [part.shape for part in some.search(empty, 3)] == [(0, 3)] * 2
    assert [part.tolist() for part in some.within(empty, 3)] == [[0], [], []]


@pytest.mark.parametrize("count", [1, 2, 100, 1500])
@pytest.mark.parametrize("radius", [0, 2, 16])
def test_pairs_are_every_near_pair_once(count, radius):
    codes = clustered_codes(count, 16, seed=count)
    away = np.unpackbits(codes[:, None] ^ codes[None], axis=2).sum(axis=2, dtype=np.uint8)
    left, right = np.nonzero(np.triu(away <= radius, 1))
    found = [np.concatenate(part) for part in zip(*scan_of(codes).pairs(radius), strict=True)]
    assert np.array_equal(found, [left + 1, right + 1, away[left, right]])


def test_among_keeps_the_entries_with_these_ids():
    codes = clustered_codes(30, 64)
    scan = scan_of(codes)
    for wanted in ([], [7], [30, 2, 2, 9], [0, 5, 31, 99]):
        some = scan.among(np.array(wanted, dtype=np.int64))
        kept = sorted(set(wanted) & set(range(1, 31)))
        assert some.ids.tolist() == kept
        assert some.codes.tolist() == [codes[number - 1].tolist() for number in kept]
        assert (some.revision, some.search(codes[:1], 1)[0].tolist()) == (1, [[_first(kept, codes)]])


def _first(kept, codes):
    ids = np.array(kept, dtype=np.int64)
    return (brute.search(ids, codes[ids - 1], codes[0], 1)[0] or [-1])[0]


def test_segments_are_joined_in_order():
    parts = {
        2: pack(1, np.array([9, 8]), np.array([[9], [8]], np.uint8)),
        0: Segment(1, np.array([1]), np.ones((1, 1), np.uint8)),
    }
    scan = Scan.of(4, parts, 1)
    assert (scan.revision, scan.ids.tolist(), scan.codes.ravel().tolist()) == (4, [1, 8, 9], [1, 8, 9])


@pytest.mark.parametrize("queries", [1, 40])
def test_a_search_leaves_the_threads_of_faiss_alone(queries):
    import faiss

    scan = Scan.of(1, split(1, np.arange(1, 51), random_codes(50, 16)), 2)
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(2)
    try:
        scan.search(random_codes(queries, 16, seed=1), 3)
        scan.within(random_codes(queries, 16, seed=1), 3)
        assert faiss.omp_get_max_threads() == 2
    finally:
        faiss.omp_set_num_threads(before)
