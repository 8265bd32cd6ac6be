"""The linear scan: all codes, block by block, a block being passed over if none of it is within reach.

Where hits are so many that hardly a block is passed over, looking at blocks first is left out.
"""

from __future__ import annotations

import numpy as np

from indexer.bits import Words
from indexer.kernels.hits import FOUND, PART, PROBES, REACH, SETTLED, Query, distance, settle, take
from indexer.kernels.layout import Layout
from indexer.kernels.native import inlined, kernel, lowest, popcount
from indexer.kernels.probe import least

BLOCK, DENSE = 256, 1  # codes that are passed over at once, unless the block before had more hits than this


@kernel
def scan(layout: Layout, query: Query, codes: Words, first: int) -> None:
    """Take every one of `codes` within reach; the number of each counts from `first`."""
    size, state = codes.shape[1], query.state
    dense = codes.shape[0] > 1
    for start in range(0, size, BLOCK):
        stop = min(start + BLOCK, size)
        if not dense and least(codes[0], query.words[0], start, stop) > state[REACH]:
            continue
        before = state[FOUND]
        for low in range(start, stop, PART):
            near = _near(codes, query, low, min(low + PART, stop))
            while near:
                code = low + lowest(near)
                near &= near - np.uint64(1)
                away = distance(codes, query.words, code)
                if away <= state[REACH]:
                    take(layout, query, away, 0, first + code)
        dense = codes.shape[0] > 1 or state[FOUND] - before > DENSE
        if state[FOUND] - state[SETTLED] > PROBES:
            settle(layout, query)
    settle(layout, query)


@inlined
def _near(codes: Words, query: Query, start: int, stop: int) -> int:
    """Which of up to 64 codes are within reach, a bit for each; word by word until none is."""
    sums, reach, near = query.sums[: stop - start], query.state[REACH], np.uint64(0)
    for number in range(codes.shape[0]):
        part, word = codes[number][start:stop], query.words[number]
        nearest = np.int64(256)
        for place in range(sums.size):
            away = popcount(part[place] ^ word) + (sums[place] if number else np.int64(0))
            sums[place] = away
            nearest = min(nearest, away)
        if nearest > reach:
            break
    else:
        for place in range(sums.size):
            near |= np.uint64(sums[place] <= reach) << np.uint64(place)
    return near
