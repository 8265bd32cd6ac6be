"""`hashret reencode` and `--model`, as a user gives them."""

import json
import re
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from hashret.engine import Engine
from hashret.evaluate import Judgements, Options, compare
from hashret.hasher import Hasher
from hashret.settings import Settings
from tests.hashret.terminal import on_terminal, run

SMALL = ["--bits", "16", "--steps", "20", "--seed", "5"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, entries, hasher) -> tuple[str, str]:
    """A saved model of 16 bits, and how its digest begins."""
    path = tmp_path_factory.mktemp("trained") / "small.model"
    model = Hasher.fit([entry.content for entry in entries], Settings(bits=16, steps=20, batch=32, seed=5))
    model.save(path)
    return str(path), model.digest[:12]


@pytest.fixture
def two(docs, trained):
    """With the small model beside."""
    run("reencode", docs, "--model", trained[0])
    return docs


def stands(digest, bits, encoded="120 of 120"):
    return f"model {digest} of {bits} bits stands beside: {encoded} encoded; next: --compare, --promote or --drop it\n"


def test_train_compare_promote_drop(docs, hasher):
    out, err = run("reencode", docs, *SMALL)
    digest = re.match("model ([0-9a-f]{12}) ", err)[1]
    assert (out, err) == ("", stands(digest, 16))
    with Engine.open(docs, model=digest) as engine:
        wanted = {"bits": 16, "steps": 20, "seed": 5, "neighbours": 10, "batch": 32}
        assert {name: getattr(engine.hasher.settings, name) for name in wanted} == wanted
        hits = [hit.key for hit in engine.query(["rocket moon"], k=4)[0]]
        alike = [hit.key for hit in engine.similar("space/0", k=4)]
    assert run("query", docs, "rocket moon", "-k", 4, "--ids", "--model", digest)[0].split() == hits
    assert run("similar", docs, "space/0", "-k", 4, "--ids", "--model", "beside")[0].split() == alike
    assert run("reencode", docs)[1] == run("reencode", docs, *SMALL)[1] == stands(digest, 16)
    verdict = run("reencode", docs, "--compare", "--label", "topic", "-k", 3)[1]
    assert re.fullmatch(r"the model beside is [a-z ]+ by P@3: .*\n", verdict)
    old = hasher.digest[:12]
    out, err = run("reencode", docs, "--promote")
    assert (out, err) == ("", f"model {digest} is in use; the other stays beside until --drop\n")
    assert run("query", docs, "rocket moon", "-k", 4, "--ids")[0].split() == hits
    assert run("reencode", docs, "--promote")[1] == f"model {old} is in use; the other stays beside until --drop\n"
    assert run("reencode", docs, "--drop") == ("", f"model {digest} was dropped\n")
    assert run("check", docs)[1] == ""
    none = f"Error: {docs}: no model stands beside the one in use: make one by `hashret reencode`\n"
    for action in ("--drop", "--promote", "--compare"):
        assert run("reencode", docs, action, code=2)[1] == none


def test_rows_of_a_comparison_are_those_of_the_function(two):
    out, err = run("reencode", two, "--compare", "--label", "topic", "-k", 2, "--sample", 50, "--seed", 3)
    with Engine.open(two) as engine:
        found = compare(engine, Judgements(label="topic"), Options(k=(2,), sample=50, seed=3))
    assert [json.loads(line) for line in out.splitlines()] == found.rows()
    assert err == f"50 of 120 queries, drawn at random: --sample takes more\n{found.verdict}\n"
    out, _ = run("reencode", two, "--compare", "-k", 2, "--changed", 3, "--json")
    with Engine.open(two) as engine:
        first = compare(engine, options=Options(k=(2,))).changed[0]
    rows = [json.loads(line) for line in out.splitlines()]
    assert len(rows) == 3
    assert rows[0] == {
        "key": first.key, "content": first.content, "overlap": first.overlap,
        "lost": list(first.lost), "gained": list(first.gained),
    }  # fmt: skip
    assert run("reencode", two, "--compare", "--changed", 1, "--csv")[0].splitlines()[0] == (
        "key,content,overlap,lost,gained"
    )


def test_a_comparison_on_a_terminal_shows_texts(two, entries):
    shown = on_terminal("reencode", two, "--compare", "-k", 2, columns=110)
    for title in ("answers of the one that the other gives as well", "the codes themselves", "answers that changed"):
        assert title in shown
    for method in ("in use", "beside", "difference", "both"):
        assert re.search(rf"│ {method} +│", shown), method
    assert re.search(r"│ difference +│ [+-]0\.\d{3} ±0\.\d{3}", shown)
    with Engine.open(two) as engine:
        first = compare(engine, options=Options(k=(2,))).changed[0]
    assert first.content[:12] in shown
    table = shown.split("answers that changed most")[1]
    assert len(on_terminal("reencode", two, "--compare", "-k", 2, "--changed", 1, columns=110).splitlines()) == 6
    assert table.count("\n") == 10


def test_info_and_check_tell_of_both(two, hasher, trained):
    (line,) = run("info", two)[0].splitlines()
    models = json.loads(line)["models"]
    assert [(one["digest"][:12], one["bits"], one["encoded"], one["share"], one["in_use"]) for one in models] == [
        (hasher.digest[:12], 32, 120, 1.0, True), (trained[1], 16, 120, 1.0, False),
    ]  # fmt: skip
    shown = on_terminal("info", two, columns=120)
    assert re.search(rf"│ {trained[1]} │ +16 │ 20\S+ │ +120 │ +1\.000 │ +False │", shown), shown
    assert "ok: packed segments equal the rows" in run("check", two, "--model", "beside")[0]
    out, _ = run("evaluate", two, "--label", "topic", "--model", trained[1], "-k", 1)
    assert len(out.splitlines()) > 7


def test_a_stored_model_is_taken_as_it_is(docs, trained, hasher):
    assert run("reencode", docs, "--model", trained[0])[1] == stands(trained[1], 16)
    assert run("reencode", docs, "--model", trained[0] + "x", code=2)[1] == f"Error: {trained[0]}x: no such file\n"
    assert run("reencode", docs, "--bits", 64, code=2)[1] == (
        f"Error: {docs}: model {trained[1]} stands beside already, which is not the one asked for: "
        "promote or drop it first\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--compare", "--drop"], "--compare and --drop: give one of the two"),
        (["--promote", "--bits", "16"], "--promote takes no --bits: leave it out"),
        (["--drop", "more.jsonl"], "--drop takes no PATH: leave it out"),
        (["--drop", "-k", "3"], "--drop takes no -k: leave it out"),
        (["--compare", "--model", "m"], "--compare takes no --model: leave it out"),
        (["--compare", "--text-field", "x"], "--compare takes no --text-field: leave it out"),
        (["--label", "topic"], "--label is for --compare: give that as well"),
        (["-k", "3"], "-k is for --compare: give that as well"),
        (["--csv"], "--csv is for --compare: give that as well"),
        (
            ["--model", "m", "--bits", "8"],
            "--model is a trained model, which --bits cannot change: leave one of the two out",
        ),
        (["--compare", "--qrels", "g"], "--qrels and --queries belong together: give both"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together(two, words, message):
    with closing(sqlite3.connect(two)) as connection:
        before = list(connection.iterdump())
    assert run("reencode", two, *words, code=2) == ("", f"Error: {message}\n")
    with closing(sqlite3.connect(two)) as connection:
        assert list(connection.iterdump()) == before


def test_texts_are_not_given_again(docs, tmp_path):
    assert run("reencode", docs, tmp_path, code=2)[1] == (
        f"Error: {docs}: holds the texts to encode: give no entries, no PATH\n"
    )


def test_images_are_read_again(tmp_path):
    (tmp_path / "photos").mkdir()
    for n in range(24):
        pixels = np.random.default_rng(n).integers(0, 255, (9, 9), dtype=np.uint8) // (1 + n % 2)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{n:02}.png")
    db, photos = tmp_path / "photos.db", tmp_path / "photos"
    fast = ["--steps", 5, "--batch", 8, "--neighbours", 3, "--image-size", 8]
    run("index", db, photos, "--bits", 16, *fast)
    assert run("reencode", db, "--bits", 8, code=2)[1] == (
        f"Error: {db}: holds codes of kind image and not what they are of: "
        "give the entries, PATH..., to `hashret reencode` again\n"
    )
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(photos / "03.png")
    err = run("reencode", db, photos, "--bits", 8)[1]
    assert re.fullmatch(
        r"model [0-9a-f]{12} of 8 bits stands beside: 23 of 24 encoded; next: give PATH... of the others\n", err
    )
    run("add", db, photos)
    assert run("reencode", db, photos, "--bits", 8)[1].endswith(
        "24 of 24 encoded; next: --compare, --promote or --drop it\n"
    )
