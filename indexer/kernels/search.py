"""Search over a `Layout`: all codes within a radius, or the k nearest, by probing chunks or by a scan.

Both questions are one: collect every code within `reach` bits, where `reach` begins at the radius (or at all bits)
and shrinks to the distance of the k-th nearest met so far. An answer is complete once every code within `reach` must
have been met, by probing or by a scan. Ties are decided by id, so all codes at the distance of the k-th are kept until
the end.
"""

from __future__ import annotations

from indexer.bits import Codes, Ids
from indexer.kernels.hits import (
    ANSWERS,
    CAREFUL,
    FOUND,
    GUESS,
    HITS,
    KEPT,
    LIKELY,
    MET,
    MOST,
    PROBED,
    RADIUS,
    REACH,
    SCANNED,
    SEEN,
    WAY,
    Query,
    entered,
    expand,
    forget,
    in_order,
    prepare,
)
from indexer.kernels.layout import Layout, opened
from indexer.kernels.native import inlined, kernel
from indexer.kernels.probe import NOWHERE, by_size, draw_in, look_ahead, probe
from indexer.kernels.scan import scan

MULTI, SCAN = 0, 1  # ways to go; the first turns into the second where it does not pay


@kernel
def search(
    queries: Codes, lims: Ids, first: int, k: int, radius: int, way: int, likely: int, guess: int, room: Ids, parts: Ids
) -> int:  # fmt: skip
    """Answer queries (n, b / 8), from the first on, as long as there is room: answers so far, or ~ the next query.

    What `asked` holds is in `hits`, which tells what it took too. `room` and `parts` are the addresses of a `Space` and
    of a `Layout`. Answers by (distance, id) go to the space, between the `lims` (n + 1,) of each query.
    """
    layout, space = opened(parts), entered(room)
    asked = space.asked
    asked[MOST], asked[RADIUS], asked[WAY], asked[LIKELY], asked[GUESS] = k, radius, way, likely, guess
    if first == 0:
        asked[PROBED:], lims[0] = 0, 0
    for number in range(first - 2, queries.shape[0]):
        if number + 2 < queries.shape[0]:
            look_ahead(layout, prepare(space, number + 2), queries[number + 2])
        if first <= number + 1 < queries.shape[0]:
            by_size(layout, prepare(space, number + 1))
        if number < first:
            continue
        query = prepare(space, number)
        _answer(layout, query)
        start = lims[number]
        if query.state[FOUND] > query.hits.size:
            asked[HITS] = query.state[FOUND]
            return ~number
        size = expand(layout, query, space.ids[start:]) if query.state[FOUND] else 0
        if size > space.ids.size - start:
            asked[ANSWERS] = size
            return ~number
        lims[number + 1] = start + in_order(space, query, start, size)
    return lims[queries.shape[0]]


@inlined
def _answer(layout: Layout, query: Query) -> None:
    """Every code that one query is after, as hits in no order.

    The reach is drawn in as if each code had an entry. Where some are gone that may be too far, which shows when fewer
    than k are left; then it is done again with care.
    """
    for careful in range(2):
        query.state[CAREFUL] = careful
        _collect(layout, query)
        if not layout.gone.size or query.state[KEPT] >= query.asked[MOST] or query.state[REACH] == query.asked[RADIUS]:
            break


@inlined
def _collect(layout: Layout, query: Query) -> None:
    """Probe, and scan where that does not pay."""
    forget(query, query.asked[RADIUS])
    if query.order[0] == NOWHERE:
        return
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
