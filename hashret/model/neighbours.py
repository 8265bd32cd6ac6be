"""Near neighbours of every entry: the second views that training learns to agree with.

The first guess for sparse rows is their own cosine: what is wrong with the neighbours by shared words differs from
entry to entry, so that a network cannot learn it, while the faults of a latent space are as smooth as the network
itself. Where few broad topics make the words that is the other way round, and the words themselves tell so, see
`_topical`. (Principal components in place of words, P@100 of 32 bits: 20 Newsgroups .530 for .558, AG News .795 for
.802, Reuters .873 for .855.) Dense rows start from their principal components. The second stage takes the neighbours by
the first stage's logits, which know more. By blocked matrix products, exact among the entries that are looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hashret.rows import Floats, Rows, Sparse

_Made = TypeVar("_Made")
_AT_ONCE = 2  # blocks: two cores are what training may count on
_BLOCK = 2048  # rows of a similarity block: 2048 x 50,000 floats are 400 MB
_CELLS = 1 << 26  # of a block of sparse rows made dense: 256 MB
_LATENT = 64  # principal components
_KEPT = 100  # neighbours of an entry by logits: of more than these, those in a random part of all entries
_AMONG = 16_384  # sparse rows look for their first neighbours among so many: every pair of 50,000 would take minutes
_ENOUGH = 5000  # entries of which halves tell by whom they are foretold: of fewer that is chance
_ASKED = 1000  # of them


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The `near` others of every entry, int64 (n, k); with `points` (n, d) also who is too near to be told apart."""

    near: NDArray[np.int64]
    points: Tensor | None = None

    def draw(self, rows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """One neighbour of each of these entries, int64 (m,)."""
        drawn: NDArray[np.int64] = self.near[rows, rng.integers(0, self.near.shape[1], len(rows))]
        return drawn

    def alike(self, rows: NDArray[np.int64]) -> Tensor | None:
        """Pairs of these entries of which one is at least as near as the other's last neighbour, bool (m, m)."""
        if self.points is None:
            return None
        mine = self.points[rows]
        least = (mine * self.points[self.near[rows, -1]]).sum(1)
        return mine @ mine.T >= torch.minimum(least[:, None], least) - 1e-6


def guess(rows: Rows, count: int, seed: int) -> Neighbours:
    """First neighbours, `count` of them or as many as there are: by cosine, or by that of principal components.

    Sparse rows look for theirs among a sample of `_AMONG` rows.
    """
    if not isinstance(rows, Sparse):
        return Neighbours(nearest(latent(rows, _LATENT, seed), count))
    rng = np.random.default_rng(seed)
    pool = np.sort(rng.choice(len(rows), min(_AMONG, len(rows)), replace=False))
    if _topical(rows.take(pool), seed):
        return Neighbours(nearest(latent(rows, _LATENT, seed), count, pool))
    return Neighbours(_by_cosine(rows, count, pool))


def by_logits(logits: Floats, count: int, seed: int) -> Neighbours:
    """Neighbours by the cosine of logits float32 (n, b): of the nearest `count`, `_KEPT` drawn at random.

    They are the nearest in a random part of the entries, as much smaller as they are fewer, which takes as much less
    time.
    """
    points = functional.normalize(torch.from_numpy(logits))
    count = max(1, min(count, len(points) - 1))
    part = -(-len(points) * min(count, _KEPT) // count)
    pool = np.sort(np.random.default_rng(seed).choice(len(points), part, replace=False))
    return Neighbours(nearest(points, min(count, _KEPT), pool), points)


def latent(rows: Rows, dimensions: int, seed: int) -> Tensor:
    """Unit-length principal components, float32 (n, <= dimensions); a randomized SVD (Halko et al. 2011).

    Sparse rows are not centred, but lose their first component, what all have in common: latent semantic analysis
    (Deerwester et al. 1990).
    """
    first = 1 if isinstance(rows, Sparse) else 0
    matrix = _sparse_tensor(rows) if isinstance(rows, Sparse) else torch.from_numpy(rows - rows.mean(0))
    rank = min(dimensions, *matrix.shape)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        left, values, _ = torch.svd_lowrank(matrix, q=min(rank + 8, *matrix.shape), niter=4)
    return functional.normalize((left * values)[:, first:rank])


def nearest(points: Tensor, count: int, pool: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """Row numbers (n, min(count, m - 1)) of each row's nearest others by inner product; itself if it is alone.

    Of all rows, or of a `pool` (m,), ascending.
    """
    if len(points) == 1:
        return np.zeros((1, 1), dtype=np.int64)
    others = points if pool is None else points[pool]
    among = np.arange(len(points)) if pool is None else pool

    def best(start: int) -> NDArray[np.int64]:
        return _best(points[start : start + _BLOCK] @ others.T, start, count, among)

    return np.concatenate(_each_block(best, len(points), _BLOCK))


def _best(scores: Tensor, start: int, count: int, pool: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row numbers of the highest scores (b, m), but for its own, of each row from `start`; columns are the `pool`."""
    own = np.flatnonzero((pool >= start) & (pool < start + len(scores)))
    scores[pool[own] - start, own] = -torch.inf
    found: NDArray[np.int64] = pool[scores.topk(min(count, len(pool) - 1), dim=1).indices.numpy()]
    return found


def _by_cosine(rows: Sparse, count: int, pool: NDArray[np.int64]) -> NDArray[np.int64]:
    """Nearest others of each unit-length sparse row, int64 (n, k), among a `pool` of rows, ascending."""
    if len(rows) == 1:
        return np.zeros((1, 1), dtype=np.int64)
    return np.concatenate(_cosines(rows, rows.take(pool), lambda start, scores: _best(scores, start, count, pool)))


def _topical(rows: Sparse, seed: int) -> bool:
    """Whether latent semantic analysis finds better neighbours of these rows than shared words do.

    The words of every entry are dealt into two halves. Better are those neighbours by one half whose other halves are
    the more alike. (Cosine of these, one to the other: Reuters 1.03, 20 Newsgroups .88, AG News .81.)
    """
    if len(rows) < _ENOUGH:
        return False
    rng = np.random.default_rng(seed)
    dealt = rng.random(len(rows.data)) < 0.5
    one, other = rows.only(dealt).unit(), rows.only(~dealt).unit()
    asked = np.sort(rng.choice(len(rows), min(_ASKED, len(rows)), replace=False))
    alike, by_words = (torch.cat(_cosines(half.take(asked), half, lambda _, scores: scores)) for half in (other, one))
    points = latent(one, _LATENT, seed)
    found = []
    for scores in (by_words, points[asked] @ points.T):
        scores[torch.arange(len(asked)), torch.from_numpy(asked)] = -torch.inf
        near = scores.topk(min(_KEPT, len(rows) - 1), dim=1).indices
        found.append(float(alike.gather(1, near).mean()))
    return found[1] > found[0]


def _cosines(rows: Sparse, others: Sparse, make: Callable[[int, Tensor], _Made]) -> list[_Made]:
    """What `make` makes of the first row's number and the inner products with others (b, m) of each block of rows."""
    matrix = _sparse_tensor(others)
    size = max(1, min(_BLOCK, _CELLS // rows.width))

    def made(start: int) -> _Made:
        block = rows.take(np.arange(start, min(start + size, len(rows))))
        return make(start, torch.sparse.mm(matrix, _sparse_tensor(block).to_dense().T.contiguous()).T)

    return _each_block(made, len(rows), size)


def _each_block(make: Callable[[int], _Made], count: int, size: int) -> list[_Made]:
    """What is made of each block of rows by its first row; two at a time, which changes the order of no sum."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(make, range(0, count, size)))


def _sparse_tensor(rows: Sparse) -> Tensor:
    """The matrix as a torch COO tensor."""
    places = torch.from_numpy(np.stack([rows.owners(), rows.indices]))
    values = torch.from_numpy(rows.data)
    return torch.sparse_coo_tensor(places, values, (len(rows), rows.width), is_coalesced=True, check_invariants=False)
