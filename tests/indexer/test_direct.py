"""One code and a small radius, asked with nothing in between, against brute force and the ordinary way."""

import gc
import logging
import re
import sqlite3
import sys
import tracemalloc
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from inspect import getdoc, signature
from types import BuiltinFunctionType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer import Index, calibrate
from indexer.errors import InvalidInput
from indexer.kernels import direct
from indexer.matches import RangeMatches, empty
from indexer.multi import Multi
from indexer.tables import Scan
from tests.indexer import brute
from tests.indexer.conftest import clustered_codes, names, random_codes, rows_of
from tests.indexer.test_multi import ALL_WIDTHS, parts, table_of


@pytest.fixture
def index(path):
    """An open file whose radii up to 16 are answered directly."""
    with Index.create(path) as index:
        index.add(names(300), clustered_codes(300, 64))
        index.warm()
        quickly(index)
        yield index


def quickly(index, most=16):
    """Have a warm index answer so large a radius directly, whatever that takes on this machine."""
    change, table = index._memory._held
    index._memory._held = change, replace(table, quick=most)
    index._memory.direct = index._memory._directly(change, index._memory.table)
    index._shorten()


def reopened(index):
    """The same, with nothing asked yet."""
    again = Index.open(index.store.path)
    again.warm()
    quickly(again)
    return again


def ask(codes, most, ids=None):
    """What asks a table of some codes directly, and what to set another value in to end that."""
    now = np.zeros(6, np.int64)
    table = replace(table_of(codes, ids), quick=most)
    return table, table.direct((now, now.copy(), np.ones(1, np.int64)), empty("a store"))(nothing, Index.within), now


def nothing(*given, **named):
    """In place of the ordinary way."""


def directly(index, *asked):
    """What is answered directly; None for what is left to the ordinary way."""
    return (index._memory.direct(nothing, Index.within) or nothing)(*asked)


def same(found, right):
    """Whether an answer is made as `Index.within` makes it, of ids and distances."""
    assert type(found) is RangeMatches
    assert [part.dtype for part in (found.lims, found.ids, found.distances)] == [np.int64, np.int64, np.int32]
    assert (found.lims.tolist(), found.ids.tolist(), found.distances.tolist()) == ([0, len(right[0])], *right)
    return True


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_code_and_radius_of_any_length(data):
    bits, count = data.draw(st.sampled_from(ALL_WIDTHS)), data.draw(st.integers(1, 200))
    seed = data.draw(st.integers(0, 99))
    codes = data.draw(st.sampled_from([random_codes, clustered_codes]))(count, bits, seed)
    ids = np.arange(count) * 3 + 5
    _, within, _ = ask(codes, bits, ids)
    for query in (*codes[:3], *random_codes(2, bits, seed + 1), np.roll(codes[0], 1)):
        for radius in {0, 1, 2, 3, bits // 8, bits // 3, bits}:
            right = brute.within(ids, codes, query, radius)
            assert same(within(query, radius), right)
            assert same(within(query[None], radius), right)


@pytest.mark.parametrize("changes", [False, True])
def test_an_index_answers_by_it_and_alike_without(path, changes):
    with Index.create(path, 32) as index:
        index.add(names(400), clustered_codes(400, 32))
        index.warm()
        if changes:
            index.remove(names(100, 50))
            index.add(names(30, 380), clustered_codes(30, 32, seed=7))
            index.within(random_codes(1, 32), 1)
        quickly(index)
        ids, codes = rows_of(index)
        for query in clustered_codes(20, 32):
            for radius in (0, 1, 3, 9):
                right = brute.within(ids, codes, query, radius)
                assert same(directly(index, query, radius), right)
                assert same(index.within(query, radius), right)
                assert same(index.within(query, radius, among=ids), right)
        assert index.within(query, 3).keys() == [index.keys(index.within(query, 3).ids)]


NOT_SIMPLE = {
    "a batch": lambda code: (np.stack([code, code]), 1),
    "no code": lambda code: (code[:0], 1),
    "an empty batch": lambda code: (code[None][:0], 1),
    "a longer code": lambda code: (np.repeat(code, 2), 1),
    "three dimensions": lambda code: (code[None, None], 1),
    "no dimension": lambda code: (np.array(3, np.uint8), 1),
    "gaps": lambda code: (np.repeat(code, 2)[::2], 1),
    "signs": lambda code: (code.view(np.int8), 1),
    "a list": lambda code: (code.tolist(), 1),
    "a subclass": lambda code: (code.view(np.recarray), 1),
    "nothing": lambda code: (None, 1),
    "a large radius": lambda code: (code, 17),
    "a negative one": lambda code: (code, -1),
    "a huge one": lambda code: (code, 1 << 70),
    "a huge negative one": lambda code: (code, -(1 << 70)),
    "a fraction": lambda code: (code, 1.0),
    "a truth": lambda code: (code, True),
    "a number of NumPy": lambda code: (code, np.int64(1)),
    "one argument": lambda code: (code,),
    "three": lambda code: (code, 1, 1),
}


@pytest.mark.parametrize("name", NOT_SIMPLE)
def test_what_is_not_simple_is_left_to_the_ordinary_way(index, name):
    code = rows_of(index)[1][0]
    assert directly(index, *NOT_SIMPLE[name](code)) is None
    assert same(directly(index, code, 16), brute.within(*rows_of(index), code, 16))  # no error is left behind


def test_errors_are_those_of_the_ordinary_way(index):
    code = rows_of(index)[1][0]
    for radius in (-1, True, 1.0, -(1 << 70)):
        with pytest.raises(InvalidInput) as error:
            index.within(code, radius)
        assert str(error.value) == f"radius is {radius!r}: give a whole number of at least 0"
    with pytest.raises(InvalidInput) as error:
        index.within(code[:3], 1)
    assert str(error.value) == "codes have shape (1, 3): give (n, 8) for codes of 64 bits"
    with pytest.raises(InvalidInput) as error:
        index.within(code, 1, among=np.arange(3), where="a = 1")
    assert str(error.value) == "among and where are both given: give one of the two"


def test_it_stands_in_the_place_of_within_and_hands_on_what_is_not_simple(index):
    ids, codes = rows_of(index)
    assert type(index.within) is BuiltinFunctionType
    assert index.within.__name__ == "within"
    assert str(signature(index.within)) == "(codes, radius, *, among=None, where=None)"
    assert getdoc(index.within) == getdoc(Index.within)
    right = [brute.within(ids, codes, query, 5) for query in codes[:4]]
    for found in (
        index.within(codes[:4], 5),
        index.within(codes=codes[:4], radius=5),
        index.within(codes[:4], radius=np.int64(5), among=None),
        index.within(codes[:4], 5, among=ids),
    ):
        assert parts((found.lims, found.ids, found.distances)) == right
    assert index.within(codes[0], 5, among=ids[:1]).ids.tolist() == [1]
    assert index.within(codes[0], 5, where="a = 1").ids.tolist() == []
    with pytest.raises(TypeError, match=re.escape("within() missing 1 required positional argument: 'radius'")):
        index.within(codes[0])
    with pytest.raises(TypeError, match=re.escape("within() got an unexpected keyword argument 'k'")):
        index.within(codes[0], 1, k=3)


def test_another_within_of_a_class_of_its_own_stays(index):
    class Counting(Index):
        asked = 0

        def within(self, codes, radius, **more):
            self.asked += 1
            return super().within(codes, radius, **more)

    with Counting.open(index.store.path) as counting:
        counting.warm()
        quickly(counting)
        ids, codes = rows_of(index)
        for _ in range(5):
            assert same(counting.within(codes[0], 2), brute.within(ids, codes, codes[0], 2))
        assert counting.asked == 5


def test_a_method_that_was_taken_before_asks_directly_too(path, monkeypatch):
    with Index.create(path) as index:
        index.add(names(300), clustered_codes(300, 64))
        within, code = index.within, clustered_codes(300, 64)[3]
        right = brute.within(*rows_of(index), code, 4)
        assert same(within(code, 4), right)
        index.warm()
        quickly(index)
        monkeypatch.setattr(Index, "_within", None)
        assert same(within(code, 4), right)


def test_it_can_be_kept_while_others_write_and_when_the_file_is_closed(index, monkeypatch):
    within, code = index.within, rows_of(index)[1][0]
    for number in range(3):
        index.add([f"more{number}"], code)
        assert same(within(code, 4), brute.within(*rows_of(index), code, 4))
        assert same(index.within(code, 4), brute.within(*rows_of(index), code, 4))
        assert type(index.within) is BuiltinFunctionType
    later = index.within
    with monkeypatch.context() as patched:
        patched.setattr(Index, "_within", None)  # what was kept asks the tables of now
        assert same(within(code, 4), brute.within(*rows_of(index), code, 4))
    index.close()
    for each in (within, later, index.within):
        with pytest.raises(sqlite3.ProgrammingError, match="Cannot operate on a closed database"):
            each(code, 4)


def test_an_index_that_nobody_has_any_more_is_let_go_of(index):
    other = Index.open(index.store.path)
    other.warm()
    quickly(other)
    assert type(other.within) is BuiltinFunctionType
    gone, store = weakref.ref(other), other.store
    del other
    gc.collect()
    assert gone() is None
    store.close()


def test_answers_end_once_anybody_has_written(index):
    code, ids = rows_of(index)[1][0], index.within(rows_of(index)[1][0], 0).ids
    asked = index._memory.direct(nothing, Index.within)
    with Index.open(index.store.path) as other:
        other.add(["more"], code)
    assert asked(code, 0) is None
    assert index.within(code, 0).ids.tolist() == [*ids, 301]
    assert asked(code, 0) is None
    assert directly(index, code, 0).ids.tolist() == [*ids, 301]
    index.remove(["more"])
    assert directly(index, code, 0) is None
    assert index.within(code, 0).ids.tolist() == ids.tolist()


def test_a_database_in_memory_is_answered_directly_too():
    with Index.create(":memory:") as index:
        index.add(names(50), clustered_codes(50, 64))
        index.warm()
        quickly(index)
        code = rows_of(index)[1][7]
        assert same(directly(index, code, 4), brute.within(*rows_of(index), code, 4))
        index.remove(["k7"])
        assert directly(index, code, 4) is None
        assert same(index.within(code, 4), brute.within(*rows_of(index), code, 4))


def test_a_closed_file_is_not_looked_at(index):
    code = rows_of(index)[1][0]
    index.close()
    assert directly(index, code, 0) is None


def test_a_search_that_waited_for_the_file_to_be_closed_prepares_no_other(index):
    code, right = rows_of(index)[1][0], brute.within(*rows_of(index), rows_of(index)[1][0], 0)
    index._memory.close()  # as `Index.close` begins, with the store still open
    assert same(index.within(code, 0), right)
    index.warm()
    assert same(index.within(code, 0), right)
    assert directly(index, code, 0) is None


def test_tables_that_are_ready_when_the_file_was_closed_are_not_asked(path, monkeypatch):
    index = Index.create(path)
    index.add(names(60), clustered_codes(60, 64))
    calibrated = calibrate.calibrated
    monkeypatch.setattr(calibrate, "calibrated", lambda table: index.close() or calibrated(table))
    index.warm()
    assert index._memory.table is None
    assert directly(index, clustered_codes(60, 64)[0], 0) is None


@pytest.mark.parametrize("count", [direct.LONG, direct.LONG + 1, direct.ROOM + 1])
def test_long_answers_are_left_to_the_ordinary_way(count):
    codes = np.tile(random_codes(1, 64), (count, 1))
    table, within, _ = ask(codes, 8)
    found = within(codes[0], 3)
    right = brute.within(np.arange(1, count + 1), codes, codes[0], 3)
    assert same(found, right) if count <= direct.LONG else found is None
    assert parts(table.within(codes[:1], 3)) == [right]


def test_lims_and_what_is_empty_are_shared_and_cannot_be_written_to(index):
    code, none = rows_of(index)[1][0], random_codes(2, 64, seed=5)
    one, two = (index.within(query, 0) for query in none)
    assert (one.lims is two.lims, one.ids is two.ids, one.distances is two.distances) == (True, True, True)
    for part in (one.lims, one.ids, one.distances):
        assert not part.flags.writeable
    found, again = index.within(code, 16), index.within(code, 16)
    found.ids[:] = found.distances[:] = 0
    assert same(again, brute.within(*rows_of(index), code, 16))
    assert same(index.within(code, 16), brute.within(*rows_of(index), code, 16))


def test_an_empty_answer_is_given_out_again_only_if_nobody_has_it_or_has_changed_it(index):
    far = random_codes(1, 64, seed=5)
    one = index.within(far, 0)
    two = index.within(far, 0)
    assert one is not two
    assert same(two, ([], []))
    place = id(one)
    del one
    assert id(index.within(far, 0)) == place
    for part in ("lims", "ids", "distances", "_store"):
        with reopened(index) as again:
            changed = again.within(far, 0)
            setattr(changed, part, np.arange(3))
            assert same(again.within(far, 0), ([], []))
            del changed
            assert same(again.within(far, 0), ([], []))
            assert again.within(far, 0).keys() == [[]]


def test_nothing_is_kept_or_let_go_of_once_too_often(index):
    code, far = rows_of(index)[1][0], random_codes(1, 64, seed=5)
    held = [
        None,
        index.store,
        RangeMatches,
        np.ndarray,
        np.dtype(np.uint8),
        np.dtype(np.int64),
        index._memory._like.ids,
    ]
    asked = [(code, 16), (code, 0), (far, 0), (code, 17), (code, -1), (code, 1 << 70)]
    within = index._memory.direct(nothing, Index.within)
    for each in asked:
        within(*each)
    counts = [sys.getrefcount(each) for each in held]
    for _ in range(2000):
        for each in asked:
            within(*each)
    assert max(abs(sys.getrefcount(each) - before) for each, before in zip(held, counts, strict=True)) < 50
    tracemalloc.start()
    for _ in range(2000):
        for each in asked:
            within(*each)
    assert tracemalloc.get_traced_memory()[0] < 20_000
    tracemalloc.stop()


@pytest.mark.parametrize(("failing", "radius"), [("new", 0), ("new", 16), ("new_array", 16)])
def test_without_memory_an_error_is_raised_and_nothing_lost(failing, radius, index, monkeypatch):
    code, far = rows_of(index)[1][0], random_codes(1, 64, seed=5)
    fails = direct.ctypes.cast(direct.ctypes.pythonapi.PyErr_NoMemory, direct.ctypes.c_void_p).value
    constants = direct._constants().copy()
    constants[failing] = fails
    monkeypatch.setattr(direct, "_constants", lambda: constants)
    quickly(index)
    before = sys.getrefcount(index.store)
    for _ in range(100):
        with pytest.raises(MemoryError):
            index.within(code, radius)
    assert abs(sys.getrefcount(index.store) - before) < 10
    if failing == "new_array":
        assert same(index.within(far, 0), ([], []))  # which takes none


def test_a_search_that_collecting_garbage_begins_changes_no_answer(index):
    ids, codes = rows_of(index)
    asked = []

    class Asks:
        def __init__(self):
            self.me = self

        def __del__(self):
            asked.append(len(index.within(codes[-1], 16).ids))

    for query in codes[:50]:
        gc.disable()
        waiting = [[] for _ in range(1000)]  # so many that Python is due to collect garbage
        Asks()
        gc.enable()
        found = index.within(query, 16)
        assert same(found, brute.within(ids, codes, query, 16))
        del waiting
    answers = {len(brute.within(ids, codes, codes[-1], 16)[0])}
    assert set(asked) <= answers
    assert set(asked) == answers or sys.version_info >= (3, 12)  # from there on it waits for a call to end


def test_many_threads_ask_while_one_writes(index):
    codes = rows_of(index)[1][:40]
    right = [brute.within(*rows_of(index), query, 5) for query in codes]

    def work(number):
        if number == 0:
            for turn in range(20):
                index.add([f"new{turn}"], ~codes[:1])  # far from all that is asked for
        return [same(index.within(query, 5), answer) for query, answer in zip(codes, right, strict=True)] * 3

    with ThreadPoolExecutor(4) as pool:
        assert all(map(all, pool.map(work, range(16))))


def test_where_objects_are_not_as_usual_the_ordinary_way_is_taken(path, monkeypatch):
    monkeypatch.setattr(direct, "usual", lambda: False)
    with Index.create(path) as index:
        index.add(names(60), clustered_codes(60, 64))
        index.warm()
        quickly(index)
        code = rows_of(index)[1][0]
        assert directly(index, code, 0) is None
        assert same(index.within(code, 3), brute.within(*rows_of(index), code, 3))


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        (direct.sys.implementation, "name", "pypy"),
        (direct.sysconfig, "get_config_var", lambda name: 1),
        (direct, "DTYPE", 48),
        (direct, "SHAPE", 40),
        (direct, "ITEM", 16),
        (direct, "COUNT", 8),
    ],
)
def test_objects_that_lie_otherwise_are_not_usual(where, name, value, monkeypatch):
    assert direct.usual.__wrapped__()
    monkeypatch.setattr(where, name, value)
    assert not direct.usual.__wrapped__()


def test_who_wants_plans_told_hears_of_every_search(index, caplog):
    code = rows_of(index)[1][0]
    index.within(code, 1)
    assert caplog.records == []
    with caplog.at_level(logging.INFO, "indexer.index"):
        index.add(["more"], code)
        for _ in range(3):
            index.within(code, 1)
    assert [record.message.split(":")[0] for record in caplog.records] == ["search"] * 3


def test_only_tables_that_are_quick_are_asked(path):
    with Index.create(path) as index:
        index.add(names(20), clustered_codes(20, 64))
        code = rows_of(index)[1][0]
        index.within(code, 0)
        assert type(index._memory.current()) is Scan
        assert directly(index, code, 0) is None
        index.warm()
        assert type(index._memory.table) is Multi
        quickly(index, -1)
        assert directly(index, code, 0) is None
