"""`explain`: the same search is tried out, and what is told of it is what it did."""

import re

import numpy as np
import pytest

from hashret import Engine, Entry, reranking
from hashret.codefile import CodeFile
from hashret.exchange.ready import Ready
from indexer.errors import NotFound


@pytest.fixture
def few(monkeypatch):
    """Few codes are compared, and fewer texts and vectors read."""
    monkeypatch.setattr(reranking, "COMPARED", 60)
    monkeypatch.setattr(reranking, "WORDS", 30)
    monkeypatch.setattr(reranking, "FIRST", 10)


def counts(explanation):
    return explanation.compared, explanation.read


def told(explanation):
    """Its text, times as T."""
    return re.sub(r"[0-9.]+ (µs|ms|s)\b", "T", str(explanation))


def test_of_texts(few, engine):
    assert counts(engine.explain(["moon", "bread"], k=1)) == (100, 30)
    assert counts(engine.explain(["moon"], k=1, rerank=False)) == (0, 0)
    assert counts(engine.explain(["moon"], k=1, where="topic = space")) == (30, 30)
    within = [len(hits) for hits in engine.query(["moon", "moon bread money"], radius=9)]
    assert within[0] != within[1]
    assert counts(engine.explain(["moon", "moon bread money"], radius=9)) == (sum(within) / 2,) * 2
    assert counts(engine.explain_similar("space/0", k=1)) == (120, 60)
    assert counts(engine.explain(engine.hasher.encode(["moon"]))) == (0, 0)
    with pytest.raises(NotFound, match=r"^:memory:: no entry has the key 'nowhere'$"):
        engine.explain_similar("nowhere")


def test_of_vectors_that_are_kept_and_of_codes_alone(few, vector_hasher, vectors):
    for kept in (True, False):
        with Engine.create(":memory:", vector_hasher, vectors=kept) as engine:
            engine.add([Entry(f"v{number}", row) for number, row in enumerate(vectors)])
            read = engine.explain(vectors[:1], k=2).read
            assert 10 <= read <= 80 if kept else read == 0
            assert engine.explain(vectors[:1], k=2).compared == 80


def test_its_text(few, engine):
    scan = "scan: all 120 codes (480 bytes, in memory) are compared"
    engine.query(["moon"])
    assert told(engine.explain(["moon"], rerank=False)) == (
        f"{scan}; 0 probes and 120 candidates a query, about T, measured T"
    )
    assert told(engine.explain(["moon"], k=1)) == (
        f"{scan}; 0 probes and 120 candidates a query, about T, measured T\n"
        "rerank: 100 codes are compared with a query's real values, and what is stored of the best 30 is read; "
        "measured T, with the search"
    )
    assert told(engine.explain(["moon"], where="topic = space")).startswith(
        "scan: all 30 codes (120 bytes, in memory) are compared, those of all entries that match; 0 probes"
    )


def test_of_ready_made_codes():
    codes = np.arange(160, dtype=np.uint8).reshape(20, 8)
    with CodeFile.create(":memory:", 64) as file:
        file.add(Ready(codes, [f"c{number}" for number in range(20)], "bits"))
        for explanation in (file.explain(codes[:2], radius=3), file.explain_similar("c7")):
            assert counts(explanation) == (0, 0)
            assert explanation.measured == explanation.plan.measured > 0
        assert str(file.explain_similar("c7")).startswith("scan: all 20 codes")
