import numpy as np
import pytest

from hashret.engine import Engine
from hashret.evaluate.baselines import learned
from hashret.evaluate.ways import Asked, Stored, blocks, ways
from hashret.inputs import Entry
from hashret.scores import cosines, signs, softened

QUESTIONS = ["rocket moon", "bread butter oven", "goal team market"]


@pytest.fixture
def asked(engine):
    stored = Stored.of(engine, "topic")
    return stored, Asked.of(engine, QUESTIONS)


def test_stored_is_everything_in_the_order_of_ids(engine, entries):
    stored = Stored.of(engine, "topic")
    assert stored.keys == [entry.key for entry in entries]
    assert stored.labels == [{entry.meta["topic"]} for entry in entries]
    assert stored.fields == ["topic"]
    assert np.array_equal(stored.codes, engine.index.codes(np.arange(1, 121)))
    assert len(stored.rows) == 120


@pytest.mark.parametrize("reached", [120, 60, 30])
def test_the_reranked_way_is_the_order_of_the_engine(engine, asked, monkeypatch, reached):
    """All steps cut short, so that each leaves something out."""
    for place in ("searching", "evaluate.ways"):
        monkeypatch.setattr(f"hashret.{place}.reach", lambda k, bits: reached)
    for name, most in {"DECODED": 50, "WORDS": 30}.items():
        monkeypatch.setattr(f"hashret.reranking.{name}", most)
    stored, queries = asked
    away = ways(engine, stored, queries, 1, {})["reranked"](slice(0, 3))
    plain = ways(engine, stored, queries, 1, {})["codes"](slice(0, 3))
    for hits, row, bits in zip(engine.query(QUESTIONS, k=1), away, plain, strict=True):
        assert stored.keys[int(row.argmin())] == hits[0].key
        assert hits[0].score == pytest.approx(-2 - row.min())
        assert (row < 0).sum() == 30
        assert np.array_equal(row[row >= 0], bits[row >= 0])
        assert set(np.flatnonzero(row < 0)) <= set(np.argsort(bits, kind="stable")[:reached])


def test_codes_asymmetric_and_float_are_the_scores_of_the_engine(engine, asked):
    stored, queries = asked
    found = ways(engine, stored, queries, 10, learned(stored.rows, 32))
    assert list(found) == ["codes", "asymmetric", "reranked", "float", "LSH", "PCA-sign", "ITQ"]
    for number, hits in enumerate(engine.query(QUESTIONS, k=120, rerank=False)):
        part = slice(number, number + 1)
        away = dict(zip(stored.keys, found["codes"](part)[0].tolist(), strict=True))
        assert {hit.key: hit.distance for hit in hits} == away
        scores = signs(stored.codes) @ softened(engine.hasher.logits(QUESTIONS))[number]
        np.testing.assert_allclose(found["asymmetric"](part)[0], -scores, atol=1e-5)
    whole = {name: way(slice(0, 3)) for name, way in found.items()}
    for name, way in found.items():
        np.testing.assert_array_equal(way(slice(1, 3)), whole[name][1:])


def test_stored_vectors_make_float_and_baselines(vectors, vector_hasher):
    with Engine.create(":memory:", vector_hasher, vectors=True) as engine:
        engine.add([Entry(str(n), row) for n, row in enumerate(vectors)])
        stored = Stored.of(engine)
        queries = Asked.among(engine, stored, np.array([4, 9]))
        found = ways(engine, stored, queries, 10, {})
        rows = vector_hasher.rows(vectors)
        np.testing.assert_allclose(found["float"](slice(0, 1))[0], 1 - cosines(rows, rows[4]), atol=2e-3)
        assert np.array_equal(queries.codes, vector_hasher.encode(vectors)[[4, 9]])


@pytest.mark.parametrize("reached", [80, 20])
def test_what_is_reranked_by_vectors_is_the_order_of_the_engine(vectors, vector_hasher, monkeypatch, reached):
    for place in ("searching", "evaluate.ways"):
        monkeypatch.setattr(f"hashret.{place}.reach", lambda k, bits: reached)
    monkeypatch.setattr("hashret.reranking.FIRST", 8)
    monkeypatch.setattr("hashret.reranking.STEP", 4)
    with Engine.create(":memory:", vector_hasher, vectors=True) as engine:
        engine.add([Entry(str(n), row) for n, row in enumerate(vectors)])
        stored = Stored.of(engine)
        away = ways(engine, stored, Asked.of(engine, vectors[:9]), 3, {})["reranked"](slice(0, 9))
        for hits, row in zip(engine.query(vectors[:9], k=3), away, strict=True):
            best = np.argsort(row, kind="stable")[:3]
            assert [stored.keys[place] for place in best] == [hit.key for hit in hits]
            assert [hit.score for hit in hits] == pytest.approx((-2 - row[best]).tolist(), abs=1e-6)
        assert 8 <= (away < 0).sum(1).min() < len(vectors)
        plain = ways(engine, stored, Asked.of(engine, vectors[:9]), 3, {})["codes"](slice(0, 9))
        for row, bits in zip(away, plain, strict=True):
            assert set(np.flatnonzero(row < 0)) <= set(np.argsort(bits, kind="stable")[:reached])


def test_without_features_codes_are_all_there_is(vectors, vector_hasher):
    with Engine.create(":memory:", vector_hasher) as engine:
        engine.add([Entry(str(n), row) for n, row in enumerate(vectors)])
        stored = Stored.of(engine)
        assert list(ways(engine, stored, Asked.among(engine, stored, np.array([4])), 10, {})) == ["codes"]
        assert list(ways(engine, stored, Asked.of(engine, vectors[:2]), 10, {})) == ["codes", "asymmetric"]


def test_blocks_cover_all_queries():
    assert blocks(5, 10, cells=20) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert blocks(2, 10**9) == [slice(0, 1), slice(1, 2)]
