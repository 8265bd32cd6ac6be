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
from indexer.kernels.hits import ANSWERS, MET, PROBED
from indexer.kernels.search import SCAN
from indexer.multi import Multi
from indexer.planner import Costs, quick, scans

QUERIES = 8  # that the nearest are looked for of
FEW, LEVELS = 3, 4  # queries that a level is tried with, and levels: of a million codes of 64 bits the third is dear
RUNS = 2  # if there is time, of which the shorter times are taken: something else may be busy meanwhile
CANDIDATE = 1 / 9  # of what a probe takes, where memory is near: 20 and 2.5 ns at 64 bits, 230 and 28 at 256
BUDGET = 20e6  # nanoseconds, after which what is known must do
NEAREST = (1, 10, 100)  # k that are tried
TURNS, ENOUGH = 5, 1e6  # as often is something timed, or for so many nanoseconds
ENDLESS = 1e18
# What others do on this machine meanwhile is not counted, where the clock of a thread is fine enough.
_clock = time.thread_time_ns if time.get_clock_info("thread_time").resolution < 1e-6 else time.perf_counter_ns


def calibrated(table: Multi, seed: int = 0) -> Multi:
    """The same table with its costs."""
    if not len(table):
        return table
    until = _clock() + BUDGET
    queries = _queries(table, QUERIES + RUNS * FEW * LEVELS, seed)
    scan = _time(lambda: table.ask(queries[:1], 0, table.width * 8 // 6, SCAN))
    costs = np.array([1.0, 1.0, ENDLESS] + [1.0] * (len(table.layout.costs) - 3))
    bare, parts = _with(table, costs), np.split(queries[QUERIES:], RUNS)
    runs = [_levels(bare, parts[0], scan, until)]
    if _clock() < until - BUDGET / 2:
        runs.append(_levels(bare, parts[1], scan, until))
    probes, candidates, meetings = zip(*runs, strict=True)
    probe, candidate = min(probes), min(candidates)
    met = [float(np.mean(level)) for level in zip(*meetings, strict=False)]
    costs[:] = (probe, candidate, scan, *met, *[met[-1]] * (len(costs) - 3 - len(met)))
    table = _with(table, costs)
    found = Costs(
        len(table), probe, candidate, scan, tuple(costs[3:].tolist()), _nearest(table, queries[:QUERIES], until)
    )
    scanned = scans(found, *table.shape[1:], table.width * 8)
    return replace(table, costs=found, scans=scanned, quick=quick(found, *table.shape[1:], scanned))


def _queries(table: Multi, count: int, seed: int) -> Codes:
    """Stored codes drawn at random."""
    rng = np.random.default_rng(seed)
    ids, codes = table.layout.ids, table.layout.codes
    drawn = np.searchsorted(table.layout.starts, rng.integers(0, len(ids), count), side="right") - 1
    return table.pack(codes[:, drawn])


def _with(table: Multi, costs: np.ndarray) -> Multi:
    """The same table with other costs for its kernels."""
    return replace(table, layout=table.layout._replace(costs=costs))


def _levels(table: Multi, queries: Codes, scan: float, until: float) -> tuple[float, float, list[float]]:
    """The costs of a probe and of a candidate, and how many a probe meets at each level that is cheaper than a scan.

    A probe waits for memory: it is timed on queries of its own, as the second time memory is near. Candidates lie in
    a row and come fast: they are timed on queries asked again and again.
    """
    chunks, met, before, probe, candidate = len(table.layout.shifts), [], np.zeros(ANSWERS + 1), 1.0, 1.0
    call = _time(lambda: table.ask(queries[:1], 0, 0))
    for level, own in zip(range(len(table.layout.levels) - 1), np.split(queries, LEVELS), strict=False):
        radius = chunks * (level + 1) - 1
        tally = table.ask(queries[:FEW], 0, radius)[1] / FEW
        near = _least(lambda radius=radius: table.ask(queries[:FEW], 0, radius)) - call  # type: ignore[misc]
        candidate = CANDIDATE * max(1.0, near) / FEW / float(tally[PROBED] + CANDIDATE * tally[MET])
        timed = [_once(table, query[None], radius, (call, candidate)) for query in own]
        cost, probe = (float(np.median(part)) for part in zip(*timed, strict=True))
        more, before = tally - before, tally
        met.append(float(more[MET] / more[PROBED]))
        if level and (cost > scan / 2 or _clock() > until):  # the first is mostly waiting, whatever follows
            break
    return probe, candidate, met


def _once(table: Multi, query: Codes, radius: int, known: tuple[float, float]) -> tuple[float, float]:
    """Nanoseconds that a query takes the first time, and of those for each probe, given what calls and candidates do.

    A probe costs no less than a candidate.
    """
    call, candidate = known
    start = _clock()
    asked = table.ask(query, 0, radius)[1]
    spent = float(_clock() - start - call)
    return spent, max(candidate, (spent - candidate * asked[MET]) / asked[PROBED])


def _nearest(table: Multi, queries: Codes, until: float) -> tuple[tuple[int, int, int, float], ...]:
    """What `Costs.nearest` holds."""
    out = []
    for k in NEAREST:
        times, reach = [], []
        for number in range(len(queries)):
            start = _clock()
            _, near = table.search(queries[number : number + 1], k + 1)
            times.append(_clock() - start)
            reach.append(near.max())
            if number + 1 >= FEW and _clock() > until:
                break
        out.append((k, int(np.median(reach)), int(max(reach)), float(np.median(times))))
    return tuple(out)


def _time(action: Callable[[], object]) -> float:
    """The least of a few times after a run that does not count, as it may compile; in nanoseconds."""
    action()
    return _least(action)


def _least(action: Callable[[], object]) -> float:
    """The least of a few times, in nanoseconds."""
    times: list[float] = []
    while len(times) < TURNS and sum(times) < ENOUGH:
        start = _clock()
        action()
        times.append(_clock() - start)
    return min(times)
