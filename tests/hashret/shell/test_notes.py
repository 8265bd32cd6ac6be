import json
import logging
import re
import shutil

import pytest

from hashret.engine import Engine
from tests.hashret.terminal import FAST, on_terminal, run

TIME = re.compile(r"^ *\d+\.\d{3} s  ")


def told(err):
    """What -v tells, without the seconds."""
    assert all(TIME.match(line) for line in err.splitlines()), err
    return [TIME.sub("", line) for line in err.splitlines()]


@pytest.mark.parametrize("words", [["-v", "query"], ["query", "-v"], ["--verbose", "query", "-v"]])
def test_verbose_tells_versions_file_model_plan_and_time(words, stored, hasher):
    out, err = run(*words, stored, "rocket moon", "-k", 2)
    versions, opened, search, done = told(err)
    assert re.match(r"hashret \S+, Python 3\.\S+, click \S+, numpy ", versions)
    assert opened == f"{stored}: 120 entries, codes of 32 bits by the text model {hasher.digest[:12]}"
    assert search.startswith("search: scan: all ")
    assert done == "done"
    assert out == run("query", stored, "rocket moon", "-k", 2)[0]


def test_verbose_tells_the_seconds_of_each_phase(tmp_path):
    rows = [json.dumps({"id": str(n), "text": f"moon rocket {n % 7}"}) for n in range(40)]
    (tmp_path / "d.jsonl").write_text("\n".join(rows))
    _, err = run("index", "-v", tmp_path / "d.db", tmp_path / "d.jsonl", *FAST)
    notes = [line for line in err.splitlines() if not TIME.match(line)]
    phases = [line for line in map(lambda line: TIME.sub("", line), err.splitlines()) if " in " in line]
    assert notes == ["40 added, 0 updated, 0 unchanged"]
    assert [re.sub(r"\d+\.\d{3} s", "… s", line) for line in phases] == [
        "read: 40 in … s", "stage 1: 80 in … s", "stage 2: 80 in … s", "store: 40 in … s",
    ]  # fmt: skip


def test_verbose_shows_the_trace_of_an_error(tmp_path):
    _, err = run("query", "-v", "none.db", "x", code=2)
    assert "Traceback (most recent call last):" in err
    assert err.endswith("Error: none.db: no such file: create it first, as by `hashret index`\n")
    assert "Traceback" not in run("query", "none.db", "x", code=2)[1]


def test_nothing_is_told_after_a_verbose_command(stored, caplog):
    run("query", "-v", stored, "moon")
    handlers = logging.getLogger("hashret").handlers + logging.getLogger("indexer").handlers
    assert handlers == []
    assert run("query", stored, "moon")[1] == ""
    assert caplog.records == [] or all(record.levelno == logging.INFO for record in caplog.records)


def test_a_program_hears_the_same_by_logging(stored, caplog):
    with caplog.at_level(logging.INFO), Engine.open(stored) as engine:
        engine.query(["moon"], radius=0)
    assert [record.name for record in caplog.records] == ["hashret.engine", "indexer.index"]


def test_quiet_leaves_answers_and_errors(stored, tmp_path):
    (tmp_path / "new.txt").write_text("moon rocket")
    db = tmp_path / "d.db"
    shutil.copy(stored, db)
    assert run("add", "-q", db, tmp_path / "new.txt") == ("", "")
    assert run("-q", "remove", db, "space/0") == ("", "")
    assert run("dedup", "-q", db, "-r", 0)[1] == ""
    assert run("remove", "-q", db, "space/0", code=2)[1].startswith("Error: ")


def test_quiet_draws_no_progress(stored, tmp_path):
    (tmp_path / "new.txt").write_text("moon rocket")
    shutil.copy(stored, tmp_path / "d.db")
    assert "store" in on_terminal("add", tmp_path / "d.db", tmp_path / "new.txt", stream="stderr")
    (tmp_path / "new.txt").write_text("moon shuttle")
    assert on_terminal("add", "-q", tmp_path / "d.db", tmp_path / "new.txt", stream="stderr") == ""


def test_verbose_tells_variables_and_what_is_none(stored, monkeypatch):
    monkeypatch.setenv("HASHRET_QUERY_K", "1")
    monkeypatch.setenv("HASHRET_QUERRY_K", "2")
    monkeypatch.setenv("HASHRET_DATA", "/data")
    lines = told(run("query", "-v", stored, "moon", "--ids")[1])
    assert [line for line in lines if "environment" in line] == [
        "environment: HASHRET_QUERRY_K is no variable of hashret; did you mean 'HASHRET_QUERY_K'?",
        "environment: HASHRET_QUERY_K=1",
    ]


def raw(words, stream="stderr", **variables):
    """What a terminal gets, control sequences and all."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        variables.setdefault(name, None)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.delenv(name, raising=False) if value is None else patch.setenv(name, value)
        return on_terminal(*words, stream=stream, plain=False, term=variables.get("TERM", "xterm"))


COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9][;m]")


def test_colours_go_with_no_color_and_every_sequence_on_a_dumb_terminal(stored, tmp_path):
    (tmp_path / "new.txt").write_text("moon")
    for name in ("plain", "none", "dumb"):
        shutil.copy(stored, tmp_path / f"{name}.db")
    add = ("add", tmp_path / "plain.db", tmp_path / "new.txt")
    assert COLOUR.search(raw(add))
    bare = raw(("add", tmp_path / "none.db", tmp_path / "new.txt"), NO_COLOR="1")
    assert "store" in bare
    assert not COLOUR.search(bare)
    assert "\x1b" not in raw(("add", tmp_path / "dumb.db", tmp_path / "new.txt"), TERM="dumb")
    table = raw(("query", stored, "moon", "-k", 1), stream="stdout", TERM="dumb")
    assert "moon" in table
    assert "\x1b" not in table


def test_force_color_chooses_no_form(stored, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert json.loads(run("query", stored, "moon", "-k", 1)[0])["rank"] == 1


@pytest.mark.parametrize("columns", [20, 400])
def test_tables_fit_any_width(columns, stored):
    lines = on_terminal("query", stored, "moon", "-k", 1, columns=columns).splitlines()
    assert max(map(len, lines)) <= max(columns, 60)
