import json

import numpy as np

from hashret.engine import Engine
from tests.hashret.terminal import on_terminal, run


def test_why_in_a_pipe_is_the_engine(stored):
    out, _ = run("query", stored, "rocket bread", "-k", 2, "--why")
    rows = [json.loads(line) for line in out.splitlines()]
    with Engine.open(stored) as engine:
        hits = engine.query(["rocket bread"], k=2)[0]
        whys = engine.why("rocket bread", hits)
    assert [row["key"] for row in rows] == [hit.key for hit in hits]
    for row, why in zip(rows, whys, strict=True):
        assert list(row["why"]) == ["codes", "words", "shared", "differing", "agreeing"]
        assert row["why"]["shared"] == {one.word: one.share for one in why.shared}
        one, shown = why.differing[0], row["why"]["differing"][0]
        assert shown == {
            "bit": one.bit.number,
            "query": one.query,
            "hit": 1 - one.query,
            "weight": one.weight,
            "query_words": list(one.query_words),
            "hit_words": list(one.hit_words),
            "ones": one.bit.ones,
            "entropy": one.bit.entropy,
            "clarity": one.bit.clarity,
            "query_side": list(one.bit.side(one.query).terms or one.bit.side(one.query).keys),
            "hit_side": list(one.bit.side(one.hit).terms or one.bit.side(one.hit).keys),
        }
        assert len(row["why"]["differing"]) == row["distance"]


def test_why_of_several_stored_entries(stored):
    out, _ = run("similar", stored, "space/0", "food/1", "-k", 2, "--why", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["query"] for row in rows] == ["space/0", "space/0", "food/1", "food/1"]
    assert all(len(row["why"]["differing"]) == row["distance"] for row in rows)


def test_without_hits_the_exit_code_is_one(stored):
    assert run("query", stored, "rocket", "--where", "topic=none", "--why", code=1) == ("", "")


def test_ids_stay_keys_alone(stored):
    assert run("query", stored, "rocket", "-k", 3, "--why", "--ids") == run("query", stored, "rocket", "-k", 3, "--ids")


def test_a_terminal_gets_a_table_a_hit_and_one_of_bits(stored):
    shown = on_terminal("query", stored, "rocket bread", "-k", 2, "--why", columns=100)
    with Engine.open(stored) as engine:
        hits = engine.query(["rocket bread"], k=2)[0]
        whys = engine.why("rocket bread", hits)
    for rank, (hit, why) in enumerate(zip(hits, whys, strict=True), 1):
        assert f"rocket bread: {rank}. {hit.key}" in shown
        assert f"score {hit.score:.3f}, words {why.words:.3f}, codes {why.codes:.3f}" in shown
    meant = shown.split("what these bits mean")[1]
    numbers = {one.bit.number for why in whys for one in why.differing[:5]}
    listed = [int(line.split("│")[1]) for line in meant.splitlines() if line.startswith("│")]
    assert listed == sorted(numbers)
    assert "entropy" in meant
    assert max(map(len, shown.splitlines())) <= 100


def test_why_of_embeddings_shows_keys_where_there_is_no_meta(tmp_path, vectors):
    np.save(tmp_path / "v.npy", vectors)
    run("index", tmp_path / "v.db", tmp_path / "v.npy", "--bits", 16, "--steps", 20)
    with Engine.open(str(tmp_path / "v.db")) as engine:
        key = engine.index.keys(np.array([1]))[0]
    out, _ = run("similar", tmp_path / "v.db", key, "-k", 70, "--why", "--json")
    row = json.loads(out.splitlines()[-1])
    first = row["why"]["differing"][0]
    assert row["why"]["words"] is None
    assert first["weight"] == 1 / 16
    assert first["query_side"]
    assert first["hit_side"]
