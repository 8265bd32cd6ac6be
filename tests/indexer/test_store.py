import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer import Index
from indexer.errors import InvalidInput, NotFound
from indexer.segments import Cache
from indexer.store import Batch
from tests.indexer import brute
from tests.indexer.conftest import clustered_codes, file_rows, names, random_codes, rows_of

some_keys = st.lists(st.sampled_from([f"k{n}" for n in range(9)]), unique=True, max_size=6)
steps = st.lists(st.tuples(st.sampled_from(["add", "remove", "reopen"]), some_keys, st.integers(0, 99)), max_size=12)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))  # SQLite ends a text of JSON at NUL
meta_values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts


def equals_model(index, model):
    """Everything the index says equals a dict of key -> (id, code)."""
    keys = list(model)
    ids = np.array([number for number, _ in model.values()], dtype=np.int64)
    codes = np.array([code for _, code in model.values()], dtype=np.uint8).reshape(-1, index.bits // 8)
    assert len(index) == len(model)
    assert index.ids(keys).tolist() == ids.tolist()
    assert index.keys(ids) == keys
    assert index.codes(ids).tolist() == codes.tolist()
    for query in random_codes(2, index.bits, seed=len(model)):
        found = index.search(query, 4)
        kept = found.ids[0] >= 0
        right = brute.search(ids, codes, query, 4)
        assert (found.ids[0][kept].tolist(), found.distances[0][kept].tolist()) == right
        for radius in (0, 3, 9):
            near = index.within(query, radius)
            assert (near.ids.tolist(), near.distances.tolist()) == brute.within(ids, codes, query, radius)


@settings(max_examples=25, deadline=None)
@given(steps)
def test_any_sequence_of_changes_ends_as_a_dict_would(tmp_path_factory, changes):
    path = str(tmp_path_factory.mktemp("store") / "codes.db")
    model, last, index = {}, 0, Index.create(path, 16)
    for what, keys, seed in changes:
        if what == "add":
            for key, code in zip(keys, clustered_codes(len(keys), 16, seed), strict=True):
                last += key not in model
                model[key] = (model[key][0] if key in model else last, code)
            index.add(keys, clustered_codes(len(keys), 16, seed))
        elif what == "remove":
            there = [key for key in keys if key in model]
            assert index.remove(there) == len(there)
            model = {key: value for key, value in model.items() if key not in there}
        else:
            index.close()
            index = Index.open(path)
    equals_model(index, model)
    index.close()
    with Index.open(path) as again:
        equals_model(again, model)
        assert again.check(sample=4).problems == []


def test_an_updated_entry_keeps_its_id_and_gets_all_columns_anew(path):
    code = random_codes(1, 64)
    with Index.create(path) as index:
        index.add(["a"], code, contents=["old"], metas=[{"x": 1}], digests=[b"d"], vectors=np.ones((1, 2), np.float32))
        assert index.add(["b", "a"], random_codes(2, 64, 1), contents=[None, "new"]).tolist() == [2, 1]
        assert [(row.key, row.content, row.meta) for row in index.store.rows(np.array([1, 2]))] == [
            ("a", "new", {}),
            ("b", None, {}),
        ]
        assert index.store.digests(["a", "z"]) == {"a": None}
        with pytest.raises(NotFound):
            index.store.vectors(np.array([1]))


def test_an_id_is_never_given_again(path):
    with Index.create(path) as index:
        index.add(names(3), random_codes(3, 64))
        index.remove(["k2"])
        assert index.add(["k2"], random_codes(1, 64)).tolist() == [4]


def test_columns_come_back_as_they_were_given(path):
    vectors = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    metas = [{"x": 1, "é": [True, None]}, {}, {"y": "z"}]
    with Index.create(path) as index:
        ids = index.add(names(3), random_codes(3, 64), contents=["a", None, "ü\n"], metas=metas, vectors=vectors)
        rows = index.store.rows(ids[::-1])
        assert [(row.id, row.key, row.content, row.meta) for row in rows] == [
            (3, "k2", "ü\n", metas[2]),
            (2, "k1", None, {}),
            (1, "k0", "a", metas[0]),
        ]
        assert np.array_equal(index.store.vectors(ids), vectors.astype(np.float16).astype(np.float32))
        assert [[row.id for row in page] for page in index.store.pages(2)] == [[1, 2], [3]]


@given(st.lists(st.text(min_size=1), unique=True, min_size=1, max_size=5))
@settings(max_examples=30, deadline=None)
def test_any_text_is_a_key(keys):
    with Index.create(":memory:") as index:
        ids = index.add(keys, random_codes(len(keys), 64))
        assert index.keys(ids) == keys
        assert index.ids(keys).tolist() == ids.tolist()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda index: index.ids(["k0", "no"]), "no entry has the key 'no'"),
        (lambda index: index.remove(["k0", "no"]), "no entry has the key 'no'; nothing was removed"),
        (lambda index: index.keys([1, 999]), "no entry has the id 999"),
        (lambda index: index.codes([1, 999]), "no entry has the id 999"),
        (lambda index: index.store.rows(np.array([0])), "no entry has the id 0"),
    ],
)
def test_what_is_not_there_is_named(filled, call, message):
    before = file_rows(filled.path)
    with Index.open(filled.path) as index:
        with pytest.raises(NotFound) as error:
            call(index)
        assert str(error.value) == f"{filled.path}: {message}"
    assert file_rows(filled.path) == before


@pytest.mark.parametrize("action", ["add", "remove"])
def test_a_failure_within_a_change_leaves_the_file_as_it_was(filled, monkeypatch, action):
    before = file_rows(filled.path)
    with Index.open(filled.path) as index:
        right = index.search(filled.codes[:3], 3).ids.tolist()
        put = Cache._put
        monkeypatch.setattr(Cache, "_put", lambda *given: (put(*given), 1 / 0))
        with pytest.raises(ZeroDivisionError):
            index.remove(["k3"]) if action == "remove" else index.add(["k3", "new"], random_codes(2, 64))
        monkeypatch.undo()
        assert index.search(filled.codes[:3], 3).ids.tolist() == right
        assert file_rows(filled.path) == before
        assert index.add(["new"], random_codes(1, 64)).tolist() == [201]


def test_a_first_load_that_fails_leaves_an_empty_file_with_its_indexes(path, monkeypatch):
    monkeypatch.setattr("indexer.store.BULK", 2)
    with Index.create(path) as index:
        before = file_rows(path), _indexes(path)
        with pytest.raises(InvalidInput) as error:
            index.add(["a", "b"], random_codes(2, 64), metas=[{}, {"x": float("nan")}])
        message = "meta with 'x' is no JSON (Out of range float values are not JSON compliant"
        assert str(error.value).startswith(message)
        assert (file_rows(path), _indexes(path)) == before
        index.add(["a", "b"], random_codes(2, 64))
        assert _indexes(path) == before[1] == ["buckets_by_code", "entries_by_key", "fields_by_entry"]
        assert index.check().problems == []


def _indexes(path):
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1")
    rows = [row[0] for row in found]
    connection.close()
    return rows


KILLED = """
import sys, numpy as np
from indexer import Index
with Index.open(sys.argv[1]) as index:
    for batch in range(10**6):
        codes = np.random.default_rng(batch).integers(0, 256, (100, 8), dtype=np.uint8)
        index.add([f"{batch}/{n}" for n in range(100)], codes)
        print(batch, flush=True)
"""


@pytest.mark.parametrize("batches", [1, 7, 20])
def test_a_killed_writer_leaves_whole_batches(path, batches):
    Index.create(path).close()
    with subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, text=True) as child:
        while int(child.stdout.readline()) < batches:
            pass
        child.send_signal(signal.SIGKILL)
        told = batches + len(child.stdout.read().split())
    with Index.open(path) as index:
        whole, rest = divmod(len(index), 100)
        assert rest == 0
        assert whole in (told + 1, told + 2)
        codes = [np.random.default_rng(batch).integers(0, 256, (100, 8), dtype=np.uint8) for batch in range(whole)]
        assert np.array_equal(rows_of(index)[1], np.concatenate(codes))
        assert index.check().problems == []


METAS = [
    {"x": "a", "n": 1, "flag": True},
    {"x": "b", "n": 1.0, "flag": False},
    {"x": None, "n": "1", "flag": "true"},
    {"n": 0.1 + 0.2},
    {"a.b": 1, 'q"uote': 'v"al', "back\\slash": "\\", "new\nline": "\t"},
    {"a": {"b": 1}, "'; DROP TABLE entries; --": "' OR 1=1 --"},
    {"é": "日本", "": "empty", "list": [1], "0": "zero", "big": 2**70, "small": 1e-07},
    {},
]


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"x": "a"}, [1]),
        ({"x": "A"}, []),
        ({"n": 1}, [1, 2, 3]),
        ({"n": "1"}, [1, 2, 3]),
        ({"n": 1.0}, [1, 2]),
        ({"n": 0.1 + 0.2}, [4]),
        ({"n": "0.30000000000000004"}, [4]),
        ({"n": 0.3}, []),
        ({"n": 0}, []),
        ({"n": "one"}, []),
        ({"n": True}, []),
        ({"flag": True}, [1, 3]),
        ({"flag": "true"}, [1, 3]),
        ({"flag": False}, [2]),
        ({"flag": 1}, []),
        ({"x": None, "n": "1"}, [3]),
        ({"x": None}, [3, 4, 5, 6, 7, 8]),
        ({"x": "None"}, []),
        ({"x": "null"}, []),
        ({"a.b": 1}, [5]),
        ({"a": None}, [1, 2, 3, 4, 5, 7, 8]),
        ({"list": "array"}, []),
        ({"list[0]": 1}, []),
        ({'q"uote': 'v"al'}, [5]),
        ({"back\\slash": "\\"}, [5]),
        ({"new\nline": "\t"}, [5]),
        ({"'; DROP TABLE entries; --": "' OR 1=1 --"}, [6]),
        ({"x": "' OR 1=1 --"}, []),
        ({'x" OR 1=1': "a"}, []),
        ({"é": "日本"}, [7]),
        ({"": "empty"}, [7]),
        ({"0": "zero"}, [7]),
        ({"big": 2**70}, [7]),
        ({"big": str(2**70)}, [7]),
        ({"small": 1e-07}, [7]),
        ({"x": "a", "n": 1, "flag": True}, [1]),
        ({"x": "a", "flag": False}, []),
    ],
)
def test_where_finds_entries_by_their_meta(conditions, found):
    with Index.create(":memory:") as index:
        index.add(names(8), random_codes(8, 64), metas=METAS)
        assert index.store.where(conditions).tolist() == found


@settings(max_examples=40, deadline=None)
@given(texts.filter(lambda name: name != "else" and not name.startswith("$")), meta_values, texts, meta_values)
def test_where_finds_any_meta_by_itself(name, value, other, another):
    with Index.create(":memory:") as index:
        index.add(["a", "b"], random_codes(2, 64), metas=[{other: another, name: value}, {"else": [name, value]}])
        assert 1 in index.store.where({name: value}).tolist()
        assert (2 in index.store.where({name: value}).tolist()) == (value is None)


def test_facts_are_kept_as_text(path):
    with Index.create(path) as index:
        assert index.store.fact("colour") is None
        index.store.set_fact("colour", "blue")
        index.store.set_fact("colour", "green")
    with Index.open(path) as index:
        assert index.store.fact("colour") == "green"
        assert index.store.revision() == 0


def test_more_keys_than_sqlite_binds_at_once(path):
    count = 40_000
    with Index.create(path) as index:
        _, ids = index.store.add(Batch(names(count), random_codes(count, 64)))
        assert index.ids(names(count)[::-1]).tolist() == ids[::-1].tolist()
        assert index.keys(ids[::-1]) == names(count)[::-1]
        assert index.remove(names(count)[1:]) == count - 1
        assert rows_of(index)[0].tolist() == [1]
    assert Path(path).exists()


def test_updated_keys_among_new_ones_keep_their_ids(path):
    with Index.create(path) as index:
        index.add(["a", "b", "c"], random_codes(3, 64))
        assert index.add(["a", "c", "b", "d"], random_codes(4, 64, 1)).tolist() == [1, 3, 2, 4]
        assert index.keys([1, 2, 3, 4]) == ["a", "b", "c", "d"]


def test_many_writers_take_turns(path):
    with Index.create(path) as index, ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(index.add, names(3, first=3 * n), random_codes(3, 64, n)) for n in range(40)]
        assert sorted(number for call in calls for number in call.result().tolist()) == list(range(1, 121))
        assert (len(index), index.store.revision(), index.check().problems) == (120, 40, [])


def test_no_ids_have_no_vectors(filled):
    with Index.open(filled.path) as index:
        assert index.store.vectors(np.zeros(0, np.int64)).shape == (0, 0)


def test_a_key_that_utf8_cannot_hold_is_refused(filled):
    with Index.open(filled.path) as index:
        with pytest.raises(InvalidInput) as error:
            index.add(["fine", "a\ud800"], filled.codes[:2])
        assert str(error.value) == "a key holds '\\ud800', which UTF-8 cannot: give another"
        assert len(index) == 200


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text("ab\u00e9\U0001f600", min_size=1, max_size=3), unique=True, max_size=12),
    st.text("ab\u00e9\U0001f600", max_size=2),
    st.text("ab\u00e9\U0001f600", max_size=3),
    st.integers(1, 5),
    st.one_of(st.none(), st.sets(st.integers(1, 12))),
)
def test_a_list_is_of_keys_in_order(keys, prefix, after, size, chosen):
    with Index.create(":memory:") as index:
        ids = index.add(keys, random_codes(len(keys), 64))
        among = None if chosen is None else np.array(sorted(chosen), dtype=np.int64)
        listed = index.store.listed(prefix, after, size, among)
    wanted = sorted(
        (key, number)
        for key, number in zip(keys, ids.tolist(), strict=True)
        if key.startswith(prefix) and key > after and (chosen is None or number in chosen)
    )
    assert [(row.key, row.id) for row in listed] == wanted[:size]
