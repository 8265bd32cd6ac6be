import threading

import numpy as np
import pytest

from indexer import Index, memory
from indexer.multi import Multi
from indexer.tables import Scan
from tests.indexer.conftest import change, clustered_codes, names, python, random_codes
from tests.indexer.test_index import equals_brute_force


def held(index):
    return type(index._memory.table)


def test_a_first_question_is_scanned_and_a_second_begins_to_make_tables(path, monkeypatch):
    monkeypatch.setattr(memory, "FEWEST", 100)
    with Index.create(path) as index:
        index.add(names(200), clustered_codes(200, 64))
        index.search(random_codes(1, 64), 3)
        assert (held(index), index._memory._worker) == (Scan, None)
        index.search(random_codes(1, 64), 3)
        index._memory._worker.join()
        assert held(index) is Multi
        equals_brute_force(index, clustered_codes(4, 64))


def test_what_cannot_be_made_in_the_background_is_no_failure_there(path, monkeypatch):
    monkeypatch.setattr(memory, "FEWEST", 100)
    index = Index.create(path)
    index.add(names(200), clustered_codes(200, 64))
    begun, may = threading.Event(), threading.Event()

    def warm():
        begun.set()
        may.wait()
        index._memory.warm()

    index._memory._begin(warm)
    begun.wait()
    index.close()
    may.set()
    index._memory._worker.join()  # a thread that dies of an exception is a failure of this test
    assert index._memory.table is None


def test_few_entries_stay_scanned(filled):
    with Index.open(filled.path) as index:
        for _ in range(3):
            index.search(filled.codes[:1], 1)
        assert (held(index), index._memory._worker) == (Scan, None)


def test_many_queries_make_tables_first(filled, monkeypatch):
    monkeypatch.setattr("indexer.planner.TABLES", 10.0)
    with Index.open(filled.path) as index:
        index.search(filled.codes, 1)
        assert held(index) is Multi


@pytest.mark.parametrize("bits", [8, 32, 64, 128, 256])
def test_what_is_written_is_there_at_once_by_whichever_index(path, bits):
    with Index.create(path, bits) as one, Index.open(path) as other:
        one.add(names(120), clustered_codes(120, bits))
        one.warm()
        other.warm()
        queries = clustered_codes(4, bits)
        for turn in range(3):
            for writer in (one, other):
                writer.add([f"k{turn}", f"new{turn}"], random_codes(2, bits, turn))
                writer.remove([f"k{50 + 2 * turn + (writer is one)}"])
                for index in (one, other):
                    assert held(index) is Multi
                    equals_brute_force(index, queries)


def test_entries_in_many_segments_are_followed(path):
    with Index.create(path, 16) as one, Index.open(path) as other:
        one.add(names(70_000), clustered_codes(70_000, 16))
        other.warm()
        one.add(["k7", "k69000", "more"], random_codes(3, 16))
        one.remove(["k8", "k68999"])
        table = other._memory.current()
        ids, codes = one.store.rows_of_codes()
        assert type(table) is Multi
        assert [np.array_equal(*both) for both in zip(table.entries(), (ids, codes), strict=True)] == [True, True]


def test_a_table_that_is_worn_is_made_anew_in_the_background(path):
    with Index.create(path) as index:
        index.add(names(100), clustered_codes(100, 64))
        index.warm()
        index.add(names(1500, first=90), random_codes(1500, 64))
        equals_brute_force(index, clustered_codes(3, 64))
        index.add(["written", "meanwhile"], random_codes(2, 64))
        index._memory._worker.join()
        equals_brute_force(index, clustered_codes(3, 64))
        assert len(index._memory.table.layout.fresh_ids) <= 2


def test_deleted_segments_do_no_harm(path):
    with Index.create(path) as index:
        index.add(names(100), clustered_codes(100, 64))
        index.warm()
        change(path, "DELETE FROM segments")
        equals_brute_force(index, clustered_codes(2, 64))
        index.add(["one"], random_codes(1, 64))
        equals_brute_force(index, clustered_codes(2, 64))


def test_entries_that_are_only_new_mark_none_as_gone(filled):
    with Index.open(filled.path) as index:
        index.warm()
        index.add(["new"], random_codes(1, 64))
        assert [len(part) for part in (index._memory.table.layout.gone, index._memory.table.layout.fresh_ids)] == [0, 1]
        index.add(["k3"], random_codes(1, 64, 2))
        assert index._memory.table.layout.gone.sum() == 1


def test_an_index_without_entries_can_be_warmed():
    with Index.create(":memory:") as index:
        index.warm()
        equals_brute_force(index, random_codes(2, 64))
        index.add(["a", "b"], random_codes(2, 64))
        equals_brute_force(index, random_codes(2, 64))


def test_threads_that_search_while_one_writes_find_what_is_there(path):
    with Index.create(path) as index:
        index.add(names(3000), clustered_codes(3000, 64))
        index.warm()
        wrong, done = [], threading.Event()

        def look():
            while not done.is_set():
                found = index.search(clustered_codes(3000, 64)[:5], 1).distances
                wrong.extend(found[found != 0].tolist())

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(30):
            index.add(names(5, first=5000 + turn), random_codes(5, 64, turn))
        done.set()
        for thread in threads:
            thread.join()
        assert wrong == []


WITHOUT = """
import sys, importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "numba" else find(name, *rest)
sys.modules["numba"] = None
import numpy as np
from indexer import Index, memory
from tests.indexer.conftest import clustered_codes, names
from tests.indexer.test_index import equals_brute_force
memory.FEWEST = 1
with Index.create(":memory:", 64) as index:
    index.add(names(300), clustered_codes(300, 64))
    index.warm()
    for _ in range(3):
        equals_brute_force(index, clustered_codes(3, 64))
    print(index.explain(clustered_codes(1, 64), k=3).why)
    print(index.stats()["memory"])
    print(index.check(sample=3).problems)
"""


def test_without_numba_all_is_scanned_and_says_so():
    why, held, problems = python(WITHOUT).splitlines()
    assert why == "all 300 codes (2 kB, in memory) are compared; numba is not installed, so this is how it stays"
    assert held == "7,200 bytes, 24 an entry, scanned with FAISS: numba is not installed"
    assert problems == "[]"
