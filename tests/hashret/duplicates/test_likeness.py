import numpy as np
import pytest

from hashret.duplicates import likeness as module
from hashret.duplicates.likeness import likeness, looks
from hashret.engine import Engine
from hashret.hasher import Hasher
from hashret.inputs import Entry
from hashret.rows import Sparse
from hashret.settings import Settings


def sparse(dense):
    rows, columns = np.nonzero(dense)
    indptr = np.searchsorted(rows, np.arange(len(dense) + 1))
    return Sparse(indptr, columns.astype(np.int32), dense[rows, columns].astype(np.float32), dense.shape[1])


@pytest.mark.parametrize("limits", [(256, 1 << 16), (2, 5), (1, 1)])
def test_likeness_is_the_cosine_of_each_pair(limits, monkeypatch):
    monkeypatch.setattr(module, "LINES", limits[0])
    monkeypatch.setattr(module, "PAIRS", limits[1])
    rng = np.random.default_rng(0)
    dense, others = (rng.random((9, 30)) * (rng.random((9, 30)) < 0.3) for _ in range(2))
    dense[4] = 0
    left, right = rng.integers(0, 9, (2, 40))
    scaled = [rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9) for rows in (dense, others)]
    expected = (scaled[0][left] * scaled[1][right]).sum(1)
    found = likeness(sparse(dense).unit(), left, sparse(others).unit(), right)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    floats = [rows.astype(np.float32) for rows in scaled]
    np.testing.assert_allclose(likeness(floats[0], left, floats[1], right), expected, atol=1e-6)


def test_no_pairs_have_no_likeness():
    rows, none = sparse(np.eye(3)), np.zeros(0, np.int64)
    assert likeness(rows, none, rows, none).tolist() == []


def test_texts_are_compared_by_the_idf_of_the_words_in_common(engine):
    engine.add([Entry("one", "moon bread bread", {}), Entry("two", "moon oven unheard", {})])
    ids = engine.index.ids(["one", "two"])
    found = looks(engine.index.store, engine.hasher, ids)
    words = engine.hasher.features.words()
    moon, bread, oven = (engine.hasher.features.idf[words.index(word)] for word in ("moon", "bread", "oven"))
    cosine = likeness(found.rows, np.array([0]), found.rows, np.array([1]))
    np.testing.assert_allclose(cosine, [moon / np.sqrt((moon + bread) * (moon + oven))], rtol=1e-5)
    assert found.lengths.tolist() == [16, 17]


def test_whatever_the_model_reads_texts_are_compared_the_same(entries):
    texts = [entry.content for entry in entries]
    found = []
    for change in ({}, {"weighting": "binary"}):
        hasher = Hasher.fit(texts, Settings(bits=32, steps=5, batch=32, min_count=1, **change))
        with Engine.create(":memory:", hasher) as engine:
            engine.add(entries)
            rows = looks(engine.index.store, hasher, np.arange(1, 121)).rows
            found.append(likeness(rows, np.zeros(119, np.int64), rows, np.arange(1, 120)))
    np.testing.assert_allclose(*found, rtol=1e-5)
