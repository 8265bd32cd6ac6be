"""Queries on SQLite files: rows, what SQLite says, and what to do with a file that comes without a query."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from hashret.engine import Engine
from hashret.inputs import Entry, ReadOptions, Source
from hashret.settings import Settings
from indexer.errors import InvalidInput, NotFound
from tests.hashret.conftest import make_entries

ALL = "SELECT id, body AS text, year FROM notes ORDER BY id"


def write(rows, name="notes.db"):
    Path(name).unlink(missing_ok=True)
    with closing(sqlite3.connect(name)) as connection, connection:
        connection.execute("CREATE TABLE notes (id, body, year)")
        connection.executemany("INSERT INTO notes VALUES (?, ?, ?)", rows)


def read(*paths, **options):
    return list(Source(paths or ("notes.db",), ReadOptions(**options)))


def message(*paths, error=InvalidInput, **options):
    with pytest.raises(error) as caught:
        read(*paths, **options)
    return str(caught.value)


def test_rows_of_a_query_are_entries():
    write([(1, "one", 1999), (2, "two", None), ("x", "three", 1.5)])
    assert read(sql=ALL) == [
        Entry("1", "one", {"year": 1999}),
        Entry("2", "two", {"year": None}),
        Entry("x", "three", {"year": 1.5}),
    ]
    assert read(sql="SELECT body FROM notes WHERE year > 1900") == [Entry("notes.db:0", "one")]
    assert read(sql="SELECT id, body, 'x' AS y FROM notes", text_field="body", id_field="y", on_error="skip") == [
        Entry("x", "one", {"id": 1})
    ]


@pytest.mark.parametrize("name", ["notes.sqlite", "notes.sqlite3", "History", "notes ü?#%41.db"])
def test_a_file_is_known_by_its_first_bytes(name):
    write([(1, "one", 1)], name)
    assert read(name, sql=ALL) == [Entry("1", "one", {"year": 1})]


def test_a_query_cannot_write():
    write([(1, "one", 1)])
    query = "DELETE FROM notes RETURNING id, body AS text"
    assert message(sql=query) == (
        "notes.db: SQLite says 'attempt to write a readonly database' "
        f"to --sql '{query}': correct the query or the file"
    )
    assert len(read(sql=ALL)) == 1


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (
            "SELECT boddy FROM notes",
            "SQLite says 'no such column: boddy' to --sql 'SELECT boddy FROM notes': correct the query or the file",
        ),
        (
            "SELECT 1; SELECT 2",
            "SQLite says 'You can only execute one statement at a time.' to --sql 'SELECT 1; SELECT 2': "
            "correct the query or the file",
        ),
        ("", "--sql '' gives no rows: write a SELECT"),
        ("PRAGMA cache_size = 1", "--sql 'PRAGMA cache_size = 1' gives no rows: write a SELECT"),
        ("SELECT id, body, body FROM notes", "two columns are called 'body': rename one with AS"),
        ("SELECT id, body FROM notes WHERE 0", "has no entries: leave it out or fill it"),
    ],
)
def test_queries_that_fail(query, text):
    write([(1, "one", 1)])
    assert message(sql=query) == f"notes.db: {text}"


def test_columns_that_do_not_tell_what_they_are():
    write([(1, "one", "two")])
    assert message(sql="SELECT id, body AS b, year FROM notes") == (
        "notes.db row 0: no field 'text': its fields are id, b, year; name one with --text-field"
    )
    assert message(sql=ALL, text_field="no") == (
        "notes.db row 0: no field 'no': its fields are id, text, year; name one with --text-field"
    )


def test_broken_rows_are_passed_over_one_by_one():
    write(
        [(1, "one", 1), (2, None, 1), (1, "again", 1), (4, "nul\0", 1), (5, b"x", 1), (None, "y", 1), (7, "z", 9e999)]
    )
    with closing(sqlite3.connect("notes.db")) as connection, connection:
        connection.execute("INSERT INTO notes VALUES (8, CAST(x'61ff' AS TEXT), 1), (9, 'nine', 1)")
    source = Source(("notes.db",), ReadOptions(sql=ALL.removesuffix(" ORDER BY id"), on_error="skip"))
    assert [entry.key for entry in source] == ["1", "9"]
    assert [str(problem) for problem in source.problems] == [
        "notes.db row 1: field 'text' is null, not text: name another with --text-field",
        "notes.db row 2: id '1' was used before, at notes.db row 0: give every entry its own id",
        "notes.db row 3: column 'text' holds a NUL character: repair the row or leave it out of the query",
        "notes.db row 4: column 'text' is a BLOB: leave it out of the query, or CAST it AS TEXT",
        "notes.db row 5: id field 'id' is null: give text or a whole number",
        "notes.db row 6: column 'year' is infinite: leave it out of the query",
        "notes.db row 7: column 'text' is not UTF-8: repair the row or leave it out of the query",
    ]


def test_a_broken_file_is_reported():
    write([(n, "word " * 1000, 1) for n in range(100)])
    whole = Path("notes.db").read_bytes()
    Path("notes.db").write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    assert message(sql=ALL) == (
        f"notes.db: SQLite says 'database disk image is malformed' to --sql '{ALL}': correct the query or the file"
    )


def test_a_query_wants_a_sqlite_file(monkeypatch):
    Path("a.csv").write_text("id,text\n1,one\n")
    Path("docs").mkdir()
    assert message("a.csv", sql=ALL) == "a.csv: --sql asks a SQLite file, and this is none: leave --sql out"
    assert message("docs", sql=ALL) == "docs: --sql asks a SQLite file, not a folder: give the file"
    assert message("-", sql=ALL) == "-: --sql asks a SQLite file, not standard input: give the file"
    assert message("no.db", sql=ALL, error=NotFound) == "no.db: no such file or folder: check the path"


def test_a_sqlite_file_wants_a_query():
    write([(1, "one", 1)])
    advice = 'is a SQLite file: say what to read, as --sql "SELECT id, body AS text FROM notes"; its tables are'
    assert message() == f"notes.db: {advice} notes"
    with closing(sqlite3.connect("notes.db")) as connection, connection:
        for number in range(9):
            connection.execute(f"CREATE TABLE t{number} (x)")
    assert message() == f"notes.db: {advice} notes, t0, t1, t2, t3, t4, t5, t6 and 2 more"
    Path("cut.db").write_bytes(Path("notes.db").read_bytes()[:200])
    assert message("cut.db") == f"cut.db: {advice} none"


def test_a_file_of_hashret_tells_how_its_entries_are_read(hasher):
    entries = make_entries(5)
    with Engine.create("docs.hashret", hasher) as engine:
        engine.add(entries)
    query = "SELECT key AS id, content AS text FROM entries"
    assert message("docs.hashret") == f'docs.hashret: is a file of hashret: to read its entries, give --sql "{query}"'
    assert read("docs.hashret", sql=query) == [Entry(entry.key, entry.content) for entry in entries]


HELD = (  # by whoever reads a database with a log: a lock on the file itself, sqlite.org/src/file/src/os.h
    "import fcntl, sys; file = open(sys.argv[1], 'r+b')\n"
    "try: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)\n"
    "except OSError: print('held')"
)


def held(path):
    run = subprocess.run([sys.executable, "-c", HELD, path], capture_output=True, text=True, check=True)
    return run.stdout == "held\n"


def test_a_file_that_is_open_keeps_its_locks():
    with Engine.fit("docs.db", make_entries(40), Settings(bits=8, steps=2)) as engine:
        assert len(engine) == 40
        assert held("docs.db")
        assert len(read("docs.db", sql="SELECT key AS id, content AS text FROM entries")) == 40
        assert message("docs.db").startswith("docs.db: is a file of hashret: ")
        assert held("docs.db")
