"""The linear scan: all codes, block by block, a block being passed over if none of it is within reach."""

from __future__ import annotations

import numpy as np

from indexer.kernels.hits import FOUND, PART, PROBES, REACH, SETTLED, Query, distance, settle, take
from indexer.kernels.layout import Layout, Words, inlined, kernel, popcount
from indexer.kernels.probe import least

BLOCK = 256  # codes that are passed over at once


@kernel
def scan(layout: Layout, query: Query, codes: Words, first: int) -> None:
    """Take every one of `codes` within reach; the number of each counts from `first`."""
    size, state = codes.shape[1], query.state
    for start in range(0, size, BLOCK):
        stop = min(start + BLOCK, size)
        if codes.shape[0] == 1 and least(codes[0], query.words[0], start, stop) > state[REACH]:
            continue
        for low in range(start, stop, PART):
            high = min(low + PART, stop)
            if codes.shape[0] == 1:
                nearest = least(codes[0], query.words[0], low, high)
            else:
                nearest = _least_of(codes, query, low, high)
            if nearest > state[REACH]:
                continue
            for code in range(low, high):
                away = distance(codes, query.words, code)
                if away <= state[REACH]:
                    take(layout, query, away, 0, first + code)
        if state[FOUND] - state[SETTLED] > PROBES:
            settle(layout, query)
    settle(layout, query)


@inlined
def _least_of(codes: Words, query: Query, start: int, stop: int) -> int:
    """At most the least distance of the codes from `start` to `stop`, word by word until it is beyond reach."""
    sums = query.sums[: stop - start]
    sums[:] = 0
    nearest = np.int64(0)
    for number in range(codes.shape[0]):
        part, word = codes[number][start:stop], query.words[number]
        nearest = np.int64(256)
        for place in range(sums.size):
            away = sums[place] + popcount(part[place] ^ word)
            sums[place] = away
            nearest = min(nearest, away)
        if nearest > query.state[REACH]:
            break
    return nearest
