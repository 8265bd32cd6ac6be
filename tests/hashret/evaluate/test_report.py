import json

import numpy as np
import pytest

from hashret.engine import Engine
from hashret.evaluate import Judgements, Options, average_precision, evaluate, ndcg_at, precision_at, recall_at, within
from hashret.evaluate.quality import quality
from hashret.inputs import Entry
from indexer.bits import distances
from indexer.errors import InvalidInput
from tests.hashret.conftest import make_texts

METHODS = ["codes", "asymmetric", "reranked", "float", "LSH", "PCA-sign", "ITQ"]


def figure(report, method, metric, radius=None):
    return next(f for f in report.figures if (f.method, f.metric, f.radius) == (method, metric, radius))


def test_stored_entries_by_label_are_judged_without_themselves(engine, entries):
    report = evaluate(engine, Judgements(label="topic"), Options(k=(1, 5), radius=(3,)))
    codes = engine.index.codes(np.arange(1, 121))
    topics = np.array([entry.meta["topic"] for entry in entries])
    others = ~np.eye(120, dtype=bool)
    away = distances(codes, codes)[others].reshape(120, 119)
    relevant = (topics[:, None] == topics)[others].reshape(120, 119)
    expected = {
        "P@5": precision_at(away, relevant, 5),
        "recall@5": recall_at(away, relevant, 5),
        "nDCG@1": ndcg_at(away, relevant.astype(float), 1),
        "mAP": average_precision(away, relevant),
    }
    for metric, values in expected.items():
        found = figure(report, "codes", metric)
        assert found.value == pytest.approx(values.mean())
        assert found.low <= found.value <= found.high
    precision, recall, _ = within(away, relevant, 3)
    assert figure(report, "codes", "precision", 3).value == pytest.approx(precision.mean())
    assert figure(report, "codes", "recall", 3).value == pytest.approx(recall.mean())
    assert list(dict.fromkeys(f.method for f in report.figures)) == METHODS
    assert {f.method for f in report.figures if f.radius is not None} == {"codes", "LSH", "PCA-sign", "ITQ"}
    assert (report.queries, report.notes) == (120, ())
    assert figure(report, "float", "P@5").value > 0.9


def test_graded_queries_of_a_folder(engine, tmp_path):
    texts = make_texts(8, seed=9)
    (tmp_path / "queries.jsonl").write_text(
        "".join(json.dumps({"_id": f"q{n}", "text": text}) + "\n" for n, (_, text) in enumerate(texts))
    )
    keys = [entry.key for entry in map(engine.get, (f"{t}/{n}" for n, (t, _) in enumerate(make_texts(120))))]
    grades = {
        f"q{n}": {key: 1 + (key.endswith("0")) for key in keys if key.startswith(t)} for n, (t, _) in enumerate(texts)
    }
    lines = [f"{query}\t{key}\t{grade}" for query, own in grades.items() for key, grade in own.items()]
    (tmp_path / "qrels.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *lines]))
    report = evaluate(engine, Judgements(str(tmp_path)), Options(k=(10,)))
    away = distances(engine.hasher.encode([text for _, text in texts]), engine.index.codes(np.arange(1, 121)))
    gains = np.array([[float(own.get(key, 0)) for key in keys] for own in grades.values()])
    assert figure(report, "codes", "nDCG@10").value == pytest.approx(ndcg_at(away, gains, 10).mean())
    assert report.queries == 8
    assert [f.radius for f in report.figures if (f.method, f.metric) == ("codes", "share")] == [0, 2, 4, 8]


def test_without_judgements_codes_look_for_the_float_neighbours(engine):
    report = evaluate(engine, None, Options(k=(5,), sample=40))
    codes = engine.index.codes(np.arange(1, 121))
    for method in set(METHODS) - {"float"}:
        near, far = (figure(report, method, f"top 5 in {first}") for first in (5, 50))
        assert 0 <= near.low <= near.value <= far.value <= 1
    assert figure(report, "reranked", "top 5 in 5").value > figure(report, "codes", "top 5 in 5").value
    facts = quality(codes)
    assert figure(report, "codes", "effective bits").value == facts.effective
    assert figure(report, "codes", "distinct codes").value == facts.codes
    bits = figure(report, "codes", "suggested bits").value
    assert bits % 8 == 0
    assert 16 <= bits <= 256
    assert report.notes[0].startswith(f"{bits} bits: ITQ codes of this length hold ")
    assert report.queries == 40


def test_the_recall_of_float_neighbours_is_that_of_brute_force(engine):
    report = evaluate(engine, None, Options(k=(3,)))
    rows = engine.hasher.rows([engine.get(key).content for key in engine.index.keys(np.arange(1, 121))])
    dense = np.zeros((120, rows.width), dtype=np.float32)
    dense[rows.owners(), rows.indices] = rows.data
    codes = engine.index.codes(np.arange(1, 121))
    away, exact = distances(codes, codes).astype(float), 1 - dense @ dense.T
    np.fill_diagonal(away, 999)
    np.fill_diagonal(exact, 999)
    relevant = exact <= np.sort(exact, axis=1)[:, 2:3] + 1e-6  # equal ones round apart
    expected = np.minimum(30 * precision_at(away, relevant, 30), 3).mean() / 3
    assert figure(report, "codes", "top 3 in 30").value == pytest.approx(expected)


def test_of_copies_any_are_the_nearest(hasher):
    with Engine.create(":memory:", hasher) as engine:
        engine.add([Entry(f"{n:02}", text, {}) for n, (_, text) in enumerate(make_texts(4) * 12)])
        report = evaluate(engine, None, Options(k=(2, 5)))
        assert len({engine.index.codes(np.array([n])).tobytes() for n in range(1, 5)}) == 4
    for method in METHODS[:3]:
        assert [figure(report, method, f"top {k} in {k}").value for k in (2, 5)] == [1, 1]


def test_without_features_a_note_says_what_is_left_out(vectors, vector_hasher):
    with Engine.create(":memory:", vector_hasher) as engine:
        engine.add([Entry(str(n), row, {"side": n % 4}) for n, row in enumerate(vectors)])
        plain = evaluate(engine)
        report = evaluate(engine, Judgements(label="side"))
    left_out = "float and the baselines are left out: neither contents nor vectors are stored (see --store-vectors)"
    assert plain.notes == (
        left_out,
        "16 bits: were codes uniform, 0.17 of 80 entries would lie within 2 bits of a code",
    )
    assert {f.low for f in plain.figures} == {None}
    assert report.notes == (left_out,)
    assert {f.method for f in report.figures} == {"codes"}


def test_the_same_seed_gives_the_same_report(engine):
    options = Options(seed=5, sample=20)
    first = evaluate(engine, Judgements(label="topic"), options)
    assert first == evaluate(engine, Judgements(label="topic"), options)
    assert first != evaluate(engine, Judgements(label="topic"), Options(seed=6, sample=20))
    assert first.notes == ("20 of 120 queries, drawn at random: --sample takes more",)


def test_progress_reaches_its_end(engine):
    seen = []
    evaluate(engine, Judgements(label="topic"), Options(sample=5), lambda *at: seen.append(at))
    evaluate(engine, None, Options(sample=5), lambda *at: seen.append(at))
    assert {("baselines", 1, 1), ("judge", 7, 7), ("neighbours", 7, 7)} <= set(seen)


def test_one_entry_and_none(hasher):
    with Engine.create(":memory:", hasher) as engine:
        with pytest.raises(InvalidInput) as caught:
            evaluate(engine)
        assert str(caught.value) == "there are no codes to judge: store entries first"
        engine.add([Entry("a", "rocket moon", {"topic": "space"})])
        assert figure(evaluate(engine), "codes", "largest bucket").value == 1
        with pytest.raises(InvalidInput) as caught:
            evaluate(engine, Judgements(label="topic"))
        assert str(caught.value) == "no query has a relevant stored entry: nothing can be judged"
        with pytest.raises(InvalidInput) as caught:
            evaluate(engine, Judgements(label="subject"))
        assert str(caught.value) == (
            "no stored entry has the field 'subject': their fields are topic; name one with --label"
        )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"k": (10, 0)}, "k is 0: give a whole number of at least 1"),
        ({"k": ()}, "no k was given: give at least one"),
        ({"radius": (-1,)}, "radius is -1: give a whole number of at least 0"),
        ({"sample": 0}, "sample is 0: give a whole number of at least 1"),
    ],
)
def test_options_that_cannot_be(given, message):
    with pytest.raises(InvalidInput) as caught:
        Options(**given)
    assert str(caught.value) == message
