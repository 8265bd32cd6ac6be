"""Figures of the grid as ratios. Each method's are first divided by those of FAISS's flat scan in the same run, so that
two methods that ran on different days compare as well as two that ran together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.search.peers import OURS, YARDSTICK
from benchmarks.search.store import Row, latest

NAMES = ("kind", "bits", "n", "question", "method")


@dataclass(frozen=True)
class Entry:
    """A question of a cell: each method's latest row, and that of the yardstick from the same run."""

    kind: str
    bits: int
    n: int
    question: str
    rows: dict[str, Row]
    yardsticks: dict[str, Row]

    @property
    def ours(self) -> Row:
        """The row of this package."""
        return self.rows[OURS]

    def ratio(self, method: str, figure: str) -> float:
        """How many times the yardstick's time is a method's: above 1 is faster."""
        return float(self.yardsticks[method][figure] / self.rows[method][figure])

    def lead(self, method: str, figure: str) -> float:
        """How many times our time is another method's: above 1 we are faster."""
        return self.ratio(OURS, figure) / self.ratio(method, figure)

    def best(self, figure: str) -> str:
        """The exact method that is nearest to us, or farthest ahead."""
        exact = [name for name, row in self.rows.items() if name != OURS and row["exact"] and not row["wrong"]]
        return min(exact, key=lambda name: self.lead(name, figure))


def entries(rows: Iterable[Row]) -> list[Entry]:
    """Every question that we have answered, in the order kind, bits, n, radius before k."""
    every = list(rows)
    runs = latest((row for row in every if row["method"] == YARDSTICK), *NAMES[:4], "run")
    found: dict[tuple, Entry] = {}
    for (*where, method), row in latest(every, *NAMES).items():
        entry = found.setdefault(tuple(where), Entry(*where, {}, {}))
        entry.rows[method] = row
        entry.yardsticks[method] = runs[*where, row["run"]]
    ours = [entry for entry in found.values() if OURS in entry.rows]
    return sorted(ours, key=lambda one: (one.kind, one.bits, one.n, one.question[0] == "k", int(one.question[1:])))
