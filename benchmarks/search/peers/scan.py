"""A scan in plain NumPy: count the bits that differ in every code, with nothing built."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.peers.peer import Call, Peer
from benchmarks.search.questions import Answers, Question
from indexer.bits import Codes


class NumPyScan(Peer):
    """Words of 32 or 64 bits, one column each, and `np.bitwise_count`."""

    def __init__(self, codes: Codes, key: tuple[int, ...]) -> None:
        self.columns = np.ascontiguousarray(_words(codes).T)

    def given(self, queries: Codes) -> NDArray[Any]:
        """As words."""
        return _words(queries)

    def call(self, question: Question, queries: NDArray[Any], single: bool) -> Call:
        """One query after the other."""
        return partial(_each, self._within if question.way == "r" else self._nearest, queries, question.size)

    def read(self, question: Question, raw: Any) -> Answers:
        """Ids and distances of each query."""
        lims = np.concatenate(([0], np.cumsum([len(ids) for ids, _ in raw])))
        return Answers.of(lims, *(np.concatenate(parts) for parts in zip(*raw, strict=True))).ordered()

    def _far(self, query: NDArray[Any]) -> NDArray[np.uint8]:
        """Distances of all codes; those of 256 bits need no more than a byte but for the complement."""
        far = np.bitwise_count(self.columns[0] ^ query[0])
        if len(self.columns) == 4:
            far = far.astype(np.uint16)
        for column, word in zip(self.columns[1:], query[1:], strict=True):
            far += np.bitwise_count(column ^ word)
        return far

    def _within(self, query: NDArray[Any], size: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Rows within a radius."""
        far = self._far(query)
        near = np.flatnonzero(far <= size)
        return near, far[near]

    def _nearest(self, query: NDArray[Any], size: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """The first k rows by (distance, row); NumPy parts 16-bit numbers many times faster than bytes."""
        far = self._far(query).astype(np.int16)
        size = min(size, len(far))
        rows = np.flatnonzero(far <= np.partition(far, size - 1)[size - 1])
        order = np.argsort(far[rows], kind="stable")[:size]
        return rows[order], far[rows[order]]


def _each(one: Callable[[NDArray[Any], int], Any], queries: NDArray[Any], size: int) -> list[Any]:
    """The answer to each query."""
    return [one(query, size) for query in queries]


def _words(codes: Codes) -> NDArray[Any]:
    """Codes as the widest words that divide them."""
    return np.ascontiguousarray(codes).view("<u8" if codes.shape[1] % 8 == 0 else "<u4")
