"""Search over a `Layout`: all codes within a radius, or the k nearest, by probing chunks or by a scan.

Both questions are one: collect every code within `reach` bits, where `reach` begins at the radius (or at all bits)
and shrinks to the distance of the k-th nearest met so far. An answer is complete once every code within `reach` must
have been met, by probing or by a scan. Ties are decided by id, so all codes at the distance of the k-th are kept until
the end.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from indexer.bits import Codes, Distances, Ids
from indexer.kernels.hits import (
    ANSWERS,
    CAREFUL,
    DISTANCE,
    FIRST,
    FOUND,
    GUESS,
    HITS,
    KEPT,
    LONG,
    MET,
    MOST,
    RADIUS,
    REACH,
    SCANNED,
    SEEN,
    WAY,
    Query,
    expand,
    forget,
    prepare,
    sort,
)
from indexer.kernels.layout import Layout, Numbers, Words, inlined, kernel, read
from indexer.kernels.probe import by_size, draw_in, fetch_ahead, probe
from indexer.kernels.scan import scan

MULTI, SCAN = 0, 1  # ways to go; the first turns into the second where it does not pay


@kernel
def search(
    queries: Codes, words: Words, asked: Ids, lims: Ids, found: Ids, near: Distances, scratch: Ids,
    codes: Words, starts: Numbers, ids: Ids, gone: NDArray[np.bool_], fresh: Words, fresh_ids: Ids, shifts: Ids,
    offsets: Numbers, rows: Numbers, beside: Words, masks: Numbers, levels: Ids, costs: NDArray[np.float64],
) -> int:  # fmt: skip
    """Answer queries (n, b / 8) as long as there is room; the number of the next, n if all are answered.

    `asked` (11,) says what, and is told what it took; see `hits`. Answers by (distance, id) go to `found` and `near`
    between the `lims` (n + 1,) of each query; those within a radius that are more than LONG are left to the caller to
    sort, as distance << 48 | id in `found`. `words` (n, w) and `scratch` (SPACE + hits,) are to work in. The others
    are the parts of a `Layout`: as `*parts` numba takes 1.2 microseconds more to look at them.
    """
    read(queries, words)
    layout = Layout(codes, starts, ids, gone, fresh, fresh_ids, shifts, offsets, rows, beside, masks, levels, costs)
    k = asked[MOST]
    for number in range(asked[FIRST], words.shape[0]):
        fetch_ahead(layout, words, number, asked)
        query = prepare(words[number], asked, scratch)
        _answer(layout, query)
        start = lims[number]
        if query.state[FOUND] > query.hits.size:
            asked[HITS] = query.state[FOUND]
            return number
        size = expand(layout, query, found[start:]) if query.state[FOUND] else 0
        if size > found.size - start:
            asked[ANSWERS] = size
            return number
        if k or size <= LONG:
            sort(found[start:], size, query.starts, query.stops)
            size = min(size, k) if k else size
            for place in range(start, start + size):
                near[place] = found[place] >> DISTANCE
                found[place] &= (1 << DISTANCE) - 1
        lims[number + 1] = start + size
    return words.shape[0]


@inlined
def _answer(layout: Layout, query: Query) -> None:
    """Every code that one query is after, as hits in no order.

    The reach is drawn in as if each code had an entry. Where some are gone that may be too far, which shows when fewer
    than k are left; then it is done again with care.
    """
    query.state[CAREFUL] = 0
    _collect(layout, query)
    drawn_in = query.state[KEPT] < query.asked[MOST] and query.state[REACH] < query.asked[RADIUS]
    if layout.gone.size and drawn_in:
        query.state[CAREFUL] = 1
        _collect(layout, query)


@kernel
def _collect(layout: Layout, query: Query) -> None:
    """Probe, and scan where that does not pay."""
    forget(query, query.asked[RADIUS])
    by_size(layout, query)
    draw_in(layout, query)
    if layout.fresh.shape[1]:
        scan(layout, query, layout.fresh, layout.codes.shape[1])
    if query.asked[WAY] == MULTI:
        whole = probe(layout, query)
        query.asked[MET] += query.state[SEEN]
        if whole:
            return
    query.asked[SCANNED] += 1
    enough = query.state[REACH]
    _scan_within(layout, query, min(enough, query.asked[GUESS]))
    if query.state[KEPT] < query.asked[MOST] and query.asked[GUESS] < enough:
        _scan_within(layout, query, enough)


@kernel
def _scan_within(layout: Layout, query: Query, reach: int) -> None:
    """Begin anew, and scan everything for what lies within some bits."""
    forget(query, reach)
    scan(layout, query, layout.fresh, layout.codes.shape[1])
    scan(layout, query, layout.codes, 0)
