"""Commands that write, from every kind of source: they go on after a kill, and tell on a terminal how far they are."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import numpy as np
import pyarrow as arrow
import pytest
from pyarrow import parquet

from hashret.engine import Engine
from hashret.inputs import Entry
from tests.hashret.conftest import make_texts
from tests.hashret.inputs.test_pdf import pdf
from tests.hashret.terminal import FAST, on_terminal, run

ROWS = [{"id": f"late/{n}", "text": text, "topic": topic} for n, (topic, text) in enumerate(make_texts(60, seed=1))]


def source(folder, kind):
    """The rows as a file of this kind, in the words of the command line."""
    if kind == "jsonl":
        path = folder / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
        return [path]
    if kind == "parquet":
        path = folder / "rows.parquet"
        parquet.write_table(arrow.Table.from_pylist(ROWS), path)
        return [path]
    path = folder / "rows.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE notes (name, body, topic)")
        connection.executemany("INSERT INTO notes VALUES (:id, :text, :topic)", ROWS)
    return [path, "--sql", "SELECT name AS id, body, topic FROM notes ORDER BY rowid"]


def held(path):
    """Every row that makes answers: keys with text, meta, digest and code."""
    sql = "SELECT key, content, meta, digest, code FROM entries JOIN buckets ON entry = entries.id ORDER BY key"
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def empty(tmp_path, hasher):
    """Two files with a model and no entries."""
    paths = [tmp_path / "killed.db", tmp_path / "whole.db"]
    for path in paths:
        Engine.create(str(path), hasher).close()
    return paths


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "sqlite"])
def test_a_killed_add_goes_on_to_the_same_entries(kind, tmp_path, empty):
    """SIGKILL while a batch is written, its transaction open."""
    killed, whole = empty
    words = source(tmp_path, kind)
    program = (
        "import os, signal, hashret.engine as engine; from hashret.cli import main; from indexer.index import Index\n"
        "engine.BATCH = 7; add = Index.add; batches = iter(range(9))\n"
        "kill = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Index.add = lambda *at, **more: (add(*at, **more), next(batches) == 3 and kill())\n"
        "main()"
    )
    child = subprocess.run([sys.executable, "-c", program, "add", str(killed), *map(str, words)])
    assert child.returncode == -signal.SIGKILL
    assert len(held(killed)) == 28
    assert run("add", killed, *words)[1] == "32 added, 0 updated, 28 unchanged\n"
    run("add", whole, *words)
    assert held(killed) == held(whole)
    assert [row[:2] for row in held(whole)] == sorted((row["id"], row["text"]) for row in ROWS)
    run("check", killed)


def test_every_kind_of_rows_stores_the_same(tmp_path, hasher):
    found = []
    for kind in ("jsonl", "parquet", "sqlite"):
        Engine.create(str(tmp_path / f"{kind}.db"), hasher).close()
        run("add", tmp_path / f"{kind}.db", *source(tmp_path, kind))
        found.append(held(tmp_path / f"{kind}.db"))
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 60


def test_bad_rows_at_the_end_lose_nothing_of_what_is_stored(tmp_path, empty):
    path = tmp_path / "rows.parquet"
    parquet.write_table(arrow.Table.from_pylist(ROWS), path)
    run("add", empty[0], path)
    before = held(empty[0])
    parquet.write_table(arrow.Table.from_pylist([{"id": "new", "text": "moon"}, {"id": "bad", "text": None}]), path)
    assert run("add", empty[0], path, code=2)[1] == (
        f"Error: {path} row 1: field 'text' is null, not text: name another with --text-field\n"
    )
    assert held(empty[0]) == before
    assert run("add", empty[0], path, "--on-error", "skip")[1].startswith(
        "1 added, 0 updated, 0 unchanged, 1 skipped\n"
    )


def test_embeddings_of_parquet(tmp_path, vectors):
    path = tmp_path / "v.parquet"
    rows = arrow.FixedSizeListArray.from_arrays(vectors.ravel(), vectors.shape[1])
    parquet.write_table(arrow.table({"id": [f"v{n}" for n in range(80)], "text": ["x"] * 80, "emb": rows}), path)
    run("index", tmp_path / "v.db", path, "--array", "emb", *FAST)
    np.save(tmp_path / "q.npy", vectors[5:7])
    out, _ = run("query", tmp_path / "v.db", "--file", tmp_path / "q.npy", "-r", 0)
    assert [json.loads(line)["key"] for line in out.splitlines()] == ["v5", "v6"]


def test_a_folder_of_notes_and_papers_with_glob(tmp_path, empty):
    (tmp_path / "docs" / "sub").mkdir(parents=True)
    (tmp_path / "docs" / "sub" / "a.pdf").write_bytes(pdf("moon rocket", "bread butter"))
    (tmp_path / "docs" / "b.md").write_text("goal team")
    (tmp_path / "docs" / "c.txt").write_text("bank rate")
    words = ("add", empty[0], tmp_path / "docs", "--glob", "*.md", "--glob", "**/*.pdf")
    assert run(*words)[1] == "3 added, 0 updated, 0 unchanged\n"
    assert [row[0] for row in held(empty[0])] == ["b.md", "sub/a.pdf#page=1", "sub/a.pdf#page=2"]
    out, _ = run("query", empty[0], "bread butter", "-k", 1)
    assert json.loads(out)["meta"]["page"] == 2


def test_a_terminal_is_told_count_rate_and_time_left(tmp_path):
    (words,) = source(tmp_path, "jsonl")
    shown = on_terminal("index", tmp_path / "d.db", words, *FAST, stream="stderr", columns=100)
    for phase in ("read", "store"):
        assert re.search(rf"{phase} +━+ 60/60 [\d,.]+/s +\d:\d\d:\d\d", shown), shown
    assert "60 added, 0 updated, 0 unchanged" in shown


def test_remove_reads_keys_line_by_line(tmp_path, hasher):
    """Blanks, dashes and stars in them are no matter."""
    names = ["a", "b", "a b", "-x", "*", "kept"]
    with Engine.create(str(tmp_path / "k.db"), hasher) as engine:
        engine.add([Entry(name, "moon") for name in names])
    assert run("remove", tmp_path / "k.db", "-", "b", input="a b\r\n\n-x\n*")[1] == "4 removed\n"
    with Engine.open(str(tmp_path / "k.db")) as engine:
        assert engine.index.keys(engine.index.entries()[0]) == ["a", "kept"]
    told = f"Error: {tmp_path}/k.db: no entry has the key 'b'; nothing was removed\n"
    assert run("remove", tmp_path / "k.db", "-", input="a\nb\n", code=2)[1] == told


def test_what_was_skipped_is_told_where_nothing_is_left(tmp_path):
    (tmp_path / "r.jsonl").write_text('{"id": 1, "text": "moon"}\n')
    _, err = run("index", tmp_path / "n.db", tmp_path / "r.jsonl", "--on-error", "skip", "--text-field", "no", code=2)
    first, last = err.splitlines()
    assert first.startswith(f"skipped: {tmp_path}/r.jsonl:1: ")
    assert last == "Error: nothing to learn from: give at least one text, image or embedding"


@pytest.mark.parametrize("command", ["index", "remove"])
def test_closed_standard_input_is_told(tmp_path, stored, command):
    path = stored if command == "remove" else tmp_path / "n.db"
    words = [sys.executable, "-m", "hashret", command, str(path), "-"]
    done = subprocess.run(["/bin/sh", "-c", '"$@" <&-', "sh", *words], capture_output=True, text=True)
    wanted = "keys" if command == "remove" else "a path"
    assert done.returncode == 2
    assert done.stderr == f"Error: -: standard input is closed: give {wanted}, or something to read\n"


def test_vectors_of_another_length_are_told_by_their_keys(tmp_path, vectors, vector_hasher):
    Engine.create(str(tmp_path / "v.db"), vector_hasher).close()
    np.save(tmp_path / "long.npy", np.ones((3, 13), np.float32))
    assert run("add", tmp_path / "v.db", tmp_path / "long.npy", code=2)[1] == (
        f"Error: from entry '{tmp_path}/long.npy:0' on: embeddings have 13 dimensions, the model was trained on 12\n"
    )
