"""How alike two lists of answers are: lists int64 (q, k), best first, of columns that are all different in a row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashret.evaluate.metrics import Scores

Lists = NDArray[np.int64]
PERSISTENCE = 0.9  # of a reader who goes on to the next answer: the first ten have 86 % of the weight


def first(distances: NDArray[np.generic], k: int) -> Lists:
    """The columns of the k smallest of each row (q, n), k at most n, int64 (q, k); ties by column."""
    edges = np.partition(distances, k - 1, axis=1)[:, k - 1]
    out = np.empty((len(distances), k), dtype=np.int64)
    for row, edge, mine in zip(distances, edges, out, strict=True):
        near = np.flatnonzero(row <= edge)
        mine[:] = near[np.argsort(row[near], kind="stable")][:k]
    return out


def overlap(one: Lists, other: Lists) -> Scores:
    """The share of the answers that both lists have, float64 (q,)."""
    return np.asarray((one[:, :, None] == other[:, None, :]).any(2).mean(1), dtype=np.float64)


def rank_biased_overlap(one: Lists, other: Lists, persistence: float = PERSISTENCE) -> Scores:
    """Overlap at every depth, weighed by how likely a reader gets there, float64 (q,): 1 for the same list.

    Extrapolated from depth k: X_k / k p^k + (1 - p) / p sum over d <= k of X_d / d p^d, where X_d is how many answers
    the first d of both share (Webber, Moffat and Zobel 2010).
    """
    k = one.shape[1]
    met = np.maximum(np.arange(k)[:, None], np.arange(k)[None])  # the depth, less one, at which both have an answer
    same = one[:, :, None] == other[:, None, :]
    shared = np.stack([(same & (met <= depth)).sum((1, 2)) for depth in range(k)], axis=1)  # X_d
    depths = np.arange(1, k + 1)
    weights = persistence**depths
    shares = shared / depths
    return np.asarray(
        shares[:, -1] * weights[-1] + (1 - persistence) / persistence * (shares @ weights), dtype=np.float64
    )
