import csv
import io
import json

import numpy as np
import pytest

from hashret.engine import Engine
from tests.hashret.terminal import FAST, run


def test_info(stored, hasher):
    info = json.loads(run("info", stored)[0])
    assert (info["bits"], info["kind"], info["model"]) == (32, "text", hasher.digest)
    assert info["settings"]["steps"] == 80


def test_check(corpus, tmp_path):
    import sqlite3

    db = tmp_path / "docs.db"
    run("index", db, corpus, *FAST)
    out, _ = run("check", db, "--sample", 4)
    assert "ok: scan: 4 answers within 8 bits equal brute force" in out.splitlines()
    with sqlite3.connect(db) as connection:
        connection.execute("UPDATE buckets SET code = x'00112233' WHERE entry = 7")
    connection.close()
    out, err = run("check", db, code=1)
    assert (
        "wrong: packed segments equal the rows: they differ; delete from segments to rebuild them" in err.splitlines()
    )


def test_evaluate_by_label_and_without(stored):
    out, err = run("evaluate", stored, "--label", "topic", "-k", 5, "-r", 4, "--sample", 30)
    rows = [json.loads(line) for line in out.splitlines()]
    assert list(rows[0]) == ["method", "metric", "radius", "value", "low", "high"]
    assert {row["metric"] for row in rows} == {"P@5", "recall@5", "nDCG@5", "mAP", "precision", "recall", "share"}
    assert {row["radius"] for row in rows} == {None, 4}
    assert err == "30 of 120 queries, drawn at random: --sample takes more\n"
    out, err = run("evaluate", stored, "--sample", 30, "--csv")
    table = list(csv.DictReader(io.StringIO(out)))
    assert [row["metric"] for row in table if row["method"] == "codes"][:3] == [
        "top 10 in 10",
        "top 10 in 100",
        "bit balance",
    ]
    bits = next(row["value"] for row in table if row["metric"] == "suggested bits")
    assert err.startswith(f"{bits} bits: ITQ codes of this length hold ")


def test_evaluate_by_qrels_and_by_labelled_queries(stored, tmp_path):
    (tmp_path / "q.tsv").write_text("1\trocket moon\n2\tbread butter\n")
    grades = "".join(f"{n}\t{key}\t1\n" for n, topic in ((1, "space/0"), (2, "food/1")) for key in [topic])
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + grades)
    files = ("--qrels", tmp_path / "qrels.tsv", "--queries", tmp_path / "q.tsv")
    rows = [json.loads(line) for line in run("evaluate", stored, *files)[0].splitlines()]
    with Engine.open(stored) as engine:
        hits = engine.query(["rocket moon", "bread butter"], k=120, rerank=False)
    assert len(rows) == 7 * 4 + 4 * 4 * 3
    found = next(row for row in rows if (row["method"], row["metric"], row["radius"]) == ("codes", "share", 8))
    assert found["value"] == pytest.approx(np.mean([hit.distance <= 8 for part in hits for hit in part]))
    (tmp_path / "l.csv").write_text("text,topic\nrocket moon,space\nbread butter,food\n")
    rows = [
        json.loads(line) for line in run("evaluate", stored, tmp_path / "l.csv", "--label", "topic")[0].splitlines()
    ]
    assert next(row["value"] for row in rows if row["metric"] == "P@10") > 0.8
    assert run("evaluate", stored, tmp_path / "l.csv", code=2)[1] == (
        f"Error: {tmp_path}/l.csv: is no BEIR folder: name the field with the label by --label FIELD\n"
    )
