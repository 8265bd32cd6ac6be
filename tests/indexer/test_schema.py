import sqlite3
from pathlib import Path

import pytest

from indexer import Index, schema
from indexer.errors import Corrupt, HashretError, InvalidInput, Mismatch, NotFound
from indexer.store import Store
from tests.indexer import brute
from tests.indexer.conftest import clustered_codes, file_rows, names, python

GOLDEN = """\
CREATE TABLE buckets (
	model INTEGER NOT NULL, 
	entry INTEGER NOT NULL, 
	code BLOB NOT NULL, 
	PRIMARY KEY (model, entry)
)
 WITHOUT ROWID
CREATE INDEX buckets_by_code ON buckets (model, code)
CREATE TABLE entries (
	id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	digest BLOB, 
	content TEXT, 
	meta TEXT, 
	PRIMARY KEY (id)
)
CREATE UNIQUE INDEX entries_by_key ON entries ("key")
CREATE TABLE facts (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
)
CREATE TABLE fields (name TEXT NOT NULL, kind TEXT NOT NULL, value NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (name, kind, value, entry)) WITHOUT ROWID
CREATE INDEX fields_by_entry ON fields (entry)
CREATE TABLE models (
	id INTEGER NOT NULL, 
	digest TEXT, 
	bits INTEGER NOT NULL, 
	settings TEXT, 
	weights BLOB, 
	created TEXT NOT NULL, 
	PRIMARY KEY (id)
)
CREATE TABLE segments (
	model INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	revision INTEGER NOT NULL, 
	size INTEGER NOT NULL, 
	ids BLOB NOT NULL, 
	codes BLOB NOT NULL, 
	PRIMARY KEY (model, number)
)
CREATE TABLE vectors (
	entry INTEGER NOT NULL, 
	vector BLOB NOT NULL, 
	PRIMARY KEY (entry)
)"""  # noqa: W291, E501 - as SQLAlchemy writes it
SCHEMA = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"


def run(path, *statements):
    """Plain SQLite, as a person would use it; the rows of the last statement."""
    connection = sqlite3.connect(path)
    try:
        with connection:
            for statement in statements:
                rows = connection.execute(statement).fetchall()
    finally:
        connection.close()
    return rows


def refusal(path, kind, make=Index.open):
    with pytest.raises(kind) as error:
        make(path).close()
    assert type(error.value) is kind
    return str(error.value)


def test_a_new_file_has_these_tables(path):
    Index.create(path).close()
    assert "\n".join(row[0].strip() for row in run(path, SCHEMA)) == GOLDEN


def test_a_new_file_says_that_it_is_ours_and_in_which_format(path):
    Index.create(path).close()
    found = [run(path, f"PRAGMA {name}") for name in ("application_id", "user_version", "journal_mode")]
    assert found == [[(int.from_bytes(b"HSHR"),)], [(2,)], [("wal",)]]
    assert Path(path).read_bytes()[68:72] == b"HSHR"


def test_a_new_file_has_these_facts(path):
    Index.create(path, 16).close()
    facts = run(path, "SELECT name, value FROM facts ORDER BY name")
    assert facts == [("entries", "0"), ("last_id", "0"), ("model", "1"), ("revision", "0")]
    assert run(path, "SELECT id, digest, bits, settings, weights FROM models") == [(1, None, 16, None, None)]


def test_a_file_that_is_missing(path):
    assert refusal(path, NotFound) == f"{path}: no such file: create it first, as by `hashret index`"
    assert not Path(path).exists()


def test_a_folder_is_no_file(tmp_path):
    assert refusal(str(tmp_path), NotFound) == f"{tmp_path}: no such file: create it first, as by `hashret index`"


def test_a_database_in_memory_cannot_be_opened():
    assert refusal(":memory:", InvalidInput) == ":memory: is always new: create it"


def test_a_file_that_is_no_database_is_left_as_it_is(path):
    content = b"no database at all" * 100
    Path(path).write_bytes(content)
    assert refusal(path, InvalidInput) == f"{path}: is no database: choose another name"
    assert Path(path).read_bytes() == content


def test_a_database_of_something_else_is_left_as_it_is(path):
    run(path, "CREATE TABLE theirs (a)", "INSERT INTO theirs VALUES (1)")
    before = Path(path).read_bytes()
    assert refusal(path, InvalidInput) == f"{path}: is a database of something else: choose another name"
    assert Path(path).read_bytes() == before


def test_a_newer_format(path):
    Index.create(path).close()
    run(path, "PRAGMA user_version = 9")
    assert refusal(path, Mismatch) == f"{path}: has format 9, this hashret reads up to 2: upgrade it"


def test_a_file_that_was_cut_short(filled):
    whole = Path(filled.path).read_bytes()
    Path(filled.path).write_bytes(whole[: len(whole) // 4096 // 2 * 4096])
    text = "the database is damaged (database disk image is malformed): restore it from a copy"
    assert refusal(filled.path, Corrupt) == f"{filled.path}: {text}"


def test_a_file_without_its_facts(filled):
    run(filled.path, "DELETE FROM models")
    assert refusal(filled.path, Corrupt) == f"{filled.path}: its model is not there: restore the file from a copy"


def test_a_file_that_exists_is_not_made_anew(filled):
    before = Path(filled.path).read_bytes()
    text = f"{filled.path}: exists already: add to it, or choose another name"
    assert refusal(filled.path, InvalidInput, Index.create) == text
    assert Path(filled.path).read_bytes() == before


def test_a_file_in_a_folder_that_is_missing(tmp_path):
    path = str(tmp_path / "none" / "codes.db")
    assert refusal(path, NotFound, Index.create) == f"{path}: its folder is not there: make it first"


def test_a_length_that_is_no_codes_makes_no_file(path):
    text = "bits is 12: give a multiple of 8 from 8 to 256"
    assert refusal(path, InvalidInput, lambda path: Index.create(path, 12)) == text
    assert not Path(path).exists()


def test_a_file_that_cannot_be_finished_is_not_half_made(path, monkeypatch):
    monkeypatch.setattr("indexer.store.insert_model", lambda *at: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Index.create(path)
    monkeypatch.undo()
    assert refusal(path, NotFound) == f"{path}: is empty: create it first, as by `hashret index`"
    Index.create(path).close()
    Index.open(path).close()


KILLED = """
import os, signal, sys
from sqlalchemy import Engine, event
from indexer.store import Store

left = 0

@event.listens_for(Engine, "before_cursor_execute")
def kill(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

for statement in range(1, 99):
    child = os.fork()
    if not child:
        left = statement
        Store.create(f"{sys.argv[1]}/{statement}.db", 16, ("settings", b"weights", "digest"), {"vectors": "int8"})
        os._exit(0)
    if not os.waitpid(child, 0)[1]:
        break
"""


def test_a_creation_that_is_killed_leaves_all_or_nothing(tmp_path):
    """At every statement of it; where nothing is, the same call makes the same file."""
    python(KILLED, str(tmp_path))
    *killed, whole = (str(tmp_path / f"{number}.db") for number in range(1, 1 + len(list(tmp_path.glob("*.db")))))
    nothing = [path for path in killed if not schema.holds(path)]
    assert nothing == killed[: len(nothing)]
    assert len(nothing) > 10
    for path in nothing:
        assert refusal(path, NotFound) == f"{path}: is empty: create it first, as by `hashret index`"
        Store.create(path, 16, ("settings", b"weights", "digest"), {"vectors": "int8"}).close()
    for path in killed:
        with Index.open(path) as index:
            assert index.store.fact("vectors") == "int8"
            assert index.bits == 16
        assert file_rows(path)["facts"] == file_rows(whole)["facts"]
        assert [row[1:-1] for row in file_rows(path)["models"]] == [("digest", 16, "settings", b"weights")]


def test_an_empty_file_is_as_good_as_none(path):
    Path(path).touch()
    assert refusal(path, NotFound) == f"{path}: is empty: create it first, as by `hashret index`"
    assert Path(path).read_bytes() == b""
    Index.create(path).close()
    Index.open(path).close()


def test_of_two_who_create_a_file_the_second_is_told(path, monkeypatch):
    monkeypatch.setattr(schema, "holds", lambda path: False)
    Index.create(path).close()
    before = file_rows(path)
    assert refusal(path, InvalidInput, Index.create) == (f"{path}: exists already: add to it, or choose another name")
    assert file_rows(path) == before


def test_a_file_of_format_1_is_upgraded_with_all_that_it_holds(path, monkeypatch):
    codes = clustered_codes(3, 64)
    with monkeypatch.context() as old:
        old.setattr(schema, "UPGRADES", schema.UPGRADES[:1])
        old.setattr("indexer.selection.index_entries", lambda connection, ids: None)
        with Index.create(path) as index:
            index.add(names(3), codes, metas=[{"n": n} for n in range(3)], vectors=codes[:, :2].astype("f4"))
    assert "fields" not in str(run(path, "SELECT name FROM sqlite_master"))
    with Index.open(path) as index:
        assert index.store.where("n > 0").tolist() == [2, 3]
        index.index_field("n")
        assert index.store.where("n > 0").tolist() == [2, 3]
        assert index.store.vectors(index.ids(names(3))).tolist() == codes[:, :2].tolist()
        assert index.codes(index.ids(names(3))).tolist() == codes.tolist()
    assert run(path, "PRAGMA user_version") == [(2,)]
    assert "\n".join(row[0].strip() for row in run(path, SCHEMA)) == GOLDEN


def test_an_old_file_is_upgraded_once(filled, monkeypatch):
    calls = []

    def third(connection):
        calls.append(filled.path)
        connection.exec_driver_sql("ALTER TABLE entries ADD COLUMN note TEXT DEFAULT 'new'")

    monkeypatch.setattr(schema, "UPGRADES", (*schema.UPGRADES, third))
    for _ in range(2):
        with Index.open(filled.path) as index:
            assert index.search(filled.codes[:1], 1).distances.tolist() == [[0]]
    assert calls == [filled.path]
    assert run(filled.path, "PRAGMA user_version") == [(3,)]
    assert run(filled.path, "SELECT DISTINCT note FROM entries") == [("new",)]


def test_an_upgrade_that_fails_leaves_the_old_file(filled, monkeypatch):
    def third(connection):
        connection.exec_driver_sql("DROP TABLE entries")
        raise ZeroDivisionError

    monkeypatch.setattr(schema, "UPGRADES", (*schema.UPGRADES, third))
    with pytest.raises(ZeroDivisionError):
        Index.open(filled.path)
    monkeypatch.undo()
    assert run(filled.path, "PRAGMA user_version") == [(2,)]
    with Index.open(filled.path) as index:
        assert index.ids(["k0"]).tolist() == [1]


def test_a_file_that_another_process_writes_to(filled, monkeypatch):
    monkeypatch.setattr(schema, "PRAGMAS", ("busy_timeout = 20", *schema.PRAGMAS[1:]))
    other = sqlite3.connect(filled.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Index.open(filled.path) as index:
        with pytest.raises(schema.HashretError) as error:
            index.add(["new"], filled.codes[:1])
        assert str(error.value) == f"{filled.path}: another process is writing to it: try again"
        assert index.search(filled.codes[:1], 1).distances.tolist() == [[0]]  # reading goes on
        other.execute("ROLLBACK")
        other.close()
        assert index.add(["new"], filled.codes[:1]).tolist() == [201]


def test_codes_of_ready_made_files_are_found_by_plain_sql(path):
    with Index.create(path, 64) as index:
        index.add(names(3), clustered_codes(3, 64))
    found = run(path, "SELECT key, code FROM entries JOIN buckets ON entry = id ORDER BY id")
    assert found == [(key, code.tobytes()) for key, code in zip(names(3), clustered_codes(3, 64), strict=True)]


def test_a_file_that_nobody_may_write_to_is_read(filled, monkeypatch):
    """SQLite writes beside what it reads; root may do all, so who may not is played."""
    code = filled.codes[3]
    monkeypatch.setattr("indexer.schema._writable", lambda place: False)
    before = sorted(path.name for path in Path(filled.path).parent.iterdir())
    with Index.open(filled.path) as index:
        assert index.search(code, 5).ids[0].tolist() == brute.search(filled.ids, filled.codes, code, 5)[0]
        assert sorted(path.name for path in Path(filled.path).parent.iterdir()) == before
        assert index.check().ok
        with pytest.raises(HashretError) as caught:
            index.add(["new"], code[None])
    assert str(caught.value) == f"{filled.path}: cannot be written to: change the mode of it and its folder"


def test_a_file_that_somebody_writes_to_is_read_by_who_may_not(filled, monkeypatch):
    with Index.open(filled.path) as writer:
        writer.add(["other"], filled.codes[:1] ^ 255)
        monkeypatch.setattr("indexer.schema._writable", lambda place: False)
        with Index.open(filled.path) as index:
            assert len(index) == len(filled.ids) + 1
            assert index.search(filled.codes[0] ^ 255, 1).distances[0, 0] == 0
