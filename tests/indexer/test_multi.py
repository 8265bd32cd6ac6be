"""Every way of searching in memory against brute force: any sizes, widths and changes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from time import sleep

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer import calibrate, multi, tables
from indexer.calibrate import calibrated
from indexer.errors import InvalidInput
from indexer.kernels.hits import SCANNED
from indexer.kernels.layout import as_codes, as_words
from indexer.kernels.search import MULTI, SCAN
from indexer.multi import Multi
from indexer.planner import table_bytes
from indexer.segments import split
from indexer.tables import Scan
from tests.indexer import brute
from tests.indexer.conftest import WIDTHS, clustered_codes, random_codes
from tests.indexer.test_tables import scan_of

search = Multi.search
ALL_WIDTHS = range(8, 257, 8)


def table_of(codes, ids=None, scan_costs=1e18):
    """Tables of some codes that are always probed, or, with `scan_costs` of 0, always given up for a scan."""
    ids = np.arange(1, len(codes) + 1) if ids is None else ids
    return priced(Multi.of(Scan.of(1, split(1, ids, codes), codes.shape[1])), scan_costs)


def priced(table, scan_costs):
    costs = np.ones_like(table.layout.costs)
    costs[2] = scan_costs
    return replace(table, layout=table.layout._replace(costs=costs))


def parts(found):
    lims, ids, near = found
    cut = [slice(low, high) for low, high in pairwise(lims)]
    return [(ids[part].tolist(), near[part].tolist()) for part in cut]


def nearest(found):
    return [(ids[ids >= 0].tolist(), near[ids >= 0].tolist()) for ids, near in zip(*found, strict=True)]


def equals_brute_force(table, ids, codes, queries, radii, ks):
    for radius in radii:
        right = [brute.within(ids, codes, query, radius) for query in queries]
        assert parts(table.within(queries, radius)) == right
        assert parts(table.ask(queries, 0, radius, SCAN)[0]) == right
    for k in ks:
        right = [brute.search(ids, codes, query, k) for query in queries]
        assert nearest(table.search(queries, k)) == right
        assert parts(table.ask(queries, k, table.width * 8, SCAN)[0]) == right


codes_of_any_kind = st.tuples(
    st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 2, 9, 40, 300]), st.sampled_from([1, 2, 5, 256]), st.booleans()
)


def draw(kind, bits):
    """Codes, many of them equal or alike, and queries among and beside them."""
    seed, count, spread, alike = kind
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, spread, (count, bits // 8), dtype=np.uint8)
    if alike:
        codes = clustered_codes(count, bits, seed)
    codes = np.concatenate((codes, codes[: count // 4]))
    return codes, np.concatenate((codes[:3], random_codes(2, bits, seed)))


@settings(max_examples=60, deadline=None)
@given(codes_of_any_kind, st.sampled_from(ALL_WIDTHS), st.integers(0, 12), st.integers(1, 60), st.booleans())
def test_every_way_equals_brute_force(kind, bits, radius, k, give_up):
    codes, queries = draw(kind, bits)
    ids = np.sort(np.random.default_rng(kind[0]).choice(10**6, len(codes), replace=False))
    table = table_of(codes, ids, 0 if give_up else 1e18)
    equals_brute_force(table, ids, codes, queries, (0, radius, bits // 3, bits), (1, k, len(codes) + 3))


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("make", [random_codes, clustered_codes])
def test_calibrated_tables_equal_brute_force(bits, make):
    codes = make(3000, bits, seed=bits)
    table = calibrated(table_of(codes))
    ids, queries = np.arange(1, 3001), np.concatenate((codes[:2], random_codes(2, bits)))
    equals_brute_force(table, ids, codes, queries, (0, 1, 3, bits // 8, bits // 2), (1, 10, 3003))


def test_costs_come_from_several_queries_however_little_time_there_is(monkeypatch):
    monkeypatch.setattr(calibrate, "BUDGET", 0)
    asked = []
    monkeypatch.setattr(Multi, "search", lambda table, codes, k: asked.append(k) or search(table, codes, k))
    costs = calibrated(table_of(clustered_codes(3000, 64))).costs
    assert asked == [2] * 3 + [11] * 3 + [101] * 3
    assert [k for k, *_ in costs.nearest] == [1, 10, 100]


def test_of_two_measurements_the_shorter_times_are_taken(monkeypatch):
    runs = iter([(50.0, 2.0, [1.0, 3.0, 7.0]), (40.0, 3.0, [3.0, 4.0])])
    asked = []
    monkeypatch.setattr(calibrate, "_levels", lambda table, codes, scan, until: asked.append(codes) or next(runs))
    costs = calibrated(table_of(clustered_codes(3000, 64))).costs
    assert (costs.probe, costs.candidate, costs.met[:4]) == (40.0, 2.0, (2.0, 3.5, 3.5, 3.5))
    assert len(asked[0]) == len(asked[1]) == calibrate.FEW * calibrate.LEVELS
    assert (asked[0] != asked[1]).any()


def test_where_the_first_measurement_took_long_there_is_no_second(monkeypatch):
    asked = []
    monkeypatch.setattr(calibrate, "BUDGET", 0)
    monkeypatch.setattr(calibrate, "_levels", lambda table, *rest: asked.append(rest) or (50.0, 2.0, [1.0, 3.0]))
    assert calibrated(table_of(clustered_codes(3000, 64))).costs.met[:3] == (1.0, 3.0, 3.0)
    assert len(asked) == 1


def test_what_others_do_meanwhile_is_not_counted_as_cost(monkeypatch):
    """A search that sleeps takes no longer by the clock of its thread."""
    monkeypatch.setattr(Multi, "search", lambda table, codes, k: sleep(0.02) or search(table, codes, k))
    costs = calibrated(table_of(clustered_codes(300, 64))).costs
    assert max(nanoseconds for *_, nanoseconds in costs.nearest) < 10e6


@settings(max_examples=40, deadline=None)
@given(codes_of_any_kind, st.sampled_from(WIDTHS), st.lists(st.integers(0, 2**32 - 1), max_size=5), st.booleans())
def test_changes_are_seen_at_once(kind, bits, seeds, renew):
    codes, queries = draw(kind, bits)
    held = dict(zip(range(1, len(codes) + 1), codes, strict=True))
    table = table_of(codes)
    for revision, seed in enumerate(seeds, 2):
        rng = np.random.default_rng(seed)
        there = np.array(sorted(held), np.int64)
        drop = np.sort(rng.choice(there, min(len(there), 7), replace=False))
        updated = rng.choice(np.setdiff1d(there, drop), min(5, len(there) - len(drop)), replace=False)
        ids = np.unique(np.concatenate((updated, rng.choice(10**6, 6, replace=False) + 10**4)))
        new = np.concatenate((random_codes(len(ids) - 1, bits, seed), queries[-1:]))
        table = table.changed(revision, drop, ids, new)
        held = {number: code for number, code in held.items() if number not in drop}
        held |= dict(zip(ids.tolist(), new, strict=True))
    table = priced(table.renewed(), 1e18) if renew else table
    ids = np.array(sorted(held), np.int64)
    now = np.array([held[number] for number in ids.tolist()], np.uint8).reshape(-1, bits // 8)
    assert [part.tolist() for part in table.entries()] == [ids.tolist(), now.tolist()]
    assert len(table) == len(ids)
    equals_brute_force(table, ids, now, queries, (0, 2, bits // 4, bits), (1, 8, len(ids) + 1))
    for give_up in (0, 1e18):
        equals_brute_force(priced(table, give_up), ids, now, queries, (1,), (5,))
    some = np.concatenate((ids[::3], [10**8]))
    among = table.among(some)
    assert [among.ids.tolist(), among.codes.tolist()] == [ids[::3].tolist(), now[::3].tolist()]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 30), st.integers(0, 30), st.booleans())
def test_a_later_revision_is_reached_by_the_segments_that_changed(seed, before, after, changed_before):
    rng = np.random.default_rng(seed)
    old_ids, new_ids = (np.sort(rng.choice(5 << 16, size, replace=False)) for size in (before, after))
    codes = rng.integers(0, 2, (5 << 16, 2), dtype=np.uint8)
    table = Multi.of(Scan.of(1, split(1, old_ids, codes[old_ids]), 2))
    if changed_before:
        table = table.changed(2, old_ids[:2], new_ids[:3], codes[new_ids[:3]])
    codes[rng.random(len(codes)) < 0.1] ^= 1
    segments = split(7, new_ids, codes[new_ids])
    now = table.updated(7, segments)
    assert [part.tolist() for part in now.entries()] == [new_ids.tolist(), codes[new_ids].tolist()]
    assert (now.revision, now.stamps) == (7, dict.fromkeys(segments, 7))
    same = now.updated(
        8, {number: replace(part, ids=part.ids[:0], codes=part.codes[:0]) for number, part in segments.items()}
    )
    assert [part.tolist() for part in same.entries()] == [new_ids.tolist(), codes[new_ids].tolist()]


def test_probing_is_what_is_done_and_a_scan_where_it_does_not_pay():
    codes = clustered_codes(5000, 64)
    scanned = [table_of(codes, scan_costs=give_up).ask(codes[:4], 5, 64, MULTI)[1][SCANNED] for give_up in (0, 1e18)]
    assert scanned == [4, 0]
    assert table_of(codes).ask(codes[:4], 0, 3, SCAN)[1][SCANNED] == 4


@pytest.mark.parametrize("bits", [8, 16, 32, 64, 72, 128, 256])
@pytest.mark.parametrize("count", [0, 1, 2, 400])
@pytest.mark.parametrize("radius", [0, 1, 3, 9, 300])
def test_pairs_are_every_near_pair_once(bits, count, radius, monkeypatch):
    monkeypatch.setattr(multi, "CHUNK", 37)  # many chunks, some broken off within a code
    codes = clustered_codes(count, bits, seed=count)
    codes[count // 2 :][::3] = codes[: len(codes[count // 2 :][::3])]
    ids = np.arange(count, dtype=np.int64) * 3 + 2
    away = np.unpackbits(codes[:, None] ^ codes[None], axis=2).sum(axis=2, dtype=np.int32)
    left, right = np.nonzero(np.triu(away <= radius, 1))
    for table in (table_of(codes, ids), table_of(codes, ids).changed(2, ids[:0], ids[:5], codes[:5])):
        chunks = list(table.pairs(radius))
        assert all(0 < len(chunk[0]) <= 37 for chunk in chunks)
        found = np.concatenate([np.stack(chunk, axis=1) for chunk in chunks] or [np.zeros((0, 3), np.int64)])
        found = found[np.lexsort((found[:, 1], found[:, 0]))]
        assert np.array_equal(found, np.stack((ids[left], ids[right], away[left, right]), axis=1))


def test_four_threads_at_once_give_the_same_answers_while_another_changes_the_table():
    codes = clustered_codes(20_000, 64)
    table, queries = calibrated(table_of(codes)), clustered_codes(300, 64)
    right = [part.tolist() for part in (*table.search(queries, 10), *table.within(queries, 6))]

    def ask(_number):
        return [part.tolist() for part in (*table.search(queries, 10), *table.within(queries, 6))]

    with ThreadPoolExecutor(5) as pool:
        found = [pool.submit(ask, number) for number in range(8)]
        pool.submit(table.changed, 2, np.arange(1, 500), np.arange(1, 0), codes[:0]).result()
        assert all(one.result() == right for one in found)


@pytest.mark.parametrize("bits", [16, 32, 128])
def test_long_answers_are_in_order(bits):
    codes = clustered_codes(20_000, bits)
    table, ids = table_of(codes), np.arange(1, len(codes) + 1)
    equals_brute_force(table, ids, codes, codes[:2], (bits // 2, bits), (2000,))


def test_room_is_kept_for_the_next_search_unless_it_is_very_large(monkeypatch):
    monkeypatch.setattr(multi._OWN, "room", multi._Room(3))
    monkeypatch.setattr(multi, "MANY", 5)
    assert [len(multi._OWN.having(answers).ids) for answers in (2, 9, 4, 11, 4)] == [3, 9, 9, 11, 9]


def test_answers_that_need_more_room_are_complete(monkeypatch):
    monkeypatch.setattr(multi._OWN, "room", multi._Room(3))
    monkeypatch.setattr(multi, "MANY", 5)
    codes = np.repeat(clustered_codes(500, 64), 9, axis=0)
    table, ids = table_of(codes), np.arange(1, len(codes) + 1)
    equals_brute_force(table, ids, codes, codes[:7], (0, 20, 64), (1, 30))


@pytest.mark.parametrize("radius", [3, 12, 64])
def test_answers_that_were_given_stay_as_they_are(radius):
    codes = clustered_codes(4000, 64)
    table, queries = calibrated(table_of(codes)), codes[:300]
    found = table.ask(queries, 0, radius)[0]
    assert parts(found)[7] == brute.within(np.arange(1, 4001), codes, queries[7], radius)
    before = parts(found)
    for other in (64, radius, 12):
        table.ask(queries[::-1], 0, other)
    assert parts(found) == before


def test_room_is_made_for_as_many_answers_as_are_likely():
    table = calibrated(table_of(clustered_codes(4000, 64)))
    likely = table.costs.results(64)
    assert likely == 4000
    sizes = [len(table._room(count, 0, 64, MULTI).ids) - multi.MANY for count in (300, 10**6)]
    assert sizes == [300 * 4000, multi.MANY << 8]
    assert len(table._room(3, 10, 64, MULTI).ids) == len(multi._OWN.room.ids)


@pytest.mark.parametrize("make", [table_of, scan_of])
def test_more_answers_than_are_allowed_are_refused(make, monkeypatch):
    monkeypatch.setattr(multi._OWN, "room", multi._Room(3))
    monkeypatch.setattr(tables, "_BLOCK", 1)
    monkeypatch.setattr(tables, "MOST", 5000)
    table = make(random_codes(3000, 8))
    assert len(table.within(random_codes(1, 8), 8)[1]) == 3000
    with pytest.raises(InvalidInput) as error:
        table.within(random_codes(10, 8), 8)
    text = "more than 5,000 answers, the first 1 queries answered: ask fewer at once, or for less"
    assert str(error.value) == text


def test_a_table_is_worn_by_many_changes():
    table = table_of(random_codes(100, 64))
    assert not table.changed(2, np.arange(1, 101), np.arange(200, 1180), random_codes(980, 64)).worn
    assert table.changed(2, np.arange(1, 101), np.arange(200, 1181), random_codes(981, 64)).worn


@pytest.mark.parametrize("bits", [8, 24, 64, 72, 256])
def test_a_table_takes_the_bytes_that_are_foretold(bits):
    codes = random_codes(30_000, bits)
    table = table_of(np.concatenate((codes, codes[:5000])))
    beside = table.layout.masks.nbytes + table.layout.levels.nbytes + 10_000
    assert 0 < table.nbytes - table_bytes(35_000, bits, table.shape[0]) < beside


def test_a_million_codes_of_64_bits_take_at_most_64_bytes_each():
    assert table_bytes(1_000_000, 64, 1_000_000) == 60_000_000 + 4 * 4 * 2**16 + 3 * 6 * 1_000_000 // 8 < 64_000_000


@pytest.mark.parametrize("bits", ALL_WIDTHS)
def test_words_hold_all_bits_and_give_them_back(bits):
    codes = random_codes(50, bits)
    words = as_words(codes)
    each = -(-bits // 8 // -(-bits // 64))
    by_hand = [
        [int.from_bytes(bytes(row[at : at + each]).ljust(8, b"\0")) for at in range(0, bits // 8, each)]
        for row in codes
    ]
    assert words.tolist() == by_hand
    assert np.array_equal(as_codes(words.T, bits // 8), codes)
    assert np.array_equal(np.bitwise_count(words).sum(axis=1), np.unpackbits(codes, axis=1).sum(axis=1))
    assert np.array_equal(np.lexsort(words.T[::-1]), np.lexsort(codes.T[::-1]))
