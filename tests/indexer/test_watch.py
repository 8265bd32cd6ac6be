import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from indexer import Index
from indexer.watch import Watch
from tests.indexer.conftest import names, random_codes


def test_a_change_is_seen_whoever_makes_it(path):
    with Index.create(path) as index:
        watch = Watch(path)
        before = watch.change()
        assert watch.change() == before
        index.add(["a"], random_codes(1, 64))
        after = watch.change()
        assert after != before
        with Index.open(path) as other:
            other.remove(["a"])
        assert watch.change() != after
        watch.close()


def test_rows_are_read_by_many_threads_at_once(path):
    with Index.create(path) as index:
        index.add(names(50), random_codes(50, 64))
        watch = Watch(path)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda n: watch.rows("SELECT key FROM entries WHERE id = ?", (n,)), range(1, 51)))
        assert found == [[(key,)] for key in names(50)]
        watch.close()


def test_a_watch_cannot_write(path):
    with Index.create(path):
        watch = Watch(path)
        with pytest.raises(sqlite3.OperationalError, match=r"^attempt to write a readonly database$"):
            watch.rows("DELETE FROM facts", ())
        watch.close()


def test_an_index_leaves_one_file_behind(path, tmp_path):
    with Index.create(path) as index:
        index.add(["a"], random_codes(1, 64))
        index.search(random_codes(1, 64), 1)
    assert [each.name for each in tmp_path.iterdir()] == ["codes.db"]
