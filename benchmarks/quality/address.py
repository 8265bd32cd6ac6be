"""Codes as addresses: 20 bits name a shelf, and the shelves within 4 flipped bits hold the shortlist.

Salakhutdinov and Hinton (2009) found theirs in half a millisecond among 402,207 documents, without a search. hashret's
codes are multiples of 8 bits, so an address here is the first 20 of 24.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.results import Codes, as_signs
from indexer.bits import flip_masks, pack

STORED, BITS, RADIUS = 24, 20, 4


def near(codes: Codes, block: slice) -> NDArray[np.bool_]:
    """Whether each other entry lies in a query's ball, bool (block, n - 1); query and entry of one number are one."""
    signs = as_signs(codes.codes)[:, :BITS]
    asked = np.where(codes.queries[block, :BITS] > 0, np.float32(1), np.float32(-1))
    others = np.arange(len(signs))[block, None] != np.arange(len(signs))
    return (asked @ signs.T >= BITS - 2 * RADIUS)[others].reshape(len(asked), -1)


class Book:
    """A shelf for each of the 2^20 addresses: `starts` tells where each begins in `entries`."""

    def __init__(self, codes: NDArray[np.uint8]) -> None:
        own = numbers(codes)
        self.entries = np.argsort(own, kind="stable")
        self.starts = np.concatenate(([0], np.cumsum(np.bincount(own, minlength=1 << BITS))))
        flips = numbers(flip_masks(STORED, RADIUS), whole=True)
        self.flips = flips[flips % (1 << STORED - BITS) == 0] >> STORED - BITS

    def ball(self, address: int) -> NDArray[np.int64]:
        """The entries on every shelf of the ball."""
        shelves = self.flips ^ address
        first, end = self.starts[shelves], self.starts[shelves + 1]
        filled = np.flatnonzero(end > first)
        return np.concatenate([self.entries[first[at] : end[at]] for at in filled] or [self.entries[:0]])


def numbers(codes: NDArray[np.uint8], *, whole: bool = False) -> NDArray[np.int64]:
    """Codes uint8 (n, 3) as numbers of 24 bits, or their first 20 bits."""
    full = codes.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    return full if whole else full >> STORED - BITS


def seconds(codes: Codes) -> float:
    """Mean time to make one query's shortlist."""
    book = Book(codes.codes)
    asked = numbers(pack(codes.queries > 0)).tolist()
    start = time.perf_counter()
    for address in asked:
        book.ball(address)
    return (time.perf_counter() - start) / len(asked)
