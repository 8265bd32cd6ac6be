"""Filtered searches against brute force: all that match and no others, by (distance, id), however many match."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer import Index, filtered
from tests.indexer import brute
from tests.indexer.conftest import clustered_codes, names


@pytest.fixture(scope="module")
def index():
    """1,500 entries of which every n-th has `n`; codes of one cluster share a `part`."""
    rng = np.random.default_rng(3)
    with Index.create(":memory:") as made:
        codes = clustered_codes(1500, 64)
        metas = [{"n": n, "part": int(codes[n, 0]), "coin": bool(rng.random() < 0.5)} for n in range(1500)]
        made.add(names(1500), codes, metas=metas)
        made.metas, made.all = metas, codes
        yield made


def passing(index, share):
    """A condition that so many pass, and their ids."""
    if share == "half":
        return "coin = true", np.array([n for n, meta in enumerate(index.metas, 1) if meta["coin"]])
    if share == "few":
        return {"n": {"$lt": 12}}, np.arange(1, 13)
    if share == "far":  # those that are near the first query all fail
        part = index.metas[0]["part"]
        return f"part != {part}", np.array([n for n, meta in enumerate(index.metas, 1) if meta["part"] != part])
    return "n < 0", np.zeros(0, np.int64)


@pytest.mark.parametrize("share", ["half", "few", "far", "none"])
@pytest.mark.parametrize("small", [0, 10**9])
@pytest.mark.parametrize("k", [1, 7, 40])
def test_the_k_nearest_of_those_that_pass(index, share, small, k, monkeypatch):
    """However much is tried before all metas are read."""
    monkeypatch.setattr(filtered, "SMALL", small)
    where, ids = passing(index, share)
    queries = index.all[[0, 700, 3]]
    found = index.search(queries, k, where=where)
    again = index.search(queries, k, where=where)
    for row, query in enumerate(queries):
        expected = brute.search(ids, index.all[ids - 1], query, k)
        kept = found.ids[row] >= 0
        assert (found.ids[row][kept].tolist(), found.distances[row][kept].tolist()) == expected
        assert (found.distances[row][~kept] == -1).all()
    assert np.array_equal(found.ids, again.ids)


@pytest.mark.parametrize("share", ["half", "few", "far", "none"])
@pytest.mark.parametrize("small", [0, 10**9])
@pytest.mark.parametrize("radius", [0, 6, 64])
def test_all_within_a_radius_that_pass(index, share, small, radius, monkeypatch):
    monkeypatch.setattr(filtered, "SMALL", small)
    where, ids = passing(index, share)
    queries = index.all[[0, 700, 3]]
    found = index.within(queries, radius, where=where)
    for row, query in enumerate(queries):
        part = slice(found.lims[row], found.lims[row + 1])
        expected = brute.within(ids, index.all[ids - 1], query, radius)
        assert (found.ids[part].tolist(), found.distances[part].tolist()) == expected


def test_where_gives_what_among_gives_while_tables_are_warm(index):
    index.warm()
    for share in ("half", "few", "far", "none"):
        where, ids = passing(index, share)
        ours, theirs = (
            index.search(index.all[:9], 5, **{by: value}) for by, value in (("where", where), ("among", ids))
        )
        assert np.array_equal(ours.ids, theirs.ids)
        assert np.array_equal(ours.distances, theirs.distances)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(1, 8), st.integers(0, 3))
def test_few_entries_with_many_ties(values, k, wanted):
    with Index.create(":memory:", bits=8) as index:
        codes = np.array(values, np.uint8)[:, None] // 2
        index.add(names(len(values)), codes, metas=[{"v": value} for value in values])
        found = index.search(codes[:1], k, where={"v": wanted})
        ids = np.array([n for n, value in enumerate(values, 1) if value == wanted], np.int64)
        kept = found.ids[0] >= 0
        assert found.ids[0][kept].tolist() == brute.search(ids, codes[ids - 1], codes[0], k)[0]


def test_only_the_last_few_filters_are_remembered(index, monkeypatch):
    monkeypatch.setattr(filtered, "SMALL", 0)
    for most in range(9):
        index.search(index.all[:1], 1, where={"n": {"$lt": most}})
    assert len(index._filtered._kept) == filtered.KEPT


def test_the_plan_tells_what_is_done_about_a_condition(monkeypatch):
    monkeypatch.setattr(filtered, "SMALL", 100)
    with Index.create(":memory:") as index:
        index.add(names(900), clustered_codes(900, 64), metas=[{"n": n} for n in range(900)])
        code = clustered_codes(1, 64)
        every, within = "all 900 codes (7 kB, in memory) are compared", len(index.within(code, 20).ids)
        read = "; the metas of the nearest are read, and of more if too few match"
        all_that_match = "all 5 codes (40 bytes, in memory) are compared, those of all entries that match"
        plans = [
            index.explain(code, k=10, where="n >= 5"),
            index.explain(code, k=26, where="n < 5"),
            index.explain(code, k=10, where="n < 5"),  # which are known by now
            index.explain(code, radius=20, where="n >= 5"),
            index.explain(code, radius=64, where="n >= 5"),
        ]
        assert [(plan.way, plan.candidates, plan.why) for plan in plans] == [
            ("scan", 900, every + read),
            ("scan", 5, all_that_match),
            ("scan", 5, all_that_match),
            ("scan", 900, f"{every}; the metas of the {within} within are read"),
            ("scan", 900, every + "; all entries that match are found besides"),
        ]
        assert 0 < within <= 100
        assert all(plan.measured > 0 for plan in plans)
