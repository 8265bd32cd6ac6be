"""Multi-index hashing: the steps of probing, and when to give up (Norouzi, Punjani and Fleet 2012).

The steps are (level s, place i): every value of the i-th chunk that differs in s bits. After step (s, i) each code
within s m + i bits has been met: if not, it would differ by more than s bits in the chunks up to place i and by s or
more in the others. Chunks come in the order of their buckets' sizes, what is cheap first. A code is taken at the first
step that meets it and passed over at later ones, told by its distances in the other chunks: no memory of what was seen
is kept.
"""

from __future__ import annotations

import numpy as np

from indexer.bits import Ids
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
from indexer.kernels.layout import Layout, Words, inlined, kernel, popcount, prefetch

SAMPLE = 1024  # codes of a bucket that a first reach is drawn in by
RUN = 8  # codes of a bucket that are compared at once


@inlined
def probe(layout: Layout, query: Query) -> bool:
    """Step by step until every code within reach has been met; whether that was done."""
    chunks = layout.shifts.size
    step = 0
    while True:
        if step % chunks == 0 and not _pays(layout, query, step // chunks):
            return False
        _step(layout, query, step)
        if query.state[FOUND] > query.state[SETTLED]:
            settle(layout, query)
        if step >= query.state[REACH]:
            return True
        if query.state[SEEN] * layout.costs[1] > layout.costs[2]:  # far more than was foreseen
            return False
        step += 1


@inlined
def eligible(layout: Layout, asked: Ids) -> int:
    """How many chunks to choose from: twice as many as a small radius takes, else all."""
    chunks = layout.shifts.size
    return chunks if asked[MOST] else min(chunks, 2 * (asked[RADIUS] + 1))


@inlined
def by_size(layout: Layout, query: Query) -> None:
    """Put the eligible chunks in the order of the sizes of their buckets."""
    order, sizes = query.order, query.sizes
    count = eligible(layout, query.asked)
    for table in range(count):
        prefetch(layout.offsets[table], chunk(layout, query.words, table))
    for table in range(count):
        value = chunk(layout, query.words, table)
        size = np.int64(layout.offsets[table, value + 1]) - np.int64(layout.offsets[table, value])
        place = table
        while place > 0 and sizes[place - 1] > size:
            sizes[place], order[place] = sizes[place - 1], order[place - 1]
            place -= 1
        sizes[place], order[place] = size, table


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
def fetch_ahead(layout: Layout, queries: Words, number: int, asked: Ids) -> None:
    """Have near what the query after this one begins with, and of the one after that where to find it."""
    count = eligible(layout, asked)
    if number + 2 < queries.shape[0]:
        for table in range(count):
            prefetch(layout.offsets[table], chunk(layout, queries[number + 2], table))
    if number + 1 < queries.shape[0]:
        for table in range(count):
            place = np.int64(layout.offsets[table, chunk(layout, queries[number + 1], table)])
            prefetch(layout.codes[0] if table == 0 else layout.words[table - 1], place)


@inlined
def chunk(layout: Layout, words: Words, table: int) -> int:
    """The value of a chunk."""
    word = words[table // (layout.shifts.size // layout.codes.shape[0])]
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
def _step(layout: Layout, query: Query, step: int) -> None:
    """Look up every value of one chunk at one level, many buckets at a time."""
    chunks = layout.shifts.size
    table, level = query.order[step % chunks], step // chunks
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
            prefetch(words, starts[full] + RUN)
            full += np.int64(stops[full] > starts[full])
        query.asked[PROBED] += last - first
        for bucket in range(full):
            query.state[SEEN] += stops[bucket] - starts[bucket]
            _bucket(layout, query, step, starts[bucket], stops[bucket])


@inlined
def _bucket(layout: Layout, query: Query, step: int, start: int, stop: int) -> None:
    """Compare the codes of a bucket and take those that are met for the first time."""
    table = query.order[step % layout.shifts.size]
    mine = table // (layout.shifts.size // layout.codes.shape[0])
    words = layout.codes[0] if table == 0 else layout.words[table - 1]
    word = query.words[mine]
    for low in range(start, stop, RUN):
        high, edge = min(low + RUN, stop), min(low, words.size - RUN)
        if edge >= 0 and least(words, word, edge, edge + RUN) > query.state[REACH]:
            continue
        for place in range(low, high):
            differ = words[place] ^ word
            away = popcount(differ)
            if away > query.state[REACH]:
                continue
            code = np.int64(0)
            if layout.codes.shape[0] > 1:
                code = np.int64(place) if table == 0 else np.int64(layout.rows[table - 1, place])
                for further in range(mine + 1, mine + layout.codes.shape[0]):
                    other = further % layout.codes.shape[0]
                    away += popcount(layout.codes[other, code] ^ query.words[other])
                    if away > query.state[REACH]:
                        break
            if away <= query.state[REACH] and is_first(layout, query.order, query.words, step, code, differ):
                take(layout, query, away, table, place)
                if table:
                    prefetch(layout.rows[table - 1], place)


@kernel
def least(words: Words, word: int, start: int, stop: int) -> int:
    """The least distance of the words from `start` to `stop` from one word."""
    least, part = np.int64(64), words[start:stop]
    for place in range(part.size):
        least = min(least, popcount(part[place] ^ word))
    return least


@inlined
def is_first(layout: Layout, order: Ids, words: Words, step: int, code: int, differ: int) -> bool:
    """Whether no step before this one leads from `words` to the code; they `differ` so in the word of its chunk."""
    chunks = layout.shifts.size
    each, level = chunks // layout.codes.shape[0], step // chunks
    mine = order[step % chunks] // each
    most = np.uint64(layout.offsets.shape[1] - 2)
    first = True
    for place in range(chunks if level else step):
        table = order[place]
        number = table // each
        word = differ if number == mine else layout.codes[number, code] ^ words[number]
        away = popcount((word >> np.uint64(layout.shifts[table])) & most)
        if away < level or (away == level and place < step % chunks):
            first = False
            break
    return first
