import numpy as np
import pytest

from hashret.engine import Engine
from hashret.inputs import Entry
from indexer.errors import InvalidInput


def test_anomalies_are_the_worst_reconstructed(engine, entries):
    engine.add([Entry("odd", "orbit bread goal bank", {})])
    texts = [entry.content for entry in entries] + ["orbit bread goal bank"]
    errors = engine.hasher.error(texts)
    keys = [entry.key for entry in entries] + ["odd"]
    worst = engine.anomalies(k=3)
    assert [one.key for one in worst] == [keys[n] for n in np.lexsort((range(121), -errors))[:3]]
    np.testing.assert_allclose([one.error for one in worst], np.sort(errors)[::-1][:3], rtol=1e-5)


def test_anomalies_among_given_entries_are_those_beyond_the_quantile(engine):
    given = [Entry("odd", "orbit bread goal bank", {"n": 1}), Entry("usual", "orbit rocket moon launch", {"n": 2})]
    texts = [entry.content for entry in given]
    errors, shares = engine.hasher.error(texts), engine.hasher.quantile(engine.hasher.error(texts))
    found = engine.anomalies(iter(given))
    assert [(one.key, one.content, one.meta) for one in found] == [
        ("odd", "orbit bread goal bank", {"n": 1}), ("usual", "orbit rocket moon launch", {"n": 2}),
    ]  # fmt: skip
    np.testing.assert_allclose([(one.error, one.quantile) for one in found], np.stack([errors, shares], 1), rtol=1e-5)
    assert [one.key for one in engine.anomalies(given, quantile=float(shares[0]))] == ["odd"]
    assert engine.anomalies(given, k=1)[0].key == "odd"
    assert engine.anomalies([]) == []
    assert len(engine) == 120


def test_a_text_of_which_no_word_is_known_comes_first(engine):
    given = [Entry("odd", "orbit bread goal bank", {}), Entry("foreign", "совсем другое", {}), Entry("none", "!?", {})]
    found = engine.anomalies(given, quantile=0)
    assert [one.key for one in found] == ["foreign", "none", "odd"]
    np.testing.assert_allclose([one.error for one in found[:2]], -np.log(1e-12), rtol=1e-6)
    assert [one.quantile for one in found[:2]] == [1, 1]


def test_anomalies_among_kept_vectors(vector_hasher, vectors):
    entries = [Entry(str(n), row, {}) for n, row in enumerate(vectors)]
    with Engine.create(":memory:", vector_hasher, vectors=True) as engine:
        engine.add(entries)
        stored, given = engine.anomalies(k=80), engine.anomalies(entries, k=80)
    assert sorted(one.key for one in stored) == sorted(map(str, range(80)))
    errors = {one.key: one.error for one in given}
    np.testing.assert_allclose([one.error for one in stored], [errors[one.key] for one in stored], rtol=2e-2)


def test_what_is_no_number_of_anomalies_is_told(engine):
    for asked, told in (
        ({"k": -1}, "k is -1: give a whole number of at least 1"),
        ({"k": 2.5}, "k is 2.5: give a whole number of at least 1"),
        ({"quantile": 1.5}, "quantile is 1.5: give a share from 0 to 1"),
        ({"quantile": float("nan")}, "quantile is nan: give a share from 0 to 1"),
    ):
        with pytest.raises(InvalidInput) as caught:
            engine.anomalies(**asked)
        assert str(caught.value) == told
