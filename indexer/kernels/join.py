"""The self-join: every pair of codes within a radius, by joining the buckets of each step of probing.

A pair is taken at its first step, as a query's hit is. Both kernels stop when there is no more room, and go on from
`state` when called again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.bits import Distances, Ids
from indexer.kernels.layout import Layout, Numbers, opened
from indexer.kernels.native import kernel, popcount
from indexer.kernels.probe import RUN, is_first, least

STEP, MASK, VALUE, PLACE = range(4)  # `state` of a join


class Join(NamedTuple):
    """What is joined, and how far that is."""

    radius: int
    step: tuple[int, int]  # level and place in the order
    order: Ids  # (m,): chunks in the order in which they are probed
    state: Ids  # (4,)
    found: Numbers  # (room, 3): numbers of two codes, and their distance


@kernel
def join(radius: int, steps: int, order: Ids, state: Ids, found: Numbers, parts: Ids) -> int:
    """Find pairs of different codes, see `Join`; how many were found. All is done when state[STEP] is `steps`.

    There must be room for as many pairs as the largest bucket has codes. `parts` are the addresses of a layout's.
    """
    layout = opened(parts)
    chunks, size = layout.shifts.size, 0
    while state[STEP] < steps:
        level, place = divmod(state[STEP], chunks)
        work = Join(radius, (level, place), order, state, found)
        first, masks = layout.levels[level], layout.levels[level + 1] - layout.levels[level]
        while state[MASK] < masks:
            size = _join_values(layout, work, np.int64(layout.masks[first + state[MASK]]), size)
            if size < 0:
                return ~size
            state[MASK], state[VALUE] = state[MASK] + 1, 0
        state[STEP], state[MASK] = state[STEP] + 1, 0
    return size


@kernel
def _join_values(layout: Layout, work: Join, mask: int, size: int) -> int:
    """Join each bucket with that whose value differs in `mask`; pairs found so far, their complement if out of room."""
    offsets, state = layout.offsets[work.order[work.step[1]]], work.state
    while state[VALUE] < offsets.size - 1:
        other = state[VALUE] ^ mask
        start, stop = np.int64(offsets[other]), np.int64(offsets[other + 1])
        place, last = offsets[state[VALUE]] + state[PLACE], np.int64(offsets[state[VALUE] + 1])
        while other >= state[VALUE] and place < last:
            if stop - start > work.found.shape[0] - size:
                return ~size
            size = _meet(layout, work, place, max(start, place + 1) if mask == 0 else start, stop, size)
            place, state[PLACE] = place + 1, state[PLACE] + 1
        state[VALUE], state[PLACE] = state[VALUE] + 1, 0
    return size


@kernel
def _meet(layout: Layout, work: Join, place: int, start: int, stop: int, size: int) -> int:
    """Compare the code at a place of a table with those from `start` to `stop`; pairs found so far."""
    table = work.order[work.step[1]]
    words = layout.codes[0] if table == 0 else layout.words[table - 1]
    word = words[place]
    left = np.int64(layout.rows[table - 1, place]) if table else np.int64(place)
    for low in range(start, stop, RUN):
        high, edge = min(low + RUN, stop), min(low, words.size - RUN)
        if edge >= 0 and least(words, word, edge, edge + RUN) > work.radius:
            continue
        for near in range(low, high):
            differ = words[near] ^ word
            if popcount(differ) > work.radius:
                continue
            right = np.int64(layout.rows[table - 1, near]) if table else np.int64(near)
            away = np.int64(0)
            for number in range(layout.codes.shape[0]):
                away += popcount(layout.codes[number, left] ^ layout.codes[number, right])
            if away <= work.radius and is_first(layout, work.order, layout.codes[:, left], work.step, right, differ):
                work.found[size, 0], work.found[size, 1], work.found[size, 2] = left, right, away
                size += 1
    return size


@kernel
def spread(state: Ids, found: NDArray[np.int32], left: Ids, right: Ids, near: Distances, parts: Ids) -> int:
    """Pairs of entries, left < right, of pairs of codes (n, 3); how many were put in `left`, `right` and `near`.

    `state` (2,) is the pair to go on from, and which of its pairs of entries; all is done when the first is n. A code
    that is paired with itself stands for the pairs among its entries. `parts` are the addresses of a layout's.
    """
    layout = opened(parts)
    size = 0
    while state[0] < found.shape[0]:
        one, other, away = found[state[0]]
        first, last = np.int64(layout.starts[one]), np.int64(layout.starts[one + 1])
        start, stop = np.int64(layout.starts[other]), np.int64(layout.starts[other + 1])
        while state[1] < (last - first) * (stop - start):
            here, there = first + state[1] // (stop - start), start + state[1] % (stop - start)
            state[1] += 1
            if one != other or here < there:
                left[size] = min(layout.ids[here], layout.ids[there])
                right[size] = max(layout.ids[here], layout.ids[there])
                near[size] = away
                size += 1
                if size == left.size:
                    return size
        state[0], state[1] = state[0] + 1, 0
    return size
