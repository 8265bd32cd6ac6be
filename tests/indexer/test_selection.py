"""Conditions against six lines of Python, over random metas, with and without an index on their fields."""

import operator
import re
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer import Index
from indexer.errors import InvalidInput, NotFound
from indexer.where import Comparison, Every, Not, Some
from tests.indexer.conftest import names, random_codes

ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def brute(condition, meta):
    """Whether an entry of this meta matches: what `indexer.where` says, in plain Python."""
    if isinstance(condition, Comparison):
        value = meta.get(condition.field)
        found = [value, *value] if isinstance(value, list) else [value]
        return value is not None and (condition.operator == "has" or any(compares(condition, one) for one in found))
    if isinstance(condition, Not):
        return not brute(condition.part, meta)
    return (all if isinstance(condition, Every) else any)(brute(part, meta) for part in condition.parts)


def number(value):
    """The number that a value is or, as a text, says."""
    if isinstance(value, str):
        return float(value) if re.fullmatch(r" *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *", value) else None
    return None if isinstance(value, bool | list | dict | None) else value


def compares(test, value):
    (wanted,) = test.values if test.operator != "=" else (None,)
    if test.operator == "=":
        texts = {"True": "true", "False": "false"}.get(str(value), str(value))
        alike = isinstance(value, int | float) and any(number(one) == value for one in test.values)
        return texts in test.values if isinstance(value, str | bool) else alike
    if isinstance(wanted, str):
        return isinstance(value, str) and ORDER[test.operator](value, wanted)
    return number(value) is not None and ORDER[test.operator](number(value), wanted)


NAMES = st.sampled_from(["x", "a.b", 'q"', ""])
TEXTS = st.sampled_from(
    ["a", "b", "é", "true", "1", "2.5", "01", " 3 ", "1e1", "-", "null", "2024-01-31", "10", "array"]
)
NUMBERS = st.integers(-3, 12) | st.sampled_from([0.5, 2.5, 1e300, -1e-300, 2**40])
SCALARS = st.none() | st.booleans() | TEXTS | NUMBERS
METAS = st.lists(
    st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=3) | st.just({"x": 1}), max_size=3), max_size=8
)
LEAVES = (
    st.builds(
        lambda field, values: Comparison(field, "=", tuple(map(str, values))),
        NAMES,
        st.lists(TEXTS | NUMBERS, min_size=1, max_size=3),
    )
    | st.builds(
        lambda field, sign, value: Comparison(field, sign, (value,)),
        NAMES,
        st.sampled_from(list(ORDER)),
        TEXTS | NUMBERS,
    )
    | st.builds(lambda field: Comparison(field, "has"), NAMES)
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda parts: (
        st.builds(Not, parts)
        | st.builds(lambda some: Every(tuple(some)), st.lists(parts, max_size=3))
        | st.builds(lambda some: Some(tuple(some)), st.lists(parts, max_size=3))
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(METAS, st.lists(CONDITIONS, min_size=1, max_size=5), st.lists(NAMES, unique=True), st.integers(0, 8))
def test_conditions_find_what_brute_force_finds(metas, conditions, indexed, before):
    with Index.create(":memory:") as index:
        codes, keys = random_codes(len(metas), 64), names(len(metas))
        index.add(keys[:before], codes[:before], metas=metas[:before])
        for name in indexed:
            index.index_field(name)
        index.add(keys[before:], codes[before:], metas=metas[before:])
        some = np.arange(1, len(metas) + 2, 2)
        for condition in conditions:
            expected = [n for n, meta in enumerate(metas, 1) if brute(condition, meta)]
            assert index.store.where(condition).tolist() == expected
            assert index.store.where(condition, some).tolist() == [n for n in expected if n % 2]


FIELDS = [
    {"x": "a", "tags": ["red", 7, "7", None, ["red"], True]},
    {"x": 2.5, "tags": {"red": 1}},
    {"x": " 3 ", "tags": []},
    {"x": False, "tags": None},
    {"y": "a"},
]
ROWS = [
    ("tags", "array", "array", 1), ("tags", "array", "array", 3),
    ("tags", "boolean", "true", 1),
    ("tags", "number", 7, 1), ("tags", "object", "object", 2),
    ("tags", "read", 7, 1), ("tags", "text", "7", 1), ("tags", "text", "red", 1),
    ("x", "boolean", "false", 4), ("x", "number", 2.5, 2), ("x", "read", 3, 3),
    ("x", "text", " 3 ", 3), ("x", "text", "a", 1),
]  # fmt: skip


def rows(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name, kind, value, entry FROM fields ORDER BY 1, 2, 3, 4").fetchall()


def test_the_rows_of_an_index(path):
    """The format on disk, whether the entries came before the index or after it."""
    with Index.create(path) as index:
        index.add(names(2), random_codes(2, 64), metas=FIELDS[:2])
        assert rows(path) == []
        index.index_field("x")
        index.index_field("tags")
        index.index_field("x")
        index.add(names(3, 2), random_codes(3, 64), metas=FIELDS[2:])
        assert rows(path) == ROWS
        assert index.store.indexed() == ["x", "tags"]
        assert index.store.fact("fields") == '["x", "tags"]'


def test_an_index_that_is_dropped_leaves_nothing_and_answers_stay(path):
    with Index.create(path) as index:
        index.add(names(5), random_codes(5, 64), metas=FIELDS)
        index.index_field("x")
        index.index_field("tags")
        found = [index.store.where(where).tolist() for where in ("x=a", "x>2", "tags=red")]
        index.unindex_field("x")
        assert rows(path) == [row for row in ROWS if row[0] == "tags"]
        assert index.store.indexed() == ["tags"]
        assert [index.store.where(where).tolist() for where in ("x=a", "x>2", "tags=red")] == found
        index.add(["new"], random_codes(1, 64), metas=[{"x": 1}])
        assert rows(path) == [row for row in ROWS if row[0] == "tags"]
        with pytest.raises(NotFound) as refused:
            index.unindex_field("tags", "x")
        assert str(refused.value) == f"{path}: the field 'x' is not indexed: there are tags"
        assert rows(path) == [row for row in ROWS if row[0] == "tags"]
        index.unindex_field("tags")
        assert rows(path) == []
        with pytest.raises(NotFound) as refused:
            index.unindex_field("x")
        assert str(refused.value) == f"{path}: the field 'x' is not indexed: there are none"
        index.index_field("x")
        assert [row for row in rows(path) if row[3] < 6] == [row for row in ROWS if row[0] == "x"]


def test_an_index_follows_updates_and_removals(path):
    with Index.create(path) as index:
        index.index_field("x")
        index.add(["a", "b", "c"], random_codes(3, 64), metas=[{"x": 1}, {"x": 2}, {"x": 3}])
        index.add(["b", "a"], random_codes(2, 64), metas=[{"x": "new"}, {}])
        assert rows(path) == [("x", "number", 3, 3), ("x", "text", "new", 2)]
        index.remove(["c"])
        assert rows(path) == [("x", "text", "new", 2)]
        assert index.store.where("x = new").tolist() == [2]
        assert index.store.where("x != new").tolist() == [1]


def test_an_index_is_used(path):
    """No meta is read where fields are indexed: those here are broken behind its back."""
    with Index.create(path) as index:
        index.add(names(5), random_codes(5, 64), metas=FIELDS)
        index.index_field("x")
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE entries SET meta = 'broken'")
        for where, found in [
            ("x=a", [1]),
            ("x>2", [2, 3]),
            ("x>2 and not x=2.5", [3]),
            ("not x=null", [1, 2, 3, 4]),
            ("x=a or x=false", [1, 4]),
            ("x in (a, false, 9)", [1, 4]),
        ]:
            assert index.store.where(where).tolist() == found


@pytest.mark.parametrize("where", ["x=a", "x in (a, 1, true)", "x>=2000", "x<'b'", "x!=null"])
def test_an_index_is_searched_and_not_scanned(path, where, monkeypatch):
    from indexer import selection

    asked = []
    ids = selection._ids
    monkeypatch.setattr(selection, "_ids", lambda *words: (asked.append(words[1:]), ids(*words))[1])
    with Index.create(path) as index:
        index.add(names(5), random_codes(5, 64), metas=FIELDS)
        index.index_field("x")
        index.store.where(where)
    sql, values = asked[0]
    with closing(sqlite3.connect(path)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", tuple(values)) if "fields" in row[3]]
    bounds = "" if where == "x!=null" else " AND kind=? AND value"
    assert plan
    assert all(step.startswith(f"SEARCH fields USING PRIMARY KEY (name=?{bounds}") for step in plan), plan


def test_fields_and_their_types():
    with Index.create(":memory:") as index:
        index.add(names(5), random_codes(5, 64), metas=FIELDS)
        assert index.store.fields() == {
            "tags": {"array": 2, "null": 1, "object": 1},
            "x": {"false": 1, "real": 1, "text": 2},
            "y": {"text": 1},
        }


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("x=1 and taags=red", "no entry has the field 'taags': did you mean 'tags'?"),
        ({"$not": {"size": 3}}, "no entry has the field 'size': there are tags, x, y"),
    ],
)
def test_a_field_that_no_entry_has_is_told(where, message):
    with Index.create(":memory:") as index:
        index.check_fields(where)
        index.add(names(5), random_codes(5, 64), metas=FIELDS)
        index.check_fields("x=1 and not tags=red")
        with pytest.raises(NotFound) as caught:
            index.check_fields(where)
        assert str(caught.value) == f":memory:: {message}"


def test_a_change_of_a_filtered_entry_is_seen_at_once(path):
    """What was remembered of a filter is of one revision."""
    with Index.create(path) as index:
        codes = random_codes(40, 64)
        index.add(names(40), codes, metas=[{"n": n} for n in range(40)])
        assert index.search(codes[:1], 3, where="n < 2").ids.tolist() == [[1, 2, -1]]
        index.add(["k1", "late"], codes[:2], metas=[{"n": 7}, {"n": 0}])
        assert sorted(index.search(codes[:1], 3, where="n < 2").ids[0].tolist()) == [-1, 1, 41]


def test_among_and_where_are_one_of_two():
    with Index.create(":memory:") as index:
        for ask in (index.search, index.within):
            with pytest.raises(InvalidInput, match="among and where are both given: give one of"):
                ask(random_codes(1, 64), 3, among=np.array([1]), where={"x": 1})
