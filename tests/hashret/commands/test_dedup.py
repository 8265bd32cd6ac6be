import csv
import io
import json

import pytest

from hashret.engine import Engine
from hashret.inputs import Source
from tests.hashret.duplicates.test_dedup import NOTED
from tests.hashret.duplicates.test_leakage import KNOWN
from tests.hashret.terminal import on_terminal, run


def made(path, hasher, entries):
    with Engine.create(str(path), hasher) as engine:
        engine.add(entries)
    return path


@pytest.fixture
def db(tmp_path, hasher):
    return made(tmp_path / "a.db", hasher, NOTED)


@pytest.fixture
def other(tmp_path, hasher):
    return made(tmp_path / "b.db", hasher, KNOWN)


def test_rows_are_the_duplicates_of_each_group(db):
    out, err = run("dedup", db, "-r", 32)
    with Engine.open(str(db)) as engine:
        found = engine.dedup(32)
        group, least = next(found.groups()), found.least(1)[0]
    assert [json.loads(line) for line in out.splitlines()] == [
        {
            "group": 1,
            "kept": "a",
            "key": copy.key,
            "distance": copy.distance,
            "similarity": copy.score,
            "content": copy.content,
            "meta": copy.meta,
        }
        for copy in group.copies
    ]
    assert err == (
        "2 of 5 entries (40.0%) are duplicates, within 32 bits and of cosine 0.65 or more; "
        f"least alike: c and a, {least.distance} bits, {least.similarity:.3f}\n"
    )


def test_ids_are_what_remove_takes(db):
    out, _ = run("dedup", db, "-r", 32, "--ids")
    assert out.split() == ["c", "d"]
    run("remove", db, *out.split())
    out, err = run("dedup", db, "-r", 32, code=1)
    assert (out, err) == ("", "0 of 3 entries (0.0%) are duplicates, within 32 bits and of cosine 0.65 or more\n")


def test_limits_reach_the_engine(db):
    assert run("dedup", db, "-r", 32, "--keep", "longest", "--ids")[0].split() == ["a", "d"]
    assert run("dedup", db, "-r", 32, "--similar", 1, "--ids")[0].split() == ["d"]
    out, err = run("dedup", db, "-r", 32, "--target", 4, "--ids")
    assert out.split() == ["d"]
    assert err.startswith("1 of 5 entries (20.0%) are duplicates, within 32 bits; least alike: d and a, ")
    assert run("dedup", db, "-r", 0, "--target", 1, code=2)[1].startswith("Error: target is 1: ")


def test_what_is_kept_is_written_and_reads_back(db, tmp_path):
    path = tmp_path / "kept.jsonl"
    run("dedup", db, "-r", 32, "-o", path)
    back = [(entry.key, entry.content, entry.meta) for entry in Source([str(path)])]
    assert back == [(entry.key, entry.content, entry.meta) for entry in NOTED if entry.key in "abe"]
    path.write_text("old")
    _, err = run("dedup", db, "-o", tmp_path / "no" / "kept.jsonl", code=2)
    assert err == f"Error: {tmp_path}/no/kept.jsonl: there is no folder {tmp_path}/no: make it first\n"
    assert path.read_text() == "old"


def test_the_least_alike(db):
    out, _ = run("dedup", db, "-r", 32, "--least", 1)
    row = json.loads(out)
    assert (row["key"], row["other"], row["other_content"]) == ("c", "a", NOTED[0].content)
    assert list(row) == ["key", "other", "distance", "similarity", "content", "other_content"]


def test_leakage_between_two_files(db, other, tmp_path):
    out, err = run("dedup", db, "--against", other, "-r", 32, "--csv", "-o", tmp_path / "clean.jsonl")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["key"], row["other"]) for row in rows] == [("a", "s/2"), ("c", "s/2"), ("d", "s/2"), ("e", "s/4")]
    assert err.startswith(f"4 of 5 entries (80.0%) are in {other} as well, within 32 bits and of cosine 0.65 or more; ")
    assert [entry.key for entry in Source([str(tmp_path / "clean.jsonl")])] == ["b"]
    run("dedup", db, "--against", other, "-r", 0, "--similar", 1, "--ids")


def test_no_leakage_is_exit_code_1(db, tmp_path, hasher):
    with Engine.create(str(tmp_path / "c.db"), hasher) as engine:
        engine.add(KNOWN[2:3])
    out, err = run("dedup", tmp_path / "c.db", "--against", db, code=1)
    assert out == ""
    assert err.startswith(f"0 of 1 entries (0.0%) are in {db} as well, within ")


def test_an_empty_file_has_nothing_that_could_leak(db, tmp_path, hasher):
    Engine.create(str(tmp_path / "empty.db"), hasher).close()
    _, err = run("dedup", db, "--against", tmp_path / "empty.db", "-r", 3, code=1)
    assert err == (
        f"0 of 5 entries (0.0%) are in {tmp_path}/empty.db as well, within 3 bits and of cosine 0.65 or more\n"
    )


@pytest.mark.parametrize("option", [("--keep", "longest"), ("--target", 3)])
def test_what_chooses_in_one_file_is_refused_for_two(db, other, option):
    _, err = run("dedup", db, "--against", other, *option, code=2)
    assert err == ("Error: --keep and --target choose among the entries of one file: leave them out with --against\n")


def test_a_missing_file_is_told(db):
    _, err = run("dedup", db, "--against", "no.db", code=2)
    assert err == "Error: no.db: no such file: create it first, as by `hashret index`\n"


def test_a_terminal_gets_a_table_of_each_group(db):
    lines = on_terminal("dedup", db, "-r", 32).split("\r\n")
    assert [line.strip() for line in lines if line and line[0] not in "┏┃┡│└"] == ["a"]
    assert [line.split("│")[2].strip() for line in lines if line.startswith("│")] == ["c", "d"]
