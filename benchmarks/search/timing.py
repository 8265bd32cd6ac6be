"""Times of several methods for one question, taken by turns: when the machine slows down, it does for all of them.

A turn is a few calls of one method, the first of them not counted, so that nobody is timed on another's cold cache.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.search.alone import percentiles, seconds
from benchmarks.search.peers.peer import Call

TURN, UNCOUNTED = 25, 2
TURNS_OF_BATCHES = 3


@dataclass(frozen=True)
class Limits:
    """At most so many single calls, and so many seconds for the calls of one method and for its batches."""

    calls: int = 300
    seconds: float = 3.0
    batch_seconds: float = 6.0


@dataclass
class Timed:
    """A method's calls for its queries one by one, ready to be made, and the seconds that they took.

    `some(n)` gives the call for a batch of the first n queries, where such are timed.
    """

    singles: list[Call]
    some: Callable[[int], Call] = lambda count: list
    calls: list[float] = field(default_factory=list)
    batches: list[float] = field(default_factory=list)
    batch: int = 0

    def figures(self) -> dict[str, float]:
        """`p50` and `p99` of single calls, `batch` per query in the best turn, all in microseconds; their numbers."""
        p50, p99 = percentiles(self.calls)
        batch = round(min(self.batches) / self.batch * 1e6, 3)
        return {"p50": p50, "p99": p99, "calls": len(self.calls), "batch": batch, "batch_queries": self.batch}


def singles(methods: Mapping[str, Timed], limits: Limits) -> None:
    """Time single calls, turn by turn."""
    for first in range(0, limits.calls, TURN):
        for timed in methods.values():
            if timed.calls and sum(timed.calls) >= limits.seconds:
                continue
            turn = timed.singles[first : min(first + TURN, limits.calls)]
            for call in turn[:UNCOUNTED]:
                call()
            for call in turn:
                timed.calls.append(seconds(call))
                if sum(timed.calls) >= limits.seconds:
                    break


def batches(methods: Mapping[str, Timed], queries: int, limits: Limits) -> None:
    """Time batches of all queries, or of so many as the median call says fit into a third of the time."""
    given = {}
    for name, timed in methods.items():
        fitting = limits.batch_seconds / TURNS_OF_BATCHES / (percentiles(timed.calls)[0] / 1e6 or 1e-6)
        timed.batch = max(1, min(queries, int(fitting)))
        given[name] = timed.some(timed.batch)
    for _ in range(TURNS_OF_BATCHES):
        for name, timed in methods.items():
            if sum(timed.batches) < limits.batch_seconds:
                timed.batches.append(seconds(given[name]))
