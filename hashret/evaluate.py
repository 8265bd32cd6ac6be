"""How good codes are: retrieval metrics that are fair where distances tie, as Hamming distances always do.

A metric at k is expected over a random order of the entries that tie at the k-th place, or taken in their worst order
(McSherry and Najork 2008); no metric here depends on the order in which a library happens to list ties.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def precision_at(
    distances: NDArray[np.generic], relevant: NDArray[np.bool_], k: int, *, worst: bool = False
) -> NDArray[np.float64]:
    """Share of relevant entries among the k nearest of each query, float64 (q,).

    `distances` (q, n) of any ordered type, smaller is nearer; `relevant` bool (q, n). Ties at the k-th place count
    as the expectation over their random order, or with `worst` as if every irrelevant one came first. Where k > n,
    all n entries are taken and the sum is divided by n.
    """
    k = min(k, distances.shape[1])
    edge = np.partition(distances, k - 1, axis=1)[:, k - 1 : k]
    inside, tied = distances < edge, distances == edge
    hits, tied_hits = (inside & relevant).sum(1), (tied & relevant).sum(1)
    left, ties = k - inside.sum(1), tied.sum(1)
    from_ties = np.maximum(0, left - (ties - tied_hits)) if worst else left * tied_hits / ties
    precision: NDArray[np.float64] = (hits + from_ties) / k
    return precision
