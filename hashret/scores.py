"""Finer scores for a shortlist: what a few bits cannot tell apart, the query's own numbers can. Higher is better."""

from __future__ import annotations

import numpy as np

from hashret.rows import Floats, Sparse
from indexer.bits import Codes, unpack

CODES = {"text": np.float32(0.2), "image": np.float32(0.5)}  # weight of the codes beside words, pixels


def signs(codes: Codes) -> Floats:
    """Codes as -1 and +1, float32 (n, b)."""
    return unpack(codes).astype(np.float32) * 2 - 1


def softened(logits: Floats) -> Floats:
    """Queries' logits float32 (n, b) as tanh(z) / sum |tanh(z)|: times an entry's signs, a score from -1 to 1.

    The query keeps its real values, the entries cost no more than their bits (after Gordo et al. 2014).
    """
    soft = np.tanh(logits)
    scaled: Floats = soft / np.maximum(np.abs(soft).sum(1, keepdims=True), 1e-9)
    return scaled


def cosines(rows: Floats, query: Floats) -> Floats:
    """Cosine of rows float32 (n, d) with one query (d,); 0 for a row of zeros."""
    if not len(rows):  # which have no width
        return np.zeros(0, np.float32)
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(query)
    scores: Floats = np.clip(rows @ query / np.maximum(lengths, 1e-9), -1, 1)
    return scores


def sparse_cosines(rows: Sparse, query: Sparse) -> Floats:
    """Cosine of unit-length sparse rows with one such row, float32 (n,); 0 for an empty row."""
    dense = np.zeros(rows.width, dtype=np.float32)
    dense[query.indices] = query.data
    return np.bincount(rows.owners(), rows.data * dense[rows.indices], len(rows)).astype(np.float32)


def combined(kind: str, own: Floats, soft: Floats) -> Floats:
    """Cosines of tf-idf rows or of pixels (-1 to 1) and asymmetric scores (-1 to 1) as one, by the weights of `CODES`.

    Words decide among the first answers, where many share words with the query; codes decide where few do. With as
    much weight on the codes, the first answers are worse than those of words alone (benchmarks/quality/origin.py).
    Pixels tell copies apart, codes what is shown: of ten clothes .72 are of the query's kind by codes, .68 by pixels
    and .74 by both (benchmarks/quality/pictures.py).
    """
    return (1 - CODES[kind]) * own + CODES[kind] * soft
