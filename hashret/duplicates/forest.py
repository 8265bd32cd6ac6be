"""Forest: who is linked by a stream of pairs, and how closely, in memory for the entries and not for the pairs.

Of all pairs seen only a minimum spanning forest is kept. It links the same entries as all of them do, below every cost:
its cheapest links are the single-linkage dendrogram (Gower and Ross 1969). Found in rounds of Borůvka (1926), each a
few passes of NumPy over the links that are left; a million entries take about ten.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashret.rows import Floats
from indexer.bits import Ids

LEAST = 1 << 16  # pairs that wait for others at least: fewer are not worth a pass over all entries
LEVELS = 4  # costs whose trees are remembered, to pass over most pairs of entries that are linked below them


class Forest:
    """Trees over the entries 0 to n - 1, none linked at first."""

    def __init__(self, size: int) -> None:
        self.size = size
        none = np.zeros(0, np.int64)
        self._links: tuple[Ids, Ids, Floats] = none, none, np.zeros(0, np.float32)  # cheapest first
        self._waiting: list[tuple[Ids, Ids, Floats]] = []
        self._count = 0
        self._levels: list[tuple[float, Ids]] = []  # what is linked below some costs

    def add(self, left: Ids, right: Ids, costs: Floats) -> None:
        """Pairs of entries int64 (m,) and their costs float32 (m,)."""
        self._waiting.append((left, right, costs))
        self._count += len(left)
        if self._count >= max(self.size, LEAST):
            self._settle()

    def cheaper(self, left: Ids, right: Ids, costs: Floats) -> NDArray[np.bool_]:
        """Which of these pairs (m,) may be of use: not known to be linked by cheaper ones."""
        useful = np.ones(len(left), np.bool_)
        for cost, roots in self._levels:
            useful &= (costs <= cost) | (roots[left] != roots[right])
        return useful

    def groups(self, fewest: int = 0) -> Ids:
        """The lowest entry of the group of each, int64 (n,).

        Of the cheapest links no more than leave `fewest` groups; ties go by left, then right.
        """
        self._settle()
        used = max(0, self.size - fewest)
        left, right, _ = self._links
        roots = _span(self.size, left[:used], right[:used])[1]
        lowest = np.full(self.size, self.size)
        np.minimum.at(lowest, roots, np.arange(self.size))
        return lowest[roots]

    def __len__(self) -> int:
        self._settle()
        return self.size - len(self._links[0])

    def _settle(self) -> None:
        """Take what waits into the forest."""
        if not self._waiting:
            return
        parts = zip(self._links, *self._waiting, strict=True)
        left, right, costs = (np.concatenate(part) for part in parts)
        order = np.lexsort((left * self.size + right, costs))
        chosen, _ = _span(self.size, left[order], right[order])
        kept = order[chosen]
        self._links = left[kept], right[kept], costs[kept]
        self._waiting, self._count = [], 0
        if len(kept):
            left, right, costs = self._links
            cuts = np.unique(costs[np.linspace(0, len(costs) - 1, LEVELS, dtype=np.int64)])
            ends = np.searchsorted(costs, cuts, side="right")
            self._levels = [
                (float(cut), _span(self.size, left[:end], right[:end])[1]) for cut, end in zip(cuts, ends, strict=True)
            ]


def _span(size: int, left: Ids, right: Ids) -> tuple[NDArray[np.bool_], Ids]:
    """Which links, given cheapest first, span the forest, and a root of each entry's tree."""
    roots, chosen, alive = np.arange(size), np.zeros(len(left), np.bool_), np.arange(len(left))
    while True:
        ours, theirs = roots[left[alive]], roots[right[alive]]
        between = ours != theirs
        alive, ours, theirs = alive[between], ours[between], theirs[between]
        if not len(alive):
            return chosen, roots
        best = np.full(size, len(left))  # of each tree, the cheapest link that leads out of it
        np.minimum.at(best, ours, alive)
        np.minimum.at(best, theirs, alive)
        trees = np.flatnonzero(best < len(left))
        links = best[trees]
        chosen[links] = True
        ours, theirs = roots[left[links]], roots[right[links]]
        roots = _joined(size, trees, np.where(ours == trees, theirs, ours))[roots]


def _joined(size: int, trees: Ids, others: Ids) -> Ids:
    """The new root of every tree, where each of `trees` joins another; cycles are of two that chose each other."""
    parents = np.arange(size)
    parents[trees] = others
    mutual = trees[(parents[others] == trees) & (trees < others)]
    parents[mutual] = mutual
    while ((above := parents[parents]) != parents).any():
        parents = above
    return parents
