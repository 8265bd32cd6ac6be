"""Cover: which entries are kept so that every other is near one of them, and no two that are kept are near each other.

In an order of preference each entry is kept that none kept before is near to, and stands for those near it that have
none yet: the lexicographically first maximal independent set of the graph of pairs. No entry is given up for another by
way of a third, as by connected components, where a chain of small steps ends far from its start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from indexer.bits import Distances, Ids

ROOM = 1 << 22  # pairs in memory at a time, 16 bytes each; of one entry there may be as many as entries
PART = 1 << 16  # pairs that are looked at before any of them is settled

Pairs = Iterator[tuple[Ids, Ids, Distances]]
Alike = Callable[[Ids, Ids], NDArray[np.bool_]]


def cover(order: Ids, stream: Callable[[], Pairs], alike: Alike) -> Ids:
    """The entry that stands for each, itself if it is kept, int64 (n,).

    `order` int64 (n,) are the entries 0 to n - 1, preferred first. `stream` begins anew with all pairs, as often as
    their number demands; `alike` says of pairs (m,), the preferred entry first, which of them are truly near: it is
    asked of few pairs that could not change anything.
    """
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    heads = np.full(len(order), -1)
    for first, second in _blocks(ranks, heads, stream):
        for start in range(0, len(first), PART):
            some = slice(start, start + PART)
            useful = _open(heads, first[some], second[some])
            left, right = first[some][useful], second[some][useful]
            near = alike(order[left], order[right])
            _settle(heads, left[near], right[near])
    heads = np.where(heads < 0, np.arange(len(heads)), heads)
    return np.asarray(order[heads][ranks])


def _blocks(ranks: Ids, heads: Ids, stream: Callable[[], Pairs]) -> Iterator[tuple[Ids, Ids]]:
    """Pairs as ranks, the lower first, ascending by it: at most `ROOM` at a time, settled ones left out."""
    counts = np.zeros(len(ranks), np.int64)
    for left, right, _ in stream():
        counts += np.bincount(np.minimum(ranks[left], ranks[right]), minlength=len(counts))
    start, room = 0, max(ROOM, len(ranks))
    while (waiting := np.cumsum(np.where(_kept(heads)[start:], counts[start:], 0))).size and waiting[-1]:
        stop = start + int(np.searchsorted(waiting, room, side="right"))
        parts = []
        for left, right, _ in stream():
            ours, theirs = ranks[left], ranks[right]
            low, high = np.minimum(ours, theirs), np.maximum(ours, theirs)
            useful = (low >= start) & (low < stop) & _open(heads, low, high)
            parts.append((low[useful], high[useful]))
        first, second = (np.concatenate(side) for side in zip(*parts, strict=True))
        by_first = np.argsort(first, kind="stable")
        yield first[by_first], second[by_first]
        start = stop


def _kept(heads: Ids) -> NDArray[np.bool_]:
    """Which entries, by rank, are kept or not settled yet."""
    return np.asarray((heads < 0) | (heads == np.arange(len(heads))))


def _open(heads: Ids, low: Ids, high: Ids) -> NDArray[np.bool_]:
    """Which pairs may still make the second entry a copy of the first."""
    return np.asarray((heads[high] < 0) & ((heads[low] < 0) | (heads[low] == low)))


def _settle(heads: Ids, low: Ids, high: Ids) -> None:
    """Go through true pairs, ascending by the first, and note what stands for whom."""
    ones, starts, counts = np.unique(low, return_index=True, return_counts=True)
    for one, start, count in zip(ones.tolist(), starts.tolist(), counts.tolist(), strict=True):
        if heads[one] in (-1, one):
            heads[one] = one
            others = high[start : start + count]
            heads[others[heads[others] < 0]] = one
