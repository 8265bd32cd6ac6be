"""What a search has found so far, and how the answer is made of it: every hit within reach, in order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.bits import Distances, Ids, Words
from indexer.kernels.layout import Layout
from indexer.kernels.native import inlined, kernel, matrix, popcount, prefetch, vector

# What `asked` holds: k or 0 for all, the radius, the way, within how many bits the k-th nearest is of half the queries,
# and of nearly all; then the probes and candidates that it took, how many queries were scanned for, and how many hits
# or answers there was no room for.
MOST, RADIUS, WAY, LIKELY, GUESS, PROBED, MET, SCANNED, HITS, ANSWERS = range(10)
# What `state` holds: hits, bits that one may be away, entries within those, candidates, hits that are settled, and
# whether a code may have no entry left.
FOUND, REACH, KEPT, SEEN, SETTLED, CAREFUL = range(6)
PROBES = 64  # buckets looked up before their codes are compared: their look-ups overlap
PART = 64  # codes of a scan that are compared at once, a bit of a word for each
CHUNKS = 64  # at most so many of a code
AHEAD = 3  # a query and the two after it
DISTANCE = 48  # a hit is distance << 48 | code, an answer distance << 48 | id
TABLE = 40  # a hit that is not settled is distance << 48 | table << TABLE | place in the table
FEW = 64  # keys that are sorted by insertion
LONG = 1024  # answers that `lims` are kept of
DIGIT = 9  # bits of a digit of others: a distance is one
Hits = NDArray[np.int64]


class Space(NamedTuple):
    """What a thread searches in."""

    asked: Ids  # (10,)
    words: Words  # (AHEAD, 4): a query and those after it
    ids: Ids  # (room,): of the answers
    near: Distances  # (room,): their distances
    state: Ids  # (6,)
    among: Ids  # (257,): entries taken at each distance
    orders: Ids  # (AHEAD, CHUNKS): chunks by the sizes of their buckets
    sizes: Ids  # (AHEAD, CHUNKS)
    starts: Ids  # (PROBES,): of buckets that are looked up
    stops: Ids  # (PROBES,)
    sums: Ids  # (PART,): distances of codes that are scanned
    hits: Hits
    counts: Ids  # (2**DIGIT + 1,): keys of each digit

    @classmethod
    def of(cls, room: int, hits: int = 0) -> Space:
        """With room for so many answers, and for as many hits or more."""
        shapes = ANSWERS + 1, (AHEAD, 4), room, room, CAREFUL + 1, 257, *[(AHEAD, CHUNKS)] * 2, *[PROBES] * 2, PART
        return cls(*map(np.empty, (*shapes, max(hits, room), (1 << DIGIT) + 1), KINDS))


KINDS = (np.int64, np.uint64, np.int64, np.int32, *[np.int64] * 9)  # of the arrays of a space


@inlined
def entered(held: Ids) -> Space:
    """A space that is handed over as the `addresses` of its parts."""
    return Space(
        vector(held, 0, np.int64), matrix(held, 1, np.uint64), vector(held, 2, np.int64), vector(held, 3, np.int32),
        vector(held, 4, np.int64), vector(held, 5, np.int64), matrix(held, 6, np.int64), matrix(held, 7, np.int64),
        vector(held, 8, np.int64), vector(held, 9, np.int64), vector(held, 10, np.int64), vector(held, 11, np.int64),
        vector(held, 12, np.int64),
    )  # fmt: skip


class Query(NamedTuple):
    """One query on its way, and its parts of the space."""

    words: Words  # (4,), of which the first w are its own
    asked: Ids
    state: Ids
    among: Ids
    order: Ids  # (CHUNKS,)
    sizes: Ids  # (CHUNKS,)
    starts: Ids
    stops: Ids
    sums: Ids
    hits: Hits


@inlined
def prepare(space: Space, number: int) -> Query:
    """A query, by its number, with its parts of the space."""
    slot = number % AHEAD
    return Query(
        space.words[slot], space.asked, space.state, space.among, space.orders[slot], space.sizes[slot],
        space.starts, space.stops, space.sums, space.hits,
    )  # fmt: skip


@inlined
def forget(query: Query, reach: int) -> None:
    """Begin anew, with a reach that is known to be enough."""
    query.state[FOUND], query.state[REACH], query.state[KEPT] = 0, reach, 0
    query.state[SEEN] = query.state[SETTLED] = 0
    if query.asked[MOST]:
        query.among[:] = 0


@inlined
def take(layout: Layout, query: Query, away: int, table: int, place: int) -> None:
    """Keep a hit, and draw in the reach as far as so many codes allow."""
    state, among = query.state, query.among
    if state[FOUND] < query.hits.size:
        query.hits[state[FOUND]] = away << DISTANCE | table << TABLE | place
    state[FOUND] += 1
    if query.asked[MOST] and not state[CAREFUL]:
        among[away] += 1
        state[KEPT] += 1
        while state[KEPT] - among[state[REACH]] >= query.asked[MOST]:
            state[KEPT] -= among[state[REACH]]
            state[REACH] -= 1


@inlined
def settle(layout: Layout, query: Query) -> None:
    """Put the code in place of where it was met, and count its entries, for all hits that are new."""
    state, among, hits = query.state, query.among, query.hits
    last = min(state[FOUND], hits.size)
    for number in range(state[SETTLED], last):
        table, place = (hits[number] >> TABLE) & 255, hits[number] & ((1 << TABLE) - 1)
        code = np.int64(layout.rows[table - 1, place]) if table else place
        hits[number] = (hits[number] >> DISTANCE) << DISTANCE | code
        if code < layout.codes.shape[1]:
            prefetch(layout.starts, code)
    if query.asked[MOST]:
        for number in range(state[SETTLED], last):
            away = hits[number] >> DISTANCE
            more = entries(layout, hits[number] & ((1 << DISTANCE) - 1)) - (1 - state[CAREFUL])
            among[away] += more
            state[KEPT] += more if away <= state[REACH] else 0
        while state[KEPT] - among[state[REACH]] >= query.asked[MOST]:
            state[KEPT] -= among[state[REACH]]
            state[REACH] -= 1
    state[SETTLED] = last


@inlined
def entries(layout: Layout, code: int) -> int:
    """How many entries have a code, those that are gone left out."""
    if code >= layout.codes.shape[1]:
        return np.int64(1)
    start, stop = np.int64(layout.starts[code]), np.int64(layout.starts[code + 1])
    here = stop - start
    if layout.gone.size:
        for place in range(start, stop):
            here -= np.int64(layout.gone[place])
    return here


@kernel
def distance(codes: Words, words: Words, code: int) -> int:
    """Bits in which a code (its number among `codes`) differs."""
    away = np.int64(0)
    for number in range(codes.shape[0]):
        away += popcount(codes[number, code] ^ words[number])
    return away


@inlined
def expand(layout: Layout, query: Query, room: Ids) -> int:
    """Entries of the hits within reach as distance << 48 | id, in no order; their number, put only if there is room.

    Of entries with the same code the lowest ids come first and more than k are never needed.
    """
    needed, size, hits, codes = 0, 0, query.hits, layout.codes.shape[1]
    most = query.asked[MOST] if query.asked[MOST] else np.int64(1 << DISTANCE)
    for number in range(query.state[FOUND]):
        away, code = hits[number] >> DISTANCE, hits[number] & ((1 << DISTANCE) - 1)
        if away <= query.state[REACH]:
            needed += min(entries(layout, code), most)
            if code < codes:
                prefetch(layout.ids, np.int64(layout.starts[code]))
    if needed > room.size:
        return needed
    for number in range(query.state[FOUND]):
        away, code = hits[number] >> DISTANCE, hits[number] & ((1 << DISTANCE) - 1)
        if away > query.state[REACH]:
            continue
        fresh, taken = code >= codes, 0
        start, stop = (code, code + 1) if fresh else (np.int64(layout.starts[code]), np.int64(layout.starts[code + 1]))
        for place in range(start, stop):
            if taken == most:
                break
            if fresh or not (layout.gone.size and layout.gone[place]):
                room[size] = away << DISTANCE | (layout.fresh_ids[place - codes] if fresh else layout.ids[place])
                size, taken = size + 1, taken + 1
    return size


@inlined
def in_order(space: Space, query: Query, start: int, size: int) -> int:
    """Put answers in order, their distances apart from their ids, and keep the k nearest; how many are left."""
    k, keys, near = query.asked[MOST], space.ids[start:], space.near[start:]
    sort(keys, size, query.hits, space.counts)
    size = min(size, k) if k else size
    for place in range(size):
        near[place] = keys[place] >> DISTANCE
        keys[place] &= (1 << DISTANCE) - 1
    return size


@kernel
def sort(keys: Ids, size: int, spare: Ids, counts: Ids) -> None:
    """Sort keys[:size], distance << 48 | id, in place, with room for as many in `spare`.

    Few by insertion; else by counting, digits of the id from the lowest on, then the distance: of 200 keys in a third
    of the time that comparisons take.
    """
    if size > FEW:
        highest, digits = np.int64(0), np.int64(0)
        for place in range(size):
            highest |= keys[place] & ((1 << DISTANCE) - 1)
        while highest >> (digits * DIGIT):
            digits += 1
        for number in range(digits + 1):
            _by_digit(keys, size, number * DIGIT if number < digits else np.int64(DISTANCE), spare, counts)
            keys, spare = spare, keys
        if digits % 2 == 0:
            for place in range(size):
                spare[place] = keys[place]
        return
    for place in range(1, size):
        key, free = keys[place], place
        while free > 0 and keys[free - 1] > key:
            keys[free] = keys[free - 1]
            free -= 1
        keys[free] = key


@inlined
def _by_digit(keys: Ids, size: int, shift: int, out: Ids, counts: Ids) -> None:
    """Put keys[:size] in the order of one digit, those alike in the order that they have."""
    counts[:] = 0
    for place in range(size):
        counts[((keys[place] >> shift) & ((1 << DIGIT) - 1)) + 1] += 1
    for digit in range(1 << DIGIT):
        counts[digit + 1] += counts[digit]
    for place in range(size):
        digit = (keys[place] >> shift) & ((1 << DIGIT) - 1)
        out[counts[digit]] = keys[place]
        counts[digit] += 1
