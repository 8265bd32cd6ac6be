from hypothesis import given
from hypothesis import strategies as st

from indexer.bits import ball_size
from indexer.planner import BYTE, CALL, IMPORT, LOAD, LOOKUP, MOST_PROBES, PROBE, Plan, plan

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
    assert (found.way, found.probes) == ("scan", entries)


def test_small_radii_of_a_fresh_file_load_nothing():
    assert plan(1_000_000, 64, 1, 0, resident=False).way == "bucket"
    assert plan(1_000_000, 64, 1, 2, resident=False).way == "flips"
    assert plan(1_000_000, 64, 1, 9, resident=False).way == "scan"


def test_a_plan_reads_as_a_sentence():
    assert plan(10**6, 64, 1, 0, resident=True) == Plan(
        "bucket", 1, LOOKUP, "one look-up of the code in the database, nothing is loaded"
    )
    texts = [
        str(plan(10**6, 64, 1, radius, resident=resident)) for radius, resident in ((0, True), (1, False), (3, True))
    ]
    assert texts == [
        "bucket: one look-up of the code in the database, nothing is loaded; about 40 µs",
        "flips: 65 codes within 1 flipped bits are looked up; about 76 µs",
        "scan: all 1,000,000 codes (8 MB, in memory) are compared;"
        " looking up 43,745 codes would take 25 ms; about 575 µs",
    ]
    assert str(plan(10**6, 64, 1, 30, resident=False)) == (
        "scan: all 1,000,000 codes (8 MB, to be loaded) are compared; about 154 ms"
    )
