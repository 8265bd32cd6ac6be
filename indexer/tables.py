"""What lives in memory: `Scan`, all codes of one model in FAISS's exact binary index.

It is a cache of the store as of `revision`. Answers are complete and in the order (distance, id): FAISS keeps, among
ties at the k-th place, those it met first, and codes lie here by ascending id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.bits import Codes, Distances, Ids
from indexer.errors import InvalidInput
from indexer.segments import Segment

FEW = 16  # queries that one thread answers
MOST = 100_000_000  # answers to one call: 1.2 GB
_BLOCK = 1024  # queries that are answered at a time
Csr = tuple[Ids, Ids, Distances]  # lims (n + 1,), ids and distances (lims[-1],)


@contextmanager
def _threads(queries: int) -> Iterator[None]:
    """One thread for a few queries: waking others for a millisecond's work costs up to a hundred on a busy machine."""
    import faiss

    before = faiss.omp_get_max_threads()
    if queries < FEW:
        faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


@dataclass(frozen=True)
class Scan:
    """Ids int64 (n,) ascending and their codes uint8 (n, b / 8) as of `revision`; `segments` is what they came from."""

    revision: int
    ids: Ids
    codes: Codes
    segments: Mapping[int, Segment]

    @classmethod
    def of(cls, revision: int, segments: Mapping[int, Segment], width: int) -> Scan:
        """All segments, in order."""
        parts = [segments[number] for number in sorted(segments)]
        ids = np.concatenate([part.ids for part in parts] or [np.zeros(0, dtype=np.int64)])
        codes = np.concatenate([part.codes for part in parts] or [np.zeros((0, width), dtype=np.uint8)])
        return cls(revision, ids, codes, segments)

    @property
    def width(self) -> int:
        """Bytes of a code."""
        return int(self.codes.shape[1])

    @cached_property
    def flat(self) -> Any:
        """The FAISS index over `codes`; row i is entry `ids[i]`."""
        import faiss

        flat = faiss.IndexBinaryFlat(self.width * 8)
        flat.add(self.codes)
        return flat

    def among(self, ids: Ids) -> Scan:
        """Only the entries with these ids, ascending; those that are not there are passed over."""
        wanted = distinct(ids)
        places = np.searchsorted(self.ids, wanted)
        inside = places < len(self.ids)
        kept = places[inside][self.ids[places[inside]] == wanted[inside]]
        return Scan(self.revision, self.ids[kept], self.codes[kept], {})

    def search(self, codes: Codes, k: int) -> tuple[Ids, Distances]:
        """The k nearest of each query, int64 and int32 (n, k), by (distance, id); -1 where there are fewer than k."""
        ids = np.full((len(codes), k), -1, dtype=np.int64)
        found = np.full((len(codes), k), -1, dtype=np.int32)
        most = min(k, len(self.ids))
        if most and len(codes):
            with _threads(len(codes)):
                near, rows = self.flat.search(codes, most)
            order = np.lexsort((rows, near), axis=1)
            ids[:, :most] = self.ids[np.take_along_axis(rows, order, axis=1)]
            found[:, :most] = np.take_along_axis(near, order, axis=1)
        return ids, found

    def within(self, codes: Codes, radius: int) -> Csr:
        """All within `radius` bits (inclusive) of each query, each query's by (distance, id).

        Raises `InvalidInput` if that is more than MOST.
        """
        if not len(codes) or not len(self.ids):
            return np.zeros(len(codes) + 1, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int32)
        parts, found = [], 0
        for first in range(0, len(codes), _BLOCK):
            parts.append(self._within(codes[first : first + _BLOCK], radius))
            found += len(parts[-1][1])
            if found > MOST:
                raise too_many(first)
        lims, ids, near = zip(*parts, strict=True)
        ends = np.cumsum(np.concatenate([np.diff(each) for each in lims]))
        return np.concatenate((np.zeros(1, np.int64), ends)), np.concatenate(ids), np.concatenate(near)

    def _within(self, codes: Codes, radius: int) -> Csr:
        """The same for a block of queries."""
        with _threads(len(codes)):
            lims, near, rows = self.flat.range_search(codes, radius + 1)  # FAISS's radius is strict
        lims, near = lims.astype(np.int64), near.astype(np.int32)
        order = np.lexsort((rows, near, np.repeat(np.arange(len(codes)), np.diff(lims))))
        return lims, self.ids[rows[order]], near[order]

    def pairs(self, radius: int) -> Iterator[tuple[Ids, Ids, Distances]]:
        """Every pair within `radius` bits once, left < right, by (left, right), a block of lefts at a time."""
        for start in range(0, len(self.ids), _BLOCK):
            block = self.codes[start : start + _BLOCK]
            lims, near, rows = self.flat.range_search(block, radius + 1)
            left = np.repeat(np.arange(start, start + len(block)), np.diff(lims.astype(np.int64)))
            kept = np.flatnonzero(left < rows)
            order = kept[np.lexsort((rows[kept], left[kept]))]
            yield self.ids[left[order]], self.ids[rows[order]], near[order].astype(np.int32)


def too_many(done: int) -> InvalidInput:
    """The error to raise for more than MOST answers, of which those to so many queries are found."""
    return InvalidInput(
        f"more than {MOST:,} answers, the first {done:,} queries answered: ask fewer at once, or for less"
    )


def distinct(ids: Ids) -> Ids:
    """The same ids once each, ascending. (NumPy's unique hashes: 1.4 ms for 10,000, a sort takes .03.)"""
    ordered = np.sort(ids)
    kept: Ids = ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered
    return kept


def fill_up(lims: Ids, values: NDArray[Any], k: int) -> NDArray[Any]:
    """Up to k values of each query, given end to end, as rows (n, k); -1 where there are fewer."""
    out = np.full((len(lims) - 1, k), -1, dtype=values.dtype)
    out[np.arange(k) < np.diff(lims)[:, None]] = values
    return out
