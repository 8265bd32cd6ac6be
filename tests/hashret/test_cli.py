import csv
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pytest
from PIL import Image

from hashret.__main__ import main as start
from hashret.engine import Engine
from tests.hashret.terminal import FAST, on_terminal, run


def test_index_then_query_is_the_engine(corpus, tmp_path):
    db = tmp_path / "docs.db"
    out, err = run("index", db, corpus, *FAST)
    assert (out, err) == ("", "120 added, 0 updated, 0 unchanged\n")
    out, _ = run("query", db, "rocket moon", "-k", 3)
    with Engine.open(str(db)) as engine:
        hits = engine.query(["rocket moon"], k=3)[0]
    assert [json.loads(line) for line in out.splitlines()] == [
        {
            "query": "rocket moon",
            "rank": rank,
            "key": hit.key,
            "distance": hit.distance,
            "score": hit.score,
            "content": hit.content,
            "meta": hit.meta,
        }
        for rank, hit in enumerate(hits, 1)
    ]


def test_index_again_skips_updates_and_adds(corpus, tmp_path):
    db = tmp_path / "docs.db"
    run("index", db, corpus, *FAST)
    lines = corpus.read_text().splitlines()
    changed = json.dumps({"id": "space/0", "text": "bread butter", "topic": "food"})
    corpus.write_text("\n".join([changed, *lines[1:], json.dumps({"id": "new", "text": "goal team"})]) + "\n")
    assert run("index", db, corpus)[1] == "1 added, 1 updated, 119 unchanged\n"
    assert run("add", db, corpus)[1] == "0 added, 0 updated, 121 unchanged\n"


def test_index_refuses_settings_that_the_model_does_not_have(stored, corpus):
    assert run("index", stored, corpus, "--bits", 64, code=2)[1] == (
        f"Error: {stored}: its model was trained with bits 32, not 64: "
        "`hashret reencode` trains another beside it, or index into a new file\n"
    )
    run("index", stored, corpus, "--bits", 32)
    assert run("index", stored, corpus, "--store-vectors", code=2)[1] == (
        f"Error: {stored}: keeps no vectors, not as float16: leave --store-vectors out, or index into a new file\n"
    )


def test_radius_and_exit_codes(stored, entries):
    out, _ = run("query", stored, entries[0].content, "-r", 0, "--ids")
    with Engine.open(stored) as engine:
        bucket = engine.index.bucket(engine.hasher.encode([entries[0].content])[0])
        assert sorted(out.split()) == sorted(engine.index.keys(bucket))
        far = np.unpackbits(engine.index.codes(np.arange(1, 121)), axis=1)
    assert far.shape == (120, 32)
    assert run("query", stored, "moon", "--where", "topic=nothing", code=1) == ("", "")


def test_where_keeps_matching_entries(stored):
    out, _ = run("query", stored, "rocket moon", "-k", 40, "--where", "topic=food", "--ids")
    assert len(out.split()) == 30
    assert {key.split("/")[0] for key in out.split()} == {"food"}
    assert run("query", stored, "moon", "--where", "topic", code=2)[1] == (
        "Error: where 'topic': at its end: an operator is missing: write FIELD=VALUE; or != < <= > >= in, not in\n"
    )


@pytest.mark.parametrize(("flag", "mark"), [("--csv", ","), ("--tsv", "\t")])
def test_tables_of_text(stored, flag, mark):
    out, _ = run("query", stored, "moon", "-k", 2, flag)
    rows = list(csv.reader(io.StringIO(out), delimiter=mark))
    assert rows[0] == ["query", "rank", "key", "distance", "score", "content", "meta"]
    assert [row[:2] for row in rows[1:]] == [["moon", "1"], ["moon", "2"]]
    assert json.loads(rows[1][6])["topic"] == rows[1][2].split("/")[0]


def test_many_queries_from_a_file_and_from_stdin(stored, tmp_path):
    (tmp_path / "q.txt").write_text("rocket moon\n\nbread butter\n")
    out, _ = run("query", stored, "goal team", "--file", tmp_path / "q.txt", "-k", 1)
    assert [json.loads(line)["query"] for line in out.splitlines()] == ["goal team", "rocket moon", "bread butter"]
    piped, _ = run("query", stored, "--file", "-", "-k", 1, input="rocket moon\nbread butter\n")
    assert piped.splitlines() == out.splitlines()[1:]
    assert run("query", stored, "-", "-k", 1, input="rocket moon\nbread butter\n")[0] == piped


def test_standard_input_and_a_file_of_queries_are_one_too_many(stored, tmp_path):
    (tmp_path / "q.txt").write_text("rocket moon\n")
    told = f"Error: - is standard input, and --file is {tmp_path}/q.txt: give one of them\n"
    assert run("query", stored, "-", "--file", tmp_path / "q.txt", input="bread\n", code=2)[1] == told


def test_a_query_that_is_not_utf8_is_told(stored):
    assert run("query", stored, "\udcff", code=2)[1] == (
        "Error: text 0 holds '\\udcff' at character 0, which UTF-8 cannot write: remove it\n"
    )


def test_no_query_is_wrong_usage(stored):
    assert run("query", stored, code=2)[1] == ("Error: no query: give a text, --file FILE, or - for standard input\n")


def test_explain_prints_the_plan(stored):
    out, _ = run("query", stored, "moon", "-r", 0, "--explain")
    way, time = out.split(", measured ")
    why = "one look-up of the code in the database, nothing is loaded; 1 probes and 1 candidates a query"
    assert way == f"bucket: {why}, about 40 µs"
    assert re.fullmatch(r"[0-9.]+ (µs|ms|s)\n", time)
    assert run("similar", stored, "space/0", "--explain")[0].startswith("scan: all ")


def test_similar(stored):
    out, _ = run("similar", stored, "space/0", "-k", 4)
    with Engine.open(stored) as engine:
        assert [json.loads(line)["key"] for line in out.splitlines()] == [
            hit.key for hit in engine.similar("space/0", k=4)
        ]
    assert run("similar", stored, "nobody", code=2)[1] == f"Error: {stored}: no entry has the key 'nobody'\n"
    several = run("similar", stored, "space/0", "food/1", "sport/2", "-k", 2)[0]
    assert run("similar", stored, "-", "sport/2", "-k", 2, input="space/0\n\nfood/1\r\n")[0] == several


def test_remove(corpus, tmp_path):
    db = tmp_path / "docs.db"
    run("index", db, corpus, *FAST)
    assert run("remove", db, "space/0", "food/1")[1] == "2 removed\n"
    assert run("remove", db, "sport/2", "space/0", code=2)[1] == (
        f"Error: {db}: no entry has the key 'space/0'; nothing was removed; did you mean 'space/80'?\n"
    )
    assert json.loads(run("info", db)[0])["entries"] == 118


def test_bad_input_names_file_and_line_and_makes_no_file(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"text": "a b"}\n{"text": \n')
    _, err = run("index", tmp_path / "x.db", tmp_path / "x.jsonl", code=2)
    assert err.startswith(f"Error: {tmp_path}/x.jsonl:2: ")
    assert not (tmp_path / "x.db").exists()


def test_on_error_skip_goes_on_and_counts(corpus, tmp_path):
    with corpus.open("a") as file:
        file.write('{"text": \n{"id": "late", "text": "moon"}\n')
    _, err = run("index", tmp_path / "x.db", corpus, "--on-error", "skip", *FAST)
    first, second = err.splitlines()
    assert first == "121 added, 0 updated, 0 unchanged, 1 skipped"
    assert second.startswith(f"skipped: {corpus}:121: ")


def test_an_entry_that_cannot_be_read_is_told_how_to_leave_it_out(stored, tmp_path):
    (tmp_path / "empty.md").write_text("")
    assert run("add", stored, tmp_path, code=2)[1] == (
        f"Error: {tmp_path}/empty.md: has no text: remove the file or fill it\n"
        "--on-error skip leaves out what cannot be read, and goes on.\n"
    )
    assert run("query", stored, "--file", tmp_path / "empty.md", code=2)[1].count("\n") == 1  # it has no such option


def test_prune_removes_what_paths_no_longer_have_and_keeps_what_was_skipped(hasher, tmp_path):
    path, folder = tmp_path / "x.db", tmp_path / "notes"
    folder.mkdir()
    Engine.create(str(path), hasher).close()
    for name in ("a", "b", "c"):
        (folder / f"{name}.md").write_text(f"moon rocket {name}\n")
    assert run("index", path, folder, "--prune")[1] == "3 added, 0 updated, 0 unchanged\n0 pruned\n"
    (folder / "b.md").unlink()
    assert run("index", path, folder)[1] == "0 added, 0 updated, 2 unchanged\n"
    (folder / "c.md").write_text("")
    told = run("index", path, folder, "--prune", "--on-error", "skip")[1]
    assert told.endswith("\n1 pruned\n")
    assert {row.key for row in rows(path)} == {"a.md", "c.md"}
    (folder / "c.md").unlink()
    assert run("index", path, folder, "--prune")[1] == "0 added, 0 updated, 1 unchanged\n1 pruned\n"
    assert {row.key for row in rows(path)} == {"a.md"}


def test_nothing_is_pruned_where_the_keys_of_what_was_skipped_are_not_known(hasher, tmp_path):
    path, corpus = tmp_path / "x.db", tmp_path / "x.jsonl"
    corpus.write_text('{"id": "a", "text": "moon"}\n{"id": "b", "text": "rocket"}\n')
    Engine.create(str(path), hasher).close()
    run("index", path, corpus)
    corpus.write_text('{"id": "a", "text": "moon"}\n{"id": "b", "te\n')
    told = run("index", path, corpus, "--prune", "--on-error", "skip")[1]
    assert told.endswith("\nnothing pruned: what was skipped may be stored\n")
    assert {row.key for row in rows(path)} == {"a", "b"}


def rows(path):
    with Engine.open(str(path)) as engine:
        return [row for page in engine.index.store.pages() for row in page]


def test_a_query_without_a_known_word_is_told_so(stored):
    out, err = run("query", stored, "qqxyzzy", "moon", "--ids")
    assert err == "the model knows no word of 'qqxyzzy': what is nearest means nothing\n"
    assert len(out.splitlines()) == 20


def test_a_missing_file_is_an_error():
    assert run("query", "no.db", "x", code=2)[1] == (
        "Error: no.db: no such file: create it first, as by `hashret index`\n"
    )


def test_ctrl_c_leaves_a_usable_file(stored, monkeypatch, tmp_path):
    (tmp_path / "more.txt").write_text("moon rocket")

    def stop(*words):
        raise KeyboardInterrupt

    monkeypatch.setattr("hashret.storing.store", stop)
    _, err = run("add", stored, tmp_path / "more.txt", code=130)
    assert err == "Stopped. What was stored stays stored; the same command goes on from there.\n"
    monkeypatch.undo()
    run("check", stored)


def test_an_interrupt_from_outside_keeps_whole_batches(stored, corpus, tmp_path):
    """SIGINT while batches of 2 are stored slowly; the same command then goes on from there."""
    db = tmp_path / "docs.db"
    shutil.copy(stored, db)
    rows = [json.dumps({"id": f"late/{n}", "text": f"moon {n}"}) for n in range(60)]
    corpus.write_text("\n".join(rows) + "\n")
    program = (
        "import signal, time, hashret.engine as engine; from hashret import storing; from hashret.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler); engine.BATCH = 2; add = storing.store\n"
        "storing.store = lambda *words: (time.sleep(0.05), add(*words))[1]\n"
        "main()"
    )
    child = subprocess.Popen([sys.executable, "-c", program, "add", db, corpus], stderr=subprocess.PIPE, text=True)
    with Engine.open(str(db)) as engine:
        while len(engine) < 130 and child.poll() is None:
            time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate()
    assert (child.returncode, err) == (
        130,
        "Stopped. What was stored stays stored; the same command goes on from there.\n",
    )
    with Engine.open(str(db)) as engine:
        kept = len(engine) - 120
        assert engine.check().ok
    assert 10 <= kept < 60
    assert kept % 2 == 0
    assert run("add", db, corpus)[1] == f"{60 - kept} added, 0 updated, {kept} unchanged\n"


def test_images_by_folder_and_query_by_image(tmp_path):
    rng = np.random.default_rng(0)
    for name, lit in (("left", slice(0, 4)), ("right", slice(4, 9))):
        (tmp_path / "pics" / name).mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(0, 100, (9, 9), dtype=np.uint8)
            pixels[:, lit] += 150
            Image.fromarray(pixels).save(tmp_path / "pics" / name / f"{number}.png")
    db = tmp_path / "pics.db"
    run("index", db, tmp_path / "pics", "--store-vectors", "--image-size", 8, *FAST)
    out, _ = run("query", db, tmp_path / "pics" / "left" / "3.png", "-k", 5, "--ids")
    assert {key.split("/")[0] for key in out.split()} == {"left"}
    assert run("query", db, "sunset", code=2)[1] == (
        "Error: sunset: no such file: entries are of kind image, and a query is a file of one\n"
    )
    assert json.loads(run("info", db)[0])["vectors"] == "float16"


def test_a_killed_index_goes_on_to_the_same_model(corpus, tmp_path):
    """SIGKILL in the middle of training, as a machine that loses its power; then the same command again."""
    program = (
        "import sys, os, signal, hashret.model.checkpoint as c, hashret.model.fit as f; from hashret.cli import main\n"
        "c.SECONDS = 0; advance = f._Run.advance\n"
        "kill = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
        "f._Run.advance = lambda run: kill() if run.step == 50 else advance(run)\n"
        "main()"
    )
    killed, whole = tmp_path / "killed.db", tmp_path / "whole.db"
    words = ["index", str(killed), str(corpus), *FAST]
    assert subprocess.run([sys.executable, "-c", program, *words]).returncode == -signal.SIGKILL
    assert (tmp_path / "killed.db.training").exists()
    assert not killed.exists()
    run(*words)
    run("index", whole, corpus, *FAST)
    assert json.loads(run("info", killed)[0])["model"] == json.loads(run("info", whole)[0])["model"]
    assert not (tmp_path / "killed.db.training").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--kind", "deep", "--net", "conv"), "Error: net conv reads images: take mlp\n"),
        (
            ("--kind", "rbm", "--activation", "relu"),
            "Error: start rbm learns sigmoid units: activation sigmoid, not relu\n",
        ),
    ],
)
def test_parts_that_do_not_go_together_are_refused_and_leave_nothing(words, message, corpus, tmp_path):
    _, err = run("index", tmp_path / "d.db", corpus, *FAST, *words, code=2)
    assert err == message
    assert not (tmp_path / "d.db").exists()


def test_widths_are_numbers_with_commas(corpus, tmp_path):
    run("index", tmp_path / "d.db", corpus, *FAST, "--kind", "deep", "--hidden", "24,12")
    assert json.loads(run("info", tmp_path / "d.db")[0])["settings"]["hidden"] == [24, 12]
    _, err = run("index", tmp_path / "e.db", corpus, "--hidden", "24;12", code=2)
    assert err.endswith("Invalid value for '--hidden': '24;12' is no list of widths: write 500,250, or 0 for none\n")


def test_embeddings_with_ids(tmp_path, vectors):
    np.save(tmp_path / "v.npy", vectors)
    (tmp_path / "ids.txt").write_text("".join(f"v{n}\n" for n in range(80)))
    db = tmp_path / "v.db"
    run("index", db, tmp_path / "v.npy", "--ids", tmp_path / "ids.txt", *FAST)
    np.save(tmp_path / "q.npy", vectors[5:7])
    out, _ = run("query", db, "--file", tmp_path / "q.npy", "-k", 1, "--no-rerank")
    assert [json.loads(line)["distance"] for line in out.splitlines()] == [0, 0]


def test_a_terminal_gets_tables(stored):
    """Titles are the queries, one line a hit."""
    lines = on_terminal("query", stored, "rocket moon", "bread", "-k", 2).split("\r\n")
    assert [line.strip() for line in lines if line and line[0] not in "┏┃┡│└"] == ["rocket moon", "bread"]
    assert {line.split("┃")[1].strip() for line in lines if line.startswith("┃")} == {"rank"}
    keys = [line.split("│")[2].strip() for line in lines if line.startswith("│")]
    with Engine.open(stored) as engine:
        assert keys == [hit.key for hits in engine.query(["rocket moon", "bread"], k=2) for hit in hits]


def test_a_terminal_gets_the_report_as_tables(stored):
    lines = on_terminal("evaluate", stored, "--label", "topic", "--sample", 20).split("\r\n")
    assert [line.strip() for line in lines if line and line[0] not in "┏┃┡│└"] == [
        "means over 20 queries, ± half of the 95 % interval",
        "precision within so many bits",
        "recall within so many bits",
        "share within so many bits",
    ]
    methods = [line.split("│")[1].strip() for line in lines if line.startswith("│")]
    assert methods[:7] == ["codes", "asymmetric", "reranked", "float", "LSH", "PCA-sign", "ITQ"]
    assert len(methods) == 7 + 3 * 4


@pytest.mark.parametrize(
    "words", [["--help"], ["query", "DB", "moon"], ["query", "DB", "moon", "--csv"], ["export", "DB"]]
)
def test_a_full_disk_is_told(stored, words):
    command = [sys.executable, "-m", "hashret", *(word.replace("DB", stored) for word in words)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (2, "Error: No space left on device\n")


@pytest.mark.parametrize("name", ["out.jsonl", "out.npy", "out.npz", "out.parquet"])
def test_an_export_that_cannot_be_written_is_told(stored, tmp_path, name, monkeypatch):
    def full(self, other):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    told = f"Error: {tmp_path / name}: cannot be written: No space left on device\n"
    assert run("export", stored, "-o", tmp_path / name, code=2)[1] == told
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_commands_are_loaded(monkeypatch, capsys):
    def stopped(name):
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "hashret.cli", types.ModuleType("hashret.cli"))
    sys.modules["hashret.cli"].__getattr__ = stopped
    with pytest.raises(SystemExit) as caught:
        start()
    assert (caught.value.code, capsys.readouterr().err) == (130, "Stopped.\n")


def test_queries_and_keys_are_no_markup(stored):
    """What a terminal shows of rich's own marks."""
    out = on_terminal("query", stored, "moon [/a] [red]bread", "-k", 1)
    assert "moon [/a] [red]bread" in out
