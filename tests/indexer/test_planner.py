from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.bits import ball_size
from indexer.planner import (
    BYTE,
    CALL,
    IMPORT,
    KERNEL,
    LOAD,
    LOOKUP,
    MOST_PROBES,
    PROBE,
    Costs,
    Plan,
    pays_off,
    plan,
    plan_tables,
    quick,
    scans,
)

questions = {
    "entries": st.integers(0, 10**9),
    "bits": st.sampled_from([8, 16, 24, 32, 64, 128, 256]),
    "queries": st.integers(0, 10**5),
    "radius": st.integers(0, 300),
    "resident": st.booleans(),
}


def costs(entries, bits, queries, radius, resident):
    """What each way that may be gone costs."""
    size, probes = entries * bits // 8, ball_size(bits, radius)
    ways = {"scan": queries * (CALL + BYTE * size) + (0 if resident else IMPORT + LOAD * size)}
    if probes == 1:
        ways["bucket"] = queries * LOOKUP
    elif probes <= MOST_PROBES:
        ways["flips"] = queries * (LOOKUP + PROBE * probes)
    return ways


@given(**questions)
def test_no_way_is_cheaper_than_the_one_chosen(entries, bits, queries, radius, resident):
    ways = costs(entries, bits, queries, radius, resident)
    chosen = plan(entries, bits, queries, radius, resident=resident)
    assert chosen.cost == min(ways.values()) == ways[chosen.way]


@given(**questions)
def test_the_same_question_has_the_same_plan(entries, bits, queries, radius, resident):
    asked = (entries, bits, queries, radius)
    assert plan(*asked, resident=resident) == plan(*asked, resident=resident)


@given(**questions, more=st.integers(0, 10**9))
def test_more_entries_never_cost_less_and_never_bring_back_the_scan(entries, bits, queries, radius, resident, more):
    few = plan(entries, bits, queries, radius, resident=resident)
    many = plan(entries + more, bits, queries, radius, resident=resident)
    assert few.cost <= many.cost
    assert few.way == "scan" or many.way == few.way


@given(**questions)
def test_codes_in_memory_never_make_a_plan_dearer(entries, bits, queries, radius, resident):
    asked = (entries, bits, queries, radius)
    assert plan(*asked, resident=True).cost <= plan(*asked, resident=False).cost


@given(st.integers(0, 10**9), st.booleans())
def test_the_nearest_are_always_found_by_a_scan(entries, resident):
    found = plan(entries, 64, 1, None, resident=resident)
    assert (found.way, found.probes, found.candidates) == ("scan", 0, entries)


def test_small_radii_of_a_fresh_file_load_nothing():
    assert plan(1_000_000, 64, 1, 0, resident=False).way == "bucket"
    assert plan(1_000_000, 64, 1, 2, resident=False).way == "flips"
    assert plan(1_000_000, 64, 1, 9, resident=False).way == "scan"


def test_a_plan_reads_as_a_sentence():
    assert plan(10**6, 64, 1, 0, resident=True) == Plan(
        "bucket", 1, 1, LOOKUP, "one look-up of the code in the database, nothing is loaded"
    )
    texts = [
        str(plan(10**6, 64, 1, radius, resident=resident)) for radius, resident in ((0, True), (1, False), (3, True))
    ]
    assert texts == [
        "bucket: one look-up of the code in the database, nothing is loaded;"
        " 1 probes and 1 candidates a query, about 40 µs",
        "flips: 65 codes within 1 flipped bits are looked up; 65 probes and 65 candidates a query, about 76 µs",
        "scan: all 1,000,000 codes (8 MB, in memory) are compared;"
        " looking up 43,745 codes would take 25 ms;"
        " 0 probes and 1,000,000 candidates a query, about 575 µs",
    ]
    assert str(plan(10**6, 64, 1, 30, resident=False)) == (
        "scan: all 1,000,000 codes (8 MB, to be loaded) are compared;"
        " 0 probes and 1,000,000 candidates a query, about 154 ms"
    )


COSTS = Costs(
    1_000_000,
    20.0,
    2.0,
    100_000.0,
    (30.0, 18.0, 9.0, 9.0),
    ((1, 2, 3, 4000.0), (10, 6, 9, 16_000.0), (100, 9, 14, 64_000.0)),
)
SHAPE = (900_000, 4, 16)


@pytest.mark.parametrize(
    ("radius", "probes", "candidates"),
    [(0, 1, 30), (3, 4, 120), (4, 4 + 16, 120 + 288), (7, 4 + 64, 120 + 64 * 18), (8, 68 + 120, 120 + 1152 + 1080)],
)
def test_steps_of_a_radius_are_the_flips_of_its_chunks(radius, probes, candidates):
    found = plan_tables(COSTS, SHAPE, 3, None, radius)
    assert (found.way, found.probes, found.candidates) == ("multi-index", probes, candidates)
    assert found.cost == pytest.approx(3 * (KERNEL + 0.02 * probes + 0.002 * candidates + 0.06 * COSTS.results(radius)))


def test_results_are_expected_to_grow_as_they_do_between_ten_and_a_hundred():
    assert [COSTS.results(radius) for radius in (6, 9, 12)] == pytest.approx([10, 100, 1000])
    assert COSTS.scanning(9) == pytest.approx(100_000 + 100 * 60)


@given(st.integers(0, 64), st.floats(1, 1e3), st.floats(1e2, 1e9))
def test_a_radius_is_scanned_for_where_a_scan_is_cheaper(radius, probe, scan):
    costs = Costs(COSTS.entries, probe, probe / 9, scan, COSTS.met, COSTS.nearest)
    cheaper = radius // 4 >= len(COSTS.met) or costs.probing(4, 16, radius) > costs.scanning(radius)
    assert (plan_tables(costs, SHAPE, 1, None, radius).way == "scan") == cheaper == scans(costs, 4, 16, 64)[radius]


def test_the_time_for_a_few_k_tells_that_of_others():
    assert [COSTS.searching(k) for k in (1, 10, 100, 400)] == pytest.approx([4000, 16_000, 64_000, 128_000])
    assert [COSTS.reach(k) for k in (1, 10, 31, 100, 1000)] == [(2, 3), (6, 9), (8, 12), (9, 14), (12, 19)]
    assert 4000 < COSTS.searching(3) < 16_000 < COSTS.searching(31) < 64_000


def test_tables_are_made_for_many_queries_of_many_codes():
    assert not pays_off(1_000_000, 64, 1)
    assert not pays_off(1000, 64, 1000)
    assert pays_off(1_000_000, 64, 10_000)
    assert pays_off(1_000_000, 64, 1_000_000)


@pytest.mark.parametrize(("probe", "scanned", "most"), [
    (20.0, 9, 8),
    (20.0, 3, 2),  # a scan is cheaper from 3 bits on
    (5_000.0, 65, 3),  # at 4 bits a chunk is looked up with each bit flipped: 100 µs
    (30_000.0, 65, 2),
    (100_000.0, 65, -1),
    (1e-9, 65, 64),
])  # fmt: skip
def test_a_search_is_quick_as_long_as_probing_takes_microseconds(probe, scanned, most):
    costs = replace(COSTS, probe=probe, candidate=0.0, nearest=((10, 100, 100, 1.0), (100, 200, 200, 1.0)))
    assert quick(costs, 4, 16, [radius >= scanned for radius in range(65)]) == most


def test_a_plan_with_tables_reads_as_a_sentence():
    texts = [str(plan_tables(COSTS, SHAPE, 1, *asked)) for asked in ((None, 4), (10, None), (None, 40))]
    assert texts == [
        "multi-index: all within 4 bits, 4 chunks of 16 bits are looked up with up to 1 of them flipped;"
        " 20 probes and 408 candidates a query, about 2 µs",
        "multi-index: the 10 nearest are expected within 6 bits, 4 chunks of 16 bits are looked up with up to 1 of them"
        " flipped; 52 probes and 984 candidates a query, about 20 µs",
        "scan: all 900,000 different codes are compared; 0 probes and 900,000 candidates a query, about 60 ms",
    ]
    measured = Plan("bucket", 1, 1, 40.0, "why", 2500.0)
    assert str(measured) == "bucket: why; 1 probes and 1 candidates a query, about 40 µs, measured 2 ms"
