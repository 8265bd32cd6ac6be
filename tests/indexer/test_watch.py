from concurrent.futures import ThreadPoolExecutor

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


def test_a_watch_cannot_write_and_says_nothing_of_what_fails(path):
    with Index.create(path) as index:
        index.add(["a"], random_codes(1, 64))
        watch = Watch(path)
        assert watch.rows("DELETE FROM entries", ()) is None
        assert watch.rows("SELECT no FROM entries", ()) is None
        assert watch.rows("SELECT key FROM entries", ()) == [("a",)]
        watch.close()


def test_rows_that_a_watch_cannot_read_are_read_by_the_store(path, monkeypatch):
    with Index.create(path) as index:
        ids = index.add(["a", "b"], random_codes(2, 64))
        right = index.store.rows(ids)
        assert [row.key for row in right] == ["a", "b"]
        monkeypatch.setattr(index.store._watch, "rows", lambda *_: None)
        assert index.store.rows(ids) == right


def test_an_index_leaves_one_file_behind(path, tmp_path):
    with Index.create(path) as index:
        index.add(["a"], random_codes(1, 64))
        index.search(random_codes(1, 64), 1)
    assert [each.name for each in tmp_path.iterdir()] == ["codes.db"]
