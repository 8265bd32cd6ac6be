import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, pairwise
from types import MappingProxyType

import numpy as np
import pytest

import indexer
from indexer import Index
from indexer.errors import InvalidInput, NotFound
from tests.indexer import brute
from tests.indexer.conftest import WIDTHS, clustered_codes, names, python, random_codes, rows_of


def parts(found):
    """Ids and distances of each query."""
    cut = [slice(low, high) for low, high in pairwise(found.lims)]
    return [(found.ids[part].tolist(), found.distances[part].tolist()) for part in cut]


def nearest(found):
    rows = zip(found.ids, found.distances, strict=True)
    return [(ids[ids >= 0].tolist(), near[ids >= 0].tolist()) for ids, near in rows]


def equals_brute_force(index, queries):
    """Every way of an index against brute force over its rows."""
    ids, codes = rows_of(index)
    some = ids[::3]
    few = np.isin(ids, some)
    for radius in {0, 1, 2 if index.bits <= 64 else 1, index.bits // 4, index.bits, index.bits + 7}:
        right = [brute.within(ids, codes, query, radius) for query in queries]
        assert parts(index.within(queries, radius)) == right
        if radius <= 2:
            lims, found, near = index._look_up(queries, radius)
            assert [found.tolist(), near.tolist()] == [list(chain(*part)) for part in zip(*right, strict=True)]
            assert lims.tolist() == np.cumsum([0, *(len(one[0]) for one in right)]).tolist()
        right = [brute.within(some, codes[few], query, radius) for query in queries]
        assert parts(index.within(queries, radius, among=some)) == right
    for k in (1, 5, len(ids) + 3):
        assert nearest(index.search(queries, k)) == [brute.search(ids, codes, query, k) for query in queries]
        right = [brute.search(some, codes[few], query, k) for query in queries]
        assert nearest(index.search(queries, k, among=some)) == right
    for query in queries:
        assert index.bucket(query).tolist() == brute.within(ids, codes, query, 0)[0]
    near_pairs = [(p.left.tolist(), p.right.tolist(), p.distances.tolist()) for p in index.pairs(index.bits // 8)]
    found = [list(chain(*part)) for part in zip(*near_pairs, strict=True)] or [[], [], []]
    found = [list(row) for row in zip(*sorted(zip(*found, strict=True)), strict=True)] or [[], [], []]
    assert found == brute_pairs(ids, codes, index.bits // 8)


def brute_pairs(ids, codes, radius):
    rows = [(one, *brute.within(ids[n + 1 :], codes[n + 1 :], codes[n], radius)) for n, one in enumerate(ids.tolist())]
    every = sorted((one, other, away) for one, others, near in rows for other, away in zip(others, near, strict=True))
    return [[row[part] for row in every] for part in range(3)]


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("make", [random_codes, clustered_codes])
def test_every_way_equals_brute_force_before_and_after_changes(bits, make):
    with Index.create(":memory:", bits) as index:
        codes = make(60, bits, seed=bits)
        index.add(names(60), codes)
        queries = np.concatenate((codes[:3], random_codes(2, bits, seed=9)))
        equals_brute_force(index, queries)
        index.add(names(20, first=50), make(20, bits, seed=1))
        equals_brute_force(index, queries)
        index.remove(names(30, first=10))
        equals_brute_force(index, queries)


@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_few_equal_and_no_codes(count):
    with Index.create(":memory:", 16) as index:
        index.add(names(count), np.full((count, 2), 7, np.uint8))
        equals_brute_force(index, np.array([[7, 7], [7, 6], [248, 248]], np.uint8))


@pytest.mark.parametrize("count", [0, 5])
def test_no_questions_have_no_answers(count):
    none = np.zeros((0, 8), np.uint8)
    with Index.create(":memory:") as index:
        index.add(names(count), clustered_codes(count, 64))
        assert (index.search(none, 3).ids.shape, index.search(none, 3).keys()) == ((0, 3), [])
        for radius in (0, 1, 64):
            found = index.within(none, radius)
            assert (found.lims.tolist(), found.ids.tolist(), found.keys()) == ([0], [], [])


def test_among_takes_ids_in_any_order_and_passes_over_others():
    with Index.create(":memory:") as index:
        codes = clustered_codes(30, 64)
        index.add(names(30), codes)
        among = np.array([9, 4, 4, 77, 30])
        some = np.array([4, 9, 30])
        for radius in (0, 1, 30):
            right = brute.within(some, codes[some - 1], codes[3], radius)
            assert parts(index.within(codes[3], radius, among=among)) == [right]
        assert nearest(index.search(codes[3], 5, among=among)) == [brute.search(some, codes[some - 1], codes[3], 5)]
        assert nearest(index.search(codes[3], 5, among=among[:0])) == [([], [])]


@pytest.mark.parametrize("make", [Index.search, Index.warm])
def test_codes_of_many_ids_are_read_from_memory_where_they_are(make, monkeypatch):
    codes = clustered_codes(400, 64)
    with Index.create(":memory:") as index:
        index.add(names(400), codes)
        keys = names(400)
        index.remove(keys[8:9])
        _ = index.warm() if make is Index.warm else index.search(codes[0], 3)
        index.add([keys[4], "new"], codes[:2])
        ids = np.array([*range(401, 300, -1), 5, 5, 1])
        right = np.concatenate((codes, codes[1:2]))
        right[4] = codes[0]
        assert index.codes(ids).tolist() == right[ids - 1].tolist()
        with pytest.raises(NotFound) as missing:
            index.codes(np.append(ids, 9))
        assert str(missing.value) == ":memory:: no entry has the id 9"
        monkeypatch.setattr(index.store, "codes", None)
        assert index.codes(ids).tolist() == right[ids - 1].tolist()


def test_keys_of_what_was_found(filled):
    with Index.open(filled.path) as index:
        found = index.search(filled.codes[:2], 3)
        assert found.keys() == [[f"k{number - 1}" for number in row] for row in found.ids.tolist()]
        near = index.within(np.concatenate((filled.codes[:2], 255 - filled.codes[:1])), 6)
        assert near.keys() == [[f"k{number - 1}" for number in ids] for ids, _ in parts(near)]
        assert index.search(filled.codes[:1], 300).keys()[0][0] == found.keys()[0][0]


LOADED = "import sys; assert not {'sqlalchemy', 'faiss', 'numba', 'torch'} & set(sys.modules), list(sys.modules)"
FRESH = """
import sys, numpy as np
from indexer import Index
code = np.frombuffer(bytes.fromhex(sys.argv[2]), np.uint8)
with Index.open(sys.argv[1]) as index:
    found = [index.within(code, radius).ids.tolist() for radius in (0, 1)] + [index.bucket(code).tolist()]
    assert index._memory.table is None
assert not {"faiss", "numba", "torch"} & set(sys.modules)
print(found)
"""


def test_importing_the_package_loads_no_library():
    python(f"import indexer; {LOADED}")
    python(f"import indexer.bits, indexer.errors, indexer.planner; {LOADED}")


def test_small_radii_of_a_fresh_file_are_answered_with_nothing_loaded(filled):
    right = [brute.within(filled.ids, filled.codes, filled.codes[5], radius)[0] for radius in (0, 1)]
    assert python(FRESH, filled.path, filled.codes[5].tobytes().hex()).strip() == str([*right, right[0]])


def test_names_of_the_package():
    assert indexer.__all__ == sorted(indexer.__all__) == ["Index", "Matches", "Pairs", "RangeMatches"]
    assert [getattr(indexer, name).__name__ for name in indexer.__all__] == indexer.__all__
    with pytest.raises(AttributeError, match=r"^module 'indexer' has no attribute 'Other'$"):
        _ = indexer.Other


def test_the_plan_is_the_way_that_is_gone(filled):
    with Index.open(filled.path) as index:
        code = filled.codes[:1]
        assert [index.explain(code, radius=radius).way for radius in (0, 1)] == ["bucket", "flips"]
        assert index._memory.table is None
        assert index.explain(code, radius=40).way == "scan"
        assert index._memory.table is not None
        assert [index.explain(code, **asked).way for asked in ({"k": 3}, {"radius": 2})] == ["scan", "scan"]
        index.warm()
        ways = [index.explain(code, **asked).way for asked in ({"k": 3}, {"radius": 2}, {"radius": 60})]
        assert ways[1:] == ["multi-index", "scan"]
        assert ways[0] in ("multi-index", "scan")


def test_figures_of_a_file(path):
    with Index.create(path, 16) as index:
        index.add(names(4), np.array([[1, 1], [1, 1], [2, 2], [1, 1]], np.uint8))
        stats = index.stats()
        size = stats.pop("bytes")
        memory = "262,217 bytes, 65554 an entry, multi-index tables"
        counts = {"entries": 4, "bits": 16, "revision": 1, "codes": 2, "largest bucket": 3}
        assert stats == {**counts, "memory": memory}
        assert size % 4096 == 0


CODES = np.zeros((2, 8), np.uint8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda i: i.add(["a"], CODES), "1 keys but 2 codes: give one for each"),
        (lambda i: i.add(["a", "b"], CODES, metas=[{}]), "2 keys but 1 metas: give one for each"),
        (lambda i: i.add(["a", "b"], CODES, contents=[]), "2 keys but 0 contents: give one for each"),
        (lambda i: i.add(["a", "b"], CODES, digests=[b""] * 3), "2 keys but 3 digests: give one for each"),
        (lambda i: i.add(["a", "b"], CODES, vectors=np.ones((1, 2))), "2 keys but 1 vectors: give one for each"),
        (lambda i: i.add(["a", ""], CODES), "key 1 is '': give a text that is not empty"),
        (lambda i: i.add(["a", 3], CODES), "key 1 is 3: give a text that is not empty"),
        (lambda i: i.add(["a", ["b"]], CODES), "key 1 is ['b']: give a text that is not empty"),
        (lambda i: i.add(["a", "a"], CODES), "keys 0 and 1 are both 'a': give each key once"),
        (lambda i: i.add(["a", "b"], CODES[:, :4]), "codes have shape (2, 4): give (n, 8) for codes of 64 bits"),
        (lambda i: i.search(CODES, 0), "k is 0: give a whole number of at least 1"),
        (lambda i: i.search(CODES, 1.5), "k is 1.5: give a whole number of at least 1"),
        (lambda i: i.search(CODES, True), "k is True: give a whole number of at least 1"),
        (
            lambda i: i.search(CODES, 10**9),
            "more than 100,000,000 answers, the first 0 queries answered: ask fewer at once, or for less",
        ),
        (lambda i: i.within(CODES, -1), "radius is -1: give a whole number of at least 0"),
        (lambda i: i.within(CODES, "2"), "radius is '2': give a whole number of at least 0"),
        (lambda i: list(i.pairs(-1)), "radius is -1: give a whole number of at least 0"),
        (lambda i: i.bucket(CODES), "2 codes were given: give one"),
        (lambda i: i.explain(CODES), "give k or radius, one of the two"),
        (lambda i: i.explain(CODES, k=1, radius=1), "give k or radius, one of the two"),
    ],
)
def test_what_cannot_be_used_is_refused_and_changes_nothing(call, message):
    with Index.create(":memory:") as index:
        with pytest.raises(InvalidInput) as error:
            call(index)
        assert str(error.value) == message
        assert (len(index), index.store.revision()) == (0, 0)


def test_numbers_of_numpy_are_whole_numbers(filled):
    with Index.open(filled.path) as index:
        code = filled.codes[:1]
        assert index.search(code, np.int64(2)).ids.tolist() == index.search(code, 2).ids.tolist()
        assert index.within(code, np.uint8(3)).ids.tolist() == index.within(code, 3).ids.tolist()
        assert index.within(code, np.uint8(255)).ids.tolist() == index.within(code, 64).ids.tolist()


def test_two_indexes_of_one_file_see_each_other_write(path):
    with Index.create(path) as one, Index.open(path) as other:
        for turn in range(3):
            for writer, reader in ((one, other), (other, one)):
                writer.add([f"k{turn}", "last"], random_codes(2, 64, turn))
                equals_brute_force(reader, rows_of(writer)[1])
                writer.remove(["last"])
                equals_brute_force(reader, rows_of(writer)[1])


WRITER = """
import sys, numpy as np
from indexer import Index
with Index.open(sys.argv[1]) as index:
    before = index.search(np.zeros((1, 8), np.uint8), 1).keys()
    index.add(["theirs"], np.zeros((1, 8), np.uint8))
    print(before)
"""


def test_two_processes_see_each_other_write(path):
    with Index.create(path) as index:
        index.add(["ours"], np.ones((1, 8), np.uint8))
        assert index.search(CODES[:1], 1).keys() == [["ours"]]
        assert python(WRITER, path).strip() == "[['ours']]"
        assert index.search(CODES[:1], 2).keys() == [["theirs", "ours"]]
        assert index.bucket(CODES[0]).tolist() == [2]


@pytest.mark.parametrize("place", ["file", ":memory:"])
def test_answers_while_another_thread_writes_are_those_of_some_revision(path, place):
    """Revision r has the codes of states[r]; every answer must be right for a revision that was there meanwhile."""
    states = [clustered_codes(40, 16, seed) for seed in range(25)]
    queries, ids, done = states[0][:3], np.arange(1, 41), threading.Event()
    right = {
        "search": [[brute.search(ids, codes, query, 5) for query in queries] for codes in states],
        "within": [[brute.within(ids, codes, query, 9) for query in queries] for codes in states],
        "flips": [[brute.within(ids, codes, query, 1) for query in queries] for codes in states],
        "bucket": [[brute.within(ids, codes, query, 0)[0] for query in queries] for codes in states],
    }

    def read(index, what):
        answers = 0
        while not done.is_set() or not answers:
            for n, query in enumerate(queries):
                first = index.store.revision() - 1
                if what == "search":
                    found = nearest(index.search(query, 5))[0]
                elif what == "bucket":
                    found = index.bucket(query).tolist()
                else:
                    found = parts(index.within(query, 9 if what == "within" else 1))[0]
                last = index.store.revision()
                assert found in [right[what][turn][n] for turn in range(first, min(last, len(states)))]
                answers += 1
        return answers

    with Index.create(path if place == "file" else place, 16) as index, ThreadPoolExecutor(4) as pool:
        index.add(names(40), states[0])
        readers = [pool.submit(read, index, what) for what in right]
        try:
            for codes in states[1:]:
                index.add(names(40), codes)
        finally:
            done.set()
        assert all(reader.result() > 0 for reader in readers)


def test_entries_are_all_ids_and_codes_as_the_rows_have_them():
    codes = random_codes(30, 16)
    with Index.create(":memory:", 16) as index:
        index.add(names(30), codes)
        index.remove(names(30)[3:9])
        index.add([names(30)[0]], codes[7:8])
        ids, found = index.entries()
        assert ids.tolist() == [1, 2, 3, *range(10, 31)]
        assert np.array_equal(found, np.concatenate((codes[7:8], codes[1:3], codes[9:])))
        assert all(np.array_equal(one, two) for one, two in zip((ids, found), rows_of(index), strict=True))


def test_among_may_be_any_whole_numbers_warm_or_not(filled):
    with Index.open(filled.path) as index:
        for _ in range(2):
            for among in ([], np.array([]), np.array([3, 5], np.uint64), [3, 5], {3, 5}):
                kept = sorted(int(number) for number in among)
                theirs = filled.codes[[number - 1 for number in kept]]
                expected = brute.search(np.array(kept, np.int64), theirs, filled.codes[0], 2)
                found = index.search(filled.codes[0], 2, among=among)
                assert found.ids[0][found.ids[0] >= 0].tolist() == expected[0]
                assert sorted(index.within(filled.codes[0], index.bits, among=among).ids.tolist()) == kept
            for among in ([1.5], [[1]], ["1"]):
                with pytest.raises(InvalidInput, match=r"give a list of whole numbers$"):
                    index.search(filled.codes[0], 2, among=among)
            index.warm()


def test_a_radius_beyond_the_bits_is_explained_at_once(filled):
    with Index.open(filled.path) as index:
        index.warm()
        huge, all_bits = (index.explain(filled.codes[:1], radius=radius) for radius in (10**12, index.bits))
        assert (huge.way, huge.candidates) == (all_bits.way, all_bits.candidates)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"metas": ["abc"]}, "meta is of type str: give a mapping of texts, numbers and booleans"),
        ({"metas": [[1, 2]]}, "meta is of type list: give a mapping of texts, numbers and booleans"),
        ({"contents": [b"a"]}, "contents hold bytes: give str or None for each"),
        ({"digests": ["a"]}, "digests hold str: give bytes or None for each"),
    ],
)
def test_columns_of_another_kind_are_told(columns, told):
    with Index.create(":memory:", 8) as index:
        with pytest.raises(InvalidInput) as caught:
            index.add(["a"], np.zeros((1, 1), np.uint8), **columns)
        assert (str(caught.value), len(index)) == (told, 0)


def test_metas_that_json_cannot_hold_are_told_in_one_line():
    deep = {}
    for _ in range(5000):
        deep = {"a": deep}
    told = r"^meta with 'a' is no JSON \(.*\): give texts, numbers and booleans$"
    with Index.create(":memory:", 8) as index:
        for meta in (deep, {"a": 10**5000}, {"a": {1, 2}}):
            with pytest.raises(InvalidInput, match=told):
                index.add(["a"], np.zeros((1, 1), np.uint8), metas=[meta])
        index.add(["a"], np.zeros((1, 1), np.uint8), metas=[MappingProxyType({"a": 1})])
        assert index.store.rows(np.array([1]))[0].meta == {"a": 1}


def test_names_of_fields_and_lists_of_keys_are_texts():
    with Index.create(":memory:", 8) as index:
        for name in (5, None, "\ud800"):
            with pytest.raises(InvalidInput, match=r"^the name of a field is .*: give a text that UTF-8 can write$"):
                index.index_field(name)
        with pytest.raises(InvalidInput, match=r"^keys are one text: give a list of keys$"):
            index.add("ab", np.zeros((2, 1), np.uint8))
        for given in ({"sample": 0}, {"sample": -1}, {"seed": -1}):
            with pytest.raises(InvalidInput, match=rf"^{next(iter(given))} is "):
                index.check(**given)
