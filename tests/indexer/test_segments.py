import sqlite3

import numpy as np
import pytest

from indexer import Index, segments
from indexer.store import Store
from tests.indexer import brute
from tests.indexer.conftest import clustered_codes, names, random_codes, rows_of

DAMAGE = {
    "missing": "DELETE FROM segments WHERE number = 1",
    "all missing": "DELETE FROM segments",
    "ids cut short": "UPDATE segments SET ids = substr(ids, 1, 11) WHERE number = 1",
    "codes cut short": "UPDATE segments SET codes = substr(codes, 1, 9) WHERE number = 1",
    "both cut short": "UPDATE segments SET ids = substr(ids, 1, 8), codes = substr(codes, 1, 8) WHERE number = 1",
    "empty": "UPDATE segments SET ids = x'', codes = x'' WHERE number = 1",
    "text": "UPDATE segments SET ids = '12345678', codes = '12345678' WHERE number = 1",
    "ids of another segment": "UPDATE segments SET ids = (SELECT ids FROM segments WHERE number = 2) WHERE number = 1",
    "not ascending": "UPDATE segments SET ids = CAST(substr(ids, 9) || substr(ids, 1, 8) AS BLOB) WHERE number = 1",
    "size too small": "UPDATE segments SET size = size - 1 WHERE number = 1",
    "one too many": "INSERT INTO segments VALUES (1, 99, 1, 1, zeroblob(8), zeroblob(8))",
}


@pytest.fixture
def small(monkeypatch):
    """Four entries a segment."""
    monkeypatch.setattr(segments, "SHIFT", 2)


def damaged(path, statement):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


def stored(path):
    connection = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT number, size, ids, codes FROM segments WHERE model = 1 ORDER BY number"
    ).fetchall()
    connection.close()
    return {number: (size, np.frombuffer(ids, "<i8").tolist(), codes) for number, size, ids, codes in rows}


def packed(ids, codes):
    """What the segments must be, from the rows."""
    out = {}
    for number in sorted(set(ids.tolist())):
        out.setdefault(number >> segments.SHIFT, []).append(number)
    by_id = dict(zip(ids.tolist(), codes, strict=True))
    return {n: (len(mine), mine, b"".join(by_id[one].tobytes() for one in mine)) for n, mine in out.items()}


def answers_equal_brute_force(index):
    ids, codes = rows_of(index)
    queries = np.concatenate((codes[:3], random_codes(2, index.bits)))
    found = index.search(queries, 5)
    near = index.within(queries, 20)
    for n, query in enumerate(queries):
        assert (found.ids[n].tolist(), found.distances[n].tolist()) == brute.search(ids, codes, query, 5)
        part = slice(near.lims[n], near.lims[n + 1])
        assert (near.ids[part].tolist(), near.distances[part].tolist()) == brute.within(ids, codes, query, 20)


def test_bytes_of_a_stored_segment(path):
    with Index.create(path, 16) as index:
        index.add(["a", "b", "c"], np.array([[1, 2], [3, 4], [255, 0]], np.uint8))
        index.remove(["b"])
    connection = sqlite3.connect(path)
    row = connection.execute("SELECT * FROM segments").fetchall()
    connection.close()
    assert row == [(1, 0, 2, 2, b"\1\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0", b"\1\2\xff\0")]


def test_entries_lie_in_the_segment_of_their_id(path, small):
    with Index.create(path) as index:
        index.add(names(9), clustered_codes(9, 64))
        assert stored(path) == packed(*rows_of(index))
    assert [(number, ids) for number, (_, ids, _) in stored(path).items()] == [
        (0, [1, 2, 3]),
        (1, [4, 5, 6, 7]),
        (2, [8, 9]),
    ]


def test_every_change_across_borders_keeps_segments_equal_to_rows(path, small):
    rng = np.random.default_rng(3)
    with Index.create(path) as index, Index.open(path) as reader:
        for turn in range(12):
            picked = [f"k{n}" for n in rng.choice(40, size=rng.integers(1, 20), replace=False)]
            index.add(picked, clustered_codes(len(picked), 64, turn))
            index.remove(picked[::3])
            assert stored(path) == packed(*rows_of(index))
            answers_equal_brute_force(index)
            answers_equal_brute_force(reader)


def test_a_segment_whose_last_entry_goes_is_removed(path, small):
    with Index.create(path) as index:
        index.add(names(9), clustered_codes(9, 64))
        index.remove(["k3", "k4", "k5", "k6"])
        assert list(stored(path)) == [0, 2]
        answers_equal_brute_force(index)


def test_a_reader_loads_only_what_has_changed(path, small):
    with Index.create(path) as index:
        index.add(names(12), clustered_codes(12, 64))
        _, first = index.store.segments({})
        index.add(["k4"], random_codes(1, 64))
        _, second = index.store.segments(first)
    assert [number for number in first if second[number] is first[number]] == [0, 2, 3]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_reader_answers_rightly_whatever_became_of_the_segments(path, small, damage):
    with Index.create(path) as index:
        index.add(names(40), clustered_codes(40, 64))
        index.add(["k4"], random_codes(1, 64))
    damaged(path, DAMAGE[damage])
    with Index.open(path) as index:
        answers_equal_brute_force(index)


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_next_write_to_a_damaged_segment_puts_it_right(path, small, damage):
    with Index.create(path) as index:
        index.add(names(40), clustered_codes(40, 64))
    damaged(path, DAMAGE[damage])
    with Index.open(path) as index:
        index.add(["k4", "new"], random_codes(2, 64))
        index.remove(["k5"])
        assert stored(path) == packed(*rows_of(index))
        answers_equal_brute_force(index)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_reader_that_held_the_codes_sees_writes_after_damage(path, small, damage):
    with Index.create(path) as writer, Index.open(path) as reader:
        writer.add(names(40), clustered_codes(40, 64))
        answers_equal_brute_force(reader)
        damaged(path, DAMAGE[damage])
        for turn in range(3):
            writer.add(["k4", f"new{turn}"], random_codes(2, 64, turn))
            answers_equal_brute_force(reader)


def test_packing_sorts_by_id():
    ids, codes = np.array([5, 1, 3]), np.array([[5], [1], [3]], np.uint8)
    part = segments.pack(7, ids, codes)
    assert (part.revision, part.ids.tolist(), part.codes.tolist()) == (7, [1, 3, 5], [[1], [3], [5]])


def test_a_changed_segment_leaves_the_old_one_as_it_was():
    old = segments.pack(1, np.array([1, 2, 3]), np.array([[1], [2], [3]], np.uint8))
    new = old.changed(2, np.array([1]), np.array([3, 4]), np.array([[33], [44]], np.uint8))
    assert (new.revision, new.ids.tolist(), new.codes.ravel().tolist()) == (2, [2, 3, 4], [2, 33, 44])
    assert (old.revision, old.ids.tolist(), old.codes.ravel().tolist()) == (1, [1, 2, 3], [1, 2, 3])


def test_segments_of_nothing(path):
    with Index.create(path) as index:
        assert index.store.segments({}) == (0, {})
    assert isinstance(index.store, Store)
