"""Peers that rank without codes of bits: exact scores as a ceiling, and FAISS's quantizers at equal bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.peers.shallow import as_scipy, latent, principal
from benchmarks.quality.results import Ranking
from benchmarks.quality.tasks import Task
from hashret.rows import Sparse

Floats = NDArray[np.float32]
BLOCK = 256  # queries scored at a time
DEPTH = 1000  # entries that are kept of each ranking
FACTORS = 8  # bytes that RaBitQ stores with each code


def best_first(score: Callable[[slice], Floats], queries: int, count: int = DEPTH) -> Ranking:
    """The `count` entries of highest score for each query, a block of queries at a time."""
    parts = []
    for start in range(0, queries, BLOCK):
        scores = score(slice(start, start + BLOCK))
        top = np.argpartition(-scores, min(count, scores.shape[1] - 1), axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1, kind="stable")
        parts.append(np.take_along_axis(top, order, axis=1).astype(np.int32))
    return Ranking(np.concatenate(parts))


def cosine(task: Task, bits: int, seed: int) -> Ranking:
    """Exact inner products of the rows: tf-idf cosine for texts."""
    near, asked = task.database.rows, task.queries.rows
    if isinstance(near, Sparse):
        near, asked = as_scipy(near).T.tocsr(), as_scipy(asked)
        return best_first(lambda block: (asked[block] @ near).toarray(), len(task.queries))
    return best_first(lambda block: asked[block] @ near.T, len(task.queries))


def lsa_float(task: Task, bits: int, seed: int) -> Ranking:
    """Cosine in the space of latent semantic analysis, as many float dimensions as there are bits elsewhere."""
    encode = latent(task.database.rows, bits, seed)
    near, asked = encode(task.database.rows), encode(task.queries.rows)
    return best_first(lambda block: asked[block] @ near.T, len(asked))


def euclidean(task: Task, bits: int, seed: int) -> Ranking:
    """Exact Euclidean distances of the float rows."""
    near, asked = task.database.rows, task.queries.rows
    squares = (near**2).sum(1) / 2
    return best_first(lambda block: asked[block] @ near.T - squares, len(asked))


def product(task: Task, bits: int, seed: int) -> Ranking:
    """Product quantization (Jegou et al. 2011), a byte a part, asymmetric; the space is rotated by OPQ first."""
    import faiss

    parts, width = bits // 8, task.database.rows.shape[1]
    whole = -(-width // parts) * parts  # a multiple of the parts: zeros are added
    rotation, index = faiss.OPQMatrix(width, parts, whole), faiss.IndexPQ(whole, parts, 8, faiss.METRIC_INNER_PRODUCT)
    rotation.niter = 10
    rotation.pq = coarse = faiss.ProductQuantizer(whole, parts, 8)
    coarse.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1  # no warning for each part
    return _searched(faiss.IndexPreTransform(rotation, index), task)


def rabitq_dimensions(method: str, bits: int) -> int:
    """How many principal components RaBitQ keeps: its 8 bytes of factors count, or with "+8-bytes" come on top."""
    return bits if method.endswith("+8-bytes") else bits - 8 * FACTORS


def rabitq(task: Task, bits: int, seed: int) -> Ranking:
    """RaBitQ (Gao and Long 2024) at equal bytes."""
    return _rabitq(task, rabitq_dimensions("RaBitQ", bits), seed)


def rabitq_extra(task: Task, bits: int, seed: int) -> Ranking:
    """RaBitQ of as many principal components as there are bits, its factors on top."""
    return _rabitq(task, rabitq_dimensions("RaBitQ+8-bytes", bits), seed)


def _rabitq(task: Task, dimensions: int, seed: int) -> Ranking:
    """RaBitQ of the first principal components, randomly rotated; the query keeps its floats."""
    import faiss

    dimensions = min(dimensions, task.database.rows.shape[1])
    project = principal(task.database.rows, dimensions, seed)
    rotation, index = faiss.RandomRotationMatrix(dimensions, dimensions), faiss.IndexRaBitQ(dimensions)
    rotation.init(seed)
    return _searched(faiss.IndexPreTransform(rotation, index), task, project)


def _searched(index: Any, task: Task, project: Callable[[Floats], Floats] = lambda rows: rows) -> Ranking:
    """Train, add and search."""
    near, asked = (np.ascontiguousarray(project(part.rows), np.float32) for part in (task.database, task.queries))
    index.train(near)
    index.add(near)
    return Ranking(index.search(asked, DEPTH)[1].astype(np.int32))
