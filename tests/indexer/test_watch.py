import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from indexer import Index
from indexer.watch import Watch, _address
from tests.indexer.conftest import names, random_codes

TAKE = (  # the lock that every connection shares as long as it is open: whoever gets it alone starts the index anew
    "import fcntl, sys; file = open(sys.argv[1], 'r+b')\n"
    "try: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 128)\n"
    "except OSError: print('held')"
)


@pytest.mark.skipif(sys.platform != "linux", reason="where the lock lies is known for Linux alone")
def test_locks_of_sqlite_in_this_process_are_held_on(path):
    Index.create(path).close()
    held = sqlite3.connect(path)
    held.execute("SELECT * FROM entries").fetchall()
    for _ in range(2):
        with Index.open(path) as index:
            index.add(["a"], random_codes(1, 64))
        run = subprocess.run([sys.executable, "-c", TAKE, f"{path}-shm"], capture_output=True, text=True, check=True)
        assert run.stdout == "held\n"
    held.close()


@pytest.mark.parametrize("maps", ["/proc/self/maps", "/nowhere"])
def test_a_change_is_seen_whoever_makes_it(path, monkeypatch, maps):
    monkeypatch.setattr("indexer.watch.MAPS", maps)
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
        monkeypatch.setattr(index.store.file, "rows", lambda *_: None)
        assert index.store.rows(ids) == right


def test_an_index_leaves_one_file_behind(path, tmp_path):
    with Index.create(path) as index:
        index.add(["a"], random_codes(1, 64))
        index.search(random_codes(1, 64), 1)
    assert [each.name for each in tmp_path.iterdir()] == ["codes.db"]


def test_memory_of_a_file_with_the_same_number_on_another_device_is_not_taken(tmp_path, monkeypatch):
    path = tmp_path / "a.db-shm"
    path.write_bytes(b"")
    stat, maps = path.stat(), tmp_path / "maps"
    monkeypatch.setattr("indexer.watch.MAPS", str(maps))
    device, other = (f"{os.major(number):02x}:{os.minor(number):02x}" for number in (stat.st_dev, stat.st_dev + 1))

    def address(offset, where, name):
        maps.write_text(f"7f00-7f80 rw-s {offset} {where} {stat.st_ino}    {name}\n")
        return _address(str(path))

    assert address("00000000", device, "/elsewhere-shm") == 0x7F00
    assert address("00000000", other, str(path)) == 0x7F00  # a file system that tells another device in maps
    assert address("00000000", other, "/mnt/b.db-shm") is None
    assert address("00008000", device, str(path)) is None  # its second page
