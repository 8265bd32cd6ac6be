"""The public names, their signatures, and the shapes and dtypes that they promise."""

import inspect

import numpy as np
import pytest

import hashret
import indexer
from hashret.engine import Engine
from indexer.errors import Corrupt, HashretError, InvalidInput, Mismatch, NotFound, NotInstalled


def test_the_public_names():
    assert hashret.__all__ == [
        "Engine", "Entry", "Hasher", "HashretError", "Hit", "Index", "Settings", "entries", "evaluate",
    ]  # fmt: skip
    assert dir(hashret) == sorted(hashret.__all__)
    for name in hashret.__all__:
        assert getattr(hashret, name) is not None
    assert indexer.__all__ == ["Index", "Matches", "Pairs", "RangeMatches"]
    with pytest.raises(AttributeError) as caught:
        hashret.nothing  # noqa: B018
    assert str(caught.value) == "module 'hashret' has no attribute 'nothing'"


def test_the_tree_of_errors():
    for kind in (InvalidInput, NotFound, Mismatch, Corrupt, NotInstalled):
        assert issubclass(kind, HashretError)
    assert issubclass(InvalidInput, ValueError)
    assert issubclass(NotFound, LookupError)
    assert issubclass(NotInstalled, ImportError)


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (hashret.Hasher.fit, ["contents", "settings", "progress", "checkpoint", "embed"]),
        (hashret.Hasher.with_embed, ["self", "embed"]),
        (hashret.Hasher.encode, ["self", "contents"]),
        (hashret.Hasher.logits, ["self", "contents"]),
        (hashret.Hasher.transform, ["self", "contents"]),
        (hashret.Hasher.reconstruct, ["self", "codes"]),
        (hashret.Hasher.error, ["self", "contents"]),
        (hashret.Hasher.quantile, ["self", "errors"]),
        (hashret.Hasher.sample, ["self", "count", "seed"]),
        (hashret.Hasher.interpolate, ["self", "one", "other", "steps"]),
        (hashret.Hasher.save, ["self", "path"]),
        (hashret.Hasher.load, ["path"]),
        (hashret.Hasher.save_pretrained, ["self", "folder"]),
        (hashret.Hasher.from_pretrained, ["folder"]),
        (Engine.create, ["path", "hasher", "vectors"]),
        (Engine.fit, ["path", "entries", "settings", "vectors", "progress", "embed"]),
        (Engine.open, ["path", "hasher", "model", "embed"]),
        (Engine.add, ["self", "entries", "progress"]),
        (Engine.remove, ["self", "keys"]),
        (Engine.query, ["self", "contents", "k", "radius", "where", "rerank"]),
        (Engine.similar, ["self", "key", "k", "radius", "where", "rerank"]),
        (Engine.duplicates, ["self", "radius"]),
        (Engine.explain, ["self", "contents", "k", "radius", "where", "rerank"]),
        (Engine.explain_similar, ["self", "key", "k", "radius", "where", "rerank"]),
        (Engine.anomalies, ["self", "entries", "k", "quantile", "progress"]),
        (Engine.reencode, ["self", "model", "entries", "progress"]),
        (Engine.promote, ["self", "progress"]),
        (Engine.drop, ["self"]),
        (Engine.beside, ["self"]),
        (Engine.models, ["self"]),
        (hashret.evaluate.compare, ["engine", "judgements", "options", "progress"]),
        (hashret.evaluate.evaluate, ["engine", "judgements", "options", "progress"]),
        (hashret.evaluate.precision_at, ["distances", "relevant", "k", "worst"]),
        (hashret.evaluate.recall_at, ["distances", "relevant", "k", "worst"]),
        (hashret.evaluate.average_precision, ["distances", "relevant", "k", "found"]),
        (hashret.evaluate.ndcg_at, ["distances", "gains", "k"]),
        (hashret.evaluate.precision_at_recall, ["distances", "relevant", "recalls"]),
        (hashret.evaluate.within, ["distances", "relevant", "radius"]),
        (hashret.evaluate.bootstrap, ["values", "seed", "rounds", "level"]),
        (hashret.Index.create, ["path", "bits"]),
        (hashret.Index.open, ["path"]),
        (hashret.Index.add, ["self", "keys", "codes", "contents", "metas", "digests", "vectors"]),
        (hashret.Index.search, ["self", "codes", "k", "among", "where"]),
        (hashret.Index.within, ["self", "codes", "radius", "among", "where"]),
        (hashret.Index.pairs, ["self", "radius"]),
        (hashret.Index.bucket, ["self", "code"]),
        (hashret.Index.keys, ["self", "ids"]),
        (hashret.Index.explain, ["self", "codes", "k", "radius", "where"]),
        (hashret.Index.warm, ["self"]),
        (hashret.Index.remove, ["self", "keys"]),
        (hashret.Index.check, ["self", "sample", "seed"]),
    ],
)
def test_signatures(function, parameters):
    assert list(inspect.signature(function).parameters) == parameters


def test_the_fields_of_entry_and_hit():
    assert list(hashret.Entry.__dataclass_fields__) == ["key", "content", "meta"]
    assert list(hashret.Hit.__dataclass_fields__) == ["key", "distance", "score", "content", "meta"]


def test_the_fields_of_a_report():
    assert list(hashret.evaluate.Report.__dataclass_fields__) == ["figures", "queries", "notes"]
    assert list(hashret.evaluate.Figure.__dataclass_fields__) == ["method", "metric", "radius", "value", "low", "high"]
    assert list(hashret.evaluate.Options.__dataclass_fields__) == ["k", "radius", "seed", "sample"]
    assert list(hashret.evaluate.Judgements.__dataclass_fields__) == ["path", "label", "qrels", "queries"]


def test_shapes_and_dtypes_of_an_index():
    codes = np.random.default_rng(0).integers(0, 256, (50, 8), dtype=np.uint8)
    with hashret.Index.create(":memory:", bits=64) as index:
        ids = index.add([f"k{n}" for n in range(50)], codes)
        matches = index.search(codes[:3], k=60)
        ranges = index.within(codes[:3], radius=64)
        chunk = next(iter(index.pairs(radius=64)))
        bucket = index.bucket(codes[7])
    assert (ids.dtype, ids.shape) == (np.int64, (50,))
    assert (matches.ids.dtype, matches.ids.shape) == (np.int64, (3, 60))
    assert (matches.distances.dtype, matches.distances.shape) == (np.int32, (3, 60))
    assert (matches.ids[:, 50:] == -1).all()
    assert (ranges.lims.dtype, ranges.lims.tolist()) == (np.int64, [0, 50, 100, 150])
    assert (ranges.ids.dtype, ranges.distances.dtype) == (np.int64, np.int32)
    assert {chunk.left.dtype, chunk.right.dtype} == {np.dtype(np.int64)}
    assert chunk.distances.dtype == np.int32
    assert bucket.tolist() == [8]


def test_both_packages_are_typed():
    from pathlib import Path

    for package in (hashret, indexer):
        assert (Path(package.__file__).parent / "py.typed").exists()
