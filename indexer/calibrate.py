"""What ways of searching cost on this machine and these codes, measured in under 50 ms when the tables are made.

Queries are stored codes, which are left out of their own answers: what is asked is taken to be like what is stored. A
scan is timed, then probing level by level until that costs half a scan, then searches for a few k. All in nanoseconds a
query.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from indexer.bits import Codes
from indexer.kernels.hits import MET, PROBED
from indexer.kernels.search import SCAN
from indexer.multi import Multi
from indexer.planner import CANDIDATE, Costs, scans

QUERIES = 8
FEW = 3  # queries of these that levels are tried with
BUDGET = 0.025  # seconds, after which what is known must do
NEAREST = (1, 10, 100)  # k that are tried
TURNS, ENOUGH = 5, 2e6  # as often is something timed, or for so many nanoseconds
ENDLESS = 1e18


def calibrated(table: Multi, seed: int = 0) -> Multi:
    """The same table with its costs."""
    if not len(table):
        return table
    until = time.perf_counter() + BUDGET
    queries = _queries(table, seed)
    scan = _time(lambda: table.ask(queries[:1], 0, table.width * 8 // 6, SCAN))
    costs = np.array([1.0, 1.0, ENDLESS] + [1.0] * (len(table.layout.costs) - 3))
    probe, met = _levels(_with(table, costs), queries[:FEW], scan, until)
    costs[:] = (probe, probe * CANDIDATE, scan, *met, *[met[-1]] * (len(costs) - 3 - len(met)))
    table = _with(table, costs)
    found = Costs(len(table), probe, scan, tuple(costs[3:].tolist()), _nearest(table, queries, until))
    return replace(table, costs=found, scans=scans(found, *table.shape[1:], table.width * 8))


def _queries(table: Multi, seed: int) -> Codes:
    """Stored codes drawn at random."""
    rng = np.random.default_rng(seed)
    ids, codes = table.layout.ids, table.layout.codes
    drawn = np.searchsorted(table.layout.starts, rng.integers(0, len(ids), QUERIES), side="right") - 1
    return table.pack(codes[:, drawn])


def _with(table: Multi, costs: np.ndarray) -> Multi:
    """The same table with other costs for its kernels."""
    return replace(table, layout=table.layout._replace(costs=costs))


def _levels(table: Multi, queries: Codes, scan: float, until: float) -> tuple[float, list[float]]:
    """The cost of a probe, and how many candidates a probe meets at each level that is cheaper than a scan."""
    chunks, met, before = len(table.layout.shifts), [], np.zeros(11)
    for level in range(len(table.layout.levels) - 1):
        radius = chunks * (level + 1) - 1
        cost = _time(lambda radius=radius: table.ask(queries, 0, radius)) / len(queries)  # type: ignore[misc]
        tally = table.ask(queries, 0, radius)[1] / len(queries)
        more, before = tally - before, tally
        met.append(float(more[MET] / more[PROBED]))
        if cost > scan / 2 or time.perf_counter() > until:
            break
    return cost / float(before[PROBED] + CANDIDATE * before[MET]), met


def _nearest(table: Multi, queries: Codes, until: float) -> tuple[tuple[int, int, int, float], ...]:
    """What `Costs.nearest` holds."""
    out = []
    for k in NEAREST:
        times, reach = [], []
        for number in range(len(queries)):
            start = time.perf_counter_ns()
            _, near = table.search(queries[number : number + 1], k + 1)
            times.append(time.perf_counter_ns() - start)
            reach.append(near.max())
            if time.perf_counter() > until:
                break
        out.append((k, int(np.median(reach)), int(max(reach)), float(np.median(times))))
    return tuple(out)


def _time(action: Callable[[], object]) -> float:
    """The least of a few times after a run that does not count, as it may compile; in nanoseconds."""
    action()
    times: list[float] = []
    while len(times) < TURNS and sum(times) < ENOUGH:
        start = time.perf_counter_ns()
        action()
        times.append(time.perf_counter_ns() - start)
    return min(times)
