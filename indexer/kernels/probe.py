"""Multi-index hashing: the steps of probing, and when to give up (Norouzi, Punjani and Fleet 2012).

The steps are (level s, place i): every value of the i-th chunk that differs in s bits. After step (s, i) each code
within s m + i bits has been met: if not, it would differ by more than s bits in the chunks up to place i and by s or
more in the others. Chunks come in the order of their buckets' sizes, what is cheap first. A code is taken at the first
step that meets it and passed over at later ones, told by its distances in the other chunks: no memory of what was seen
is kept.
"""

from __future__ import annotations

import numpy as np

from indexer.bits import Codes, Ids, Words
from indexer.kernels.bloom import absent
from indexer.kernels.hits import (
    CAREFUL,
    FOUND,
    LIKELY,
    MOST,
    PROBED,
    PROBES,
    RADIUS,
    REACH,
    SEEN,
    SETTLED,
    Query,
    distance,
    settle,
    take,
)
from indexer.kernels.layout import Layout, read_row
from indexer.kernels.native import inlined, popcount, prefetch

SAMPLE = 1024  # codes of a bucket that a first reach is drawn in by
RUN = 8  # codes of a bucket that are compared at once
NOWHERE = -1  # in place of a chunk


@inlined
def probe(layout: Layout, query: Query) -> bool:
    """Step by step until every code within reach has been met; whether that was done."""
    chunks = layout.shifts.size
    level, place = np.int64(0), np.int64(0)
    while place or _pays(layout, query, level):
        if level == 0:
            _own(layout, query, place)
        else:
            _flipped(layout, query, level, place)
        if query.state[FOUND] > query.state[SETTLED]:
            settle(layout, query)
        if level * chunks + place >= query.state[REACH]:
            return True
        if query.state[SEEN] * layout.costs[1] > layout.costs[2]:  # far more than was foreseen
            return False
        place += 1
        if place == chunks:
            level, place = level + 1, np.int64(0)
    return False


@inlined
def eligible(layout: Layout, asked: Ids) -> int:
    """How many chunks to choose from: twice as many as a small radius takes, else all."""
    chunks = layout.shifts.size
    return chunks if asked[MOST] else min(chunks, 2 * (asked[RADIUS] + 1))


@inlined
def look_ahead(layout: Layout, query: Query, code: Codes) -> None:
    """Read a query, and have near what tells where its buckets are."""
    read_row(code, query.words, layout.codes.shape[0])
    for table in range(eligible(layout, query.asked)):
        prefetch(layout.offsets[table], chunk(layout, query.words, table))


@inlined
def by_size(layout: Layout, query: Query) -> None:
    """Put the eligible chunks in the order of the sizes of their buckets, and have near those that come first.

    If nothing is within reach the first of them is NOWHERE.
    """
    order, sizes = query.order, query.sizes
    if not query.asked[MOST] and absent(layout.bloom, layout.parts, query.words, query.asked[RADIUS]):
        order[0] = NOWHERE
        return
    for table in range(eligible(layout, query.asked)):
        value = chunk(layout, query.words, table)
        size = np.int64(layout.offsets[table, value + 1]) - np.int64(layout.offsets[table, value])
        place = table
        while place > 0 and sizes[place - 1] > size:
            sizes[place], order[place] = sizes[place - 1], order[place - 1]
            place -= 1
        sizes[place], order[place] = size, table
    for place in range(min(layout.shifts.size, query.asked[RADIUS] + 1)):
        table = order[place]
        start = np.int64(layout.offsets[table, chunk(layout, query.words, table)])
        if table:
            prefetch(layout.words[table - 1], start)
            prefetch(layout.rows[table - 1], start)
        else:
            prefetch(layout.codes[0], start)


@inlined
def draw_in(layout: Layout, query: Query) -> None:
    """Draw in the reach at once to the k-th nearest of the largest bucket: k entries lie within it."""
    k, among, chunks = query.asked[MOST], query.among, layout.shifts.size
    if k and query.sizes[chunks - 1] >= k and not query.state[CAREFUL]:
        table = query.order[chunks - 1]
        start = np.int64(layout.offsets[table, chunk(layout, query.words, table)])
        words = layout.codes[0] if table == 0 else layout.words[table - 1]
        kept, reach = np.int64(0), np.int64(-1)
        for place in range(start, start + min(query.sizes[chunks - 1], max(SAMPLE, k))):
            if layout.codes.shape[0] == 1:
                among[popcount(words[place] ^ query.words[0])] += 1
            else:
                code = np.int64(layout.rows[table - 1, place]) if table else place
                among[distance(layout.codes, query.words, code)] += 1
        while kept < k:
            reach += 1
            kept += among[reach]
        query.state[REACH] = min(query.state[REACH], reach)
        among[:] = 0


@inlined
def chunk(layout: Layout, words: Words, table: int) -> int:
    """The value of a chunk."""
    word = words[layout.places[table]]
    return np.int64((word >> np.uint64(layout.shifts[table])) & np.uint64(layout.offsets.shape[1] - 2))


@inlined
def _pays(layout: Layout, query: Query, level: int) -> bool:
    """Whether to go on with a level: for a radius that was weighed before.

    For the k nearest, the first level tells much for little. Then as long as all steps to where they likely are cost
    less than a scan, and from there on, as long as all steps from the first do.
    """
    chunks, known = layout.shifts.size, level + 1 < layout.levels.size
    if known and query.asked[MOST]:
        far = level == 0 or chunks * level > query.asked[LIKELY]
        reach = query.state[REACH] if far else min(query.state[REACH], query.asked[LIKELY])
        last = level + 1 if far else min(reach // chunks + 1, layout.levels.size - 1)
        cost = 0.0
        for each in range(0 if far else level, last):
            steps = min(chunks, reach - chunks * each + 1)
            probes = steps * (layout.levels[each + 1] - layout.levels[each])
            cost += probes * (layout.costs[0] + layout.costs[3 + each] * layout.costs[1])
        known = cost < layout.costs[2]
    return known


@inlined
def _own(layout: Layout, query: Query, place: int) -> None:
    """Look up the value of one chunk."""
    table = query.order[place]
    value, offsets = chunk(layout, query.words, table), layout.offsets[table]
    start, stop = np.int64(offsets[value]), np.int64(offsets[value + 1])
    query.asked[PROBED] += 1
    query.state[SEEN] += stop - start
    _bucket(layout, query, (0, place), start, stop)


@inlined
def _flipped(layout: Layout, query: Query, level: int, place: int) -> None:
    """Look up every value that differs in so many bits, many buckets at a time."""
    table = query.order[place]
    value, offsets = chunk(layout, query.words, table), layout.offsets[table]
    words = layout.codes[0] if table == 0 else layout.words[table - 1]
    starts, stops = query.starts, query.stops
    for first in range(layout.levels[level], layout.levels[level + 1], PROBES):
        last = min(first + PROBES, layout.levels[level + 1])
        full = 0
        for number in range(first, last):
            other = value ^ np.int64(layout.masks[number])
            starts[full], stops[full] = offsets[other], offsets[other + 1]
            prefetch(words, starts[full])
            full += np.int64(stops[full] > starts[full])
        query.asked[PROBED] += last - first
        for bucket in range(full):
            query.state[SEEN] += stops[bucket] - starts[bucket]
            _bucket(layout, query, (level, place), starts[bucket], stops[bucket])


@inlined
def _bucket(layout: Layout, query: Query, step: tuple[int, int], start: int, stop: int) -> None:
    """Compare the codes of a bucket and take those that are met for the first time."""
    table = query.order[step[1]]
    mine = layout.places[table]
    words = layout.codes[0] if table == 0 else layout.words[table - 1]
    word = query.words[mine]
    for low in range(start, stop, RUN):
        high = min(low + RUN, stop)
        if high - low == RUN and least(words, word, low, high) > query.state[REACH]:
            continue
        for place in range(low, high):
            differ = words[place] ^ word
            away = popcount(differ)
            if away > query.state[REACH]:
                continue
            code = np.int64(0)
            if layout.codes.shape[0] > 1:
                code = np.int64(place) if table == 0 else np.int64(layout.rows[table - 1, place])
                away = _others(layout, query, code, mine, away)
            if away <= query.state[REACH] and is_first(layout, query.order, query.words, step, code, differ):
                take(layout, query, away, table, place)
                if table:
                    prefetch(layout.rows[table - 1], place)


@inlined
def _others(layout: Layout, query: Query, code: int, mine: int, away: int) -> int:
    """The distance of a code whose word `mine` is so far away, or one that is beyond reach."""
    for other in range(layout.codes.shape[0]):
        if other != mine:
            away += popcount(layout.codes[other, code] ^ query.words[other])
            if away > query.state[REACH]:
                break
    return away


@inlined
def least(words: Words, word: int, start: int, stop: int) -> int:
    """The least distance of the words from `start` to `stop` from one word."""
    least, part = np.int64(64), words[start:stop]
    for place in range(part.size):
        least = min(least, popcount(part[place] ^ word))
    return least


@inlined
def is_first(layout: Layout, order: Ids, words: Words, step: tuple[int, int], code: int, differ: int) -> bool:
    """Whether no step before this one leads from `words` to the code; they `differ` so in the word of its chunk."""
    level, last = step
    mine = layout.places[order[last]]
    most = np.uint64(layout.offsets.shape[1] - 2)
    first = True
    for place in range(layout.shifts.size if level else last):
        table = order[place]
        number = layout.places[table]
        word = differ if number == mine else layout.codes[number, code] ^ words[number]
        away = popcount((word >> np.uint64(layout.shifts[table])) & most)
        if away < level or (away == level and place < last):
            first = False
            break
    return first
