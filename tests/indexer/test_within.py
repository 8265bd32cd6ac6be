"""`Index.within` as what asks directly: when it stands there, what it hands on, and when it ends."""

import gc
import logging
import re
import weakref
from concurrent.futures import ThreadPoolExecutor
from inspect import getdoc, signature
from types import BuiltinFunctionType

import numpy as np
import pytest

from indexer import Index, calibrate
from indexer.errors import HashretError
from indexer.multi import Multi
from indexer.tables import Scan
from tests.indexer import brute
from tests.indexer.conftest import clustered_codes, names, rows_of
from tests.indexer.directly import directly, nothing, quickly, same
from tests.indexer.test_multi import parts


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
        with pytest.raises(HashretError) as refused:
            each(code, 4)
        assert str(refused.value) == f"{index.store.path}: was closed: open it again"


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
    index.store.file.opened[0] = 0  # as `File.close` begins, with the file still open
    index._memory.close()
    assert same(index.within(code, 0), right)
    index.warm()
    assert same(index.within(code, 0), right)
    assert directly(index, code, 0) is None


@pytest.mark.parametrize("closed", ["view", "index"])
def test_a_file_that_was_closed_through_another_view_is_not_looked_at(index, closed):
    code, view = rows_of(index)[1][0], Index(index.store.of(index.store.model_id))
    for each in (index, view):
        each.warm()
        quickly(each)
    gone, kept = (view, index) if closed == "view" else (index, view)
    within = kept.within
    gone.close()
    with pytest.raises(HashretError) as refused:  # its numbers are no longer in memory: to look at them would crash
        within(code, 1)
    assert str(refused.value) == f"{index.store.path}: was closed: open it again"


def test_tables_that_are_ready_when_the_file_was_closed_are_not_asked(path, monkeypatch):
    index = Index.create(path)
    index.add(names(60), clustered_codes(60, 64))
    calibrated = calibrate.calibrated
    monkeypatch.setattr(calibrate, "calibrated", lambda table: index.close() or calibrated(table))
    index.warm()
    assert index._memory.table is None
    assert directly(index, clustered_codes(60, 64)[0], 0) is None


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
