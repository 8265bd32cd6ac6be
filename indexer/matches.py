"""What a search answers: ids and distances as arrays, and their keys, read as long as the file is open."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from indexer.bits import Distances, Ids
from indexer.store import Store


@dataclass(slots=True)  # frozen, either of these takes a third of a microsecond more to make
class Matches:
    """The k nearest of each query: `ids` int64 (n, k), `distances` int32 (n, k); -1 where there are fewer than k."""

    ids: Ids
    distances: Distances
    _store: Store = field(repr=False, compare=False)

    def keys(self) -> list[list[str]]:
        """The keys found, a list for each query."""
        return [self._store.keys(row[row >= 0]) for row in self.ids]


@dataclass(slots=True)
class RangeMatches:
    """All within a radius: query i has `ids` int64 and `distances` int32 from `lims[i]` to `lims[i + 1]`.

    Answers to one query may share their `lims`, and empty ones all three: these cannot be written to.
    """

    lims: Ids
    ids: Ids
    distances: Distances
    _store: Store = field(repr=False, compare=False)

    def keys(self) -> list[list[str]]:
        """The keys found, a list for each query."""
        return [self._store.keys(self.ids[low:high]) for low, high in pairwise(self.lims)]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Some pairs of near entries: `left` < `right` int64 (m,), `distances` int32 (m,)."""

    left: Ids
    right: Ids
    distances: Distances


def empty(store: Store) -> RangeMatches:
    """An answer of nothing, whose parts can be shared."""
    parts = np.zeros(2, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int32)
    for part in parts:
        part.flags.writeable = False
    return RangeMatches(*parts, store)
