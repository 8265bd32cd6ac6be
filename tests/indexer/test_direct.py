"""One code and a small radius, asked with nothing in between, against brute force and the ordinary way."""

import gc
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer import Index
from indexer.errors import InvalidInput
from indexer.kernels import direct
from indexer.matches import RangeMatches, empty
from tests.indexer import brute
from tests.indexer.conftest import clustered_codes, names, random_codes, rows_of
from tests.indexer.directly import directly, nothing, quickly, reopened, same
from tests.indexer.test_multi import ALL_WIDTHS, parts, table_of


def ask(codes, most, ids=None):
    """What asks a table of some codes directly, and what to set another value in to end that."""
    now = np.zeros(6, np.int64)
    table = replace(table_of(codes, ids), quick=most)
    return table, table.direct((now, now.copy(), np.ones(1, np.int64)), empty("a store"))(nothing, Index.within), now


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
