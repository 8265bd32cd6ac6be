"""Near neighbours of every entry: the second views that training learns to agree with.

A first guess comes from latent semantic analysis (truncated SVD of the features, Deerwester et al. 1990); the
second stage takes the neighbours by the first stage's own codes, which know more. Exact, by blocked matrix products.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hashret.features import Rows, Sparse

_BLOCK = 2048  # rows of a similarity block: 2048 x 50,000 floats are 400 MB


def latent(rows: Rows, dimensions: int, seed: int) -> Tensor:
    """Unit-length rows of the truncated SVD, float32 (n, <= dimensions); a randomized SVD (Halko et al. 2011)."""
    matrix = _sparse_tensor(rows) if isinstance(rows, Sparse) else torch.from_numpy(rows - rows.mean(0))
    rank = min(dimensions, *matrix.shape)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        left, values, _ = torch.svd_lowrank(matrix, q=min(rank + 8, *matrix.shape), niter=4)
    return functional.normalize(left[:, :rank] * values[:rank])


def nearest(points: Tensor, count: int) -> NDArray[np.int64]:
    """Row numbers (n, min(count, n - 1)) of each row's nearest other rows by inner product; itself if it is alone."""
    total = len(points)
    if total == 1:
        return np.zeros((1, 1), dtype=np.int64)
    kept = []
    for start in range(0, total, _BLOCK):
        scores = points[start : start + _BLOCK] @ points.T
        own = torch.arange(len(scores))
        scores[own, own + start] = -torch.inf
        kept.append(scores.topk(min(count, total - 1), dim=1).indices)
    found: NDArray[np.int64] = torch.cat(kept).numpy()
    return found


def _sparse_tensor(rows: Sparse) -> Tensor:
    """The matrix as a torch COO tensor."""
    places = torch.from_numpy(np.stack([rows.owners(), rows.indices]))
    values = torch.from_numpy(rows.data)
    return torch.sparse_coo_tensor(places, values, (len(rows), rows.width), is_coalesced=True, check_invariants=False)
