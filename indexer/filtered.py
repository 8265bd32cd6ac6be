"""Searching among the entries that a condition matches: always the k nearest of these, if there are k.

The nearest of all entries are found first, and their metas read: what is kept of them is the answer if it is enough,
for they are all there are so near. So a filter that many entries pass costs little, whether it is indexed or not. Else
all entries that pass are found, and their codes scanned; the last few filters are kept for the next question.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np

from indexer.bits import Codes, Distances, Ids
from indexer.memory import Memory
from indexer.planner import Plan, plan
from indexer.store import Store
from indexer.tables import Csr, Scan
from indexer.where import Condition, comparisons

FIRST = 4  # times k nearest are tried first
SMALL = 2000  # entries whose metas are read before an index is asked
READ = 16  # without an index, metas are read of one entry in so many at most before all are
KEPT = 4  # filters whose entries are remembered


class Filtered:
    """Answers of one store's codes in memory; any number of threads may ask."""

    def __init__(self, store: Store, memory: Memory) -> None:
        self._store = store
        self._memory = memory
        self._lock = Lock()
        self._kept: dict[Condition, Scan] = {}

    def search(self, codes: Codes, k: int, condition: Condition) -> tuple[Ids, Distances]:
        """As `Scan.search`, of the entries that the condition matches."""
        ids, near = np.full((len(codes), k), -1, np.int64), np.full((len(codes), k), -1, np.int32)
        left, size = np.arange(len(codes)), FIRST * k
        while len(left) and self._pays(condition, size * len(left)):
            table = self._memory.current(len(left))
            found, away = table.search(codes[left], size)
            passed = self._passing(condition, found)
            counts = passed.sum(axis=1)
            for row in np.flatnonzero(counts >= k).tolist():
                some = np.flatnonzero(passed[row])[:k]
                ids[left[row]], near[left[row]] = found[row, some], away[row, some]
            left, fewest = left[counts < k], int(counts.min(initial=k))
            size = max(2 * size, 2 * size * k // max(1, fewest))
        if len(left):
            ids[left], near[left] = self._all(condition).search(codes[left], k)
        return ids, near

    def within(self, found: Csr, condition: Condition) -> Csr:
        """Those answers of a radius that the condition matches."""
        lims, ids, near = found
        different = np.unique(ids)
        if self._pays(condition, len(different)):
            kept = np.isin(ids, self._store.where(condition, different))
        else:
            kept = np.isin(ids, self._all(condition).ids)
        lims = np.concatenate(([0], np.cumsum(kept)))[lims]
        return lims, ids[kept], near[kept]

    def plan_search(self, queries: int, k: int, condition: Condition, unfiltered: Callable[[int], Plan]) -> Plan:
        """How `search` went about it; `unfiltered` plans a search of all entries for k."""
        if self._pays(condition, FIRST * k * queries):
            first = unfiltered(FIRST * k)
            return replace(first, why=f"{first.why}; the metas of the nearest are read, and of more if too few match")
        count, width = len(self._all(condition).ids), self._memory.current().width
        found = plan(count, width * 8, queries, None, resident=True)
        return replace(found, why=f"{found.why}, those of all entries that match")

    def plan_within(self, condition: Condition, found: int, unfiltered: Plan) -> Plan:
        """How `within` went about so many different answers that `unfiltered` found."""
        read = f"the metas of the {found:,} within are read"
        how = read if self._pays(condition, found) else "all entries that match are found besides"
        return replace(unfiltered, why=f"{unfiltered.why}; {how}")

    def _pays(self, condition: Condition, entries: int) -> bool:
        """Whether to read the metas of so many entries, and not to find all that match."""
        if entries > SMALL:
            indexed = self._store.indexed()
            every = all(one.field in indexed for one in comparisons(condition))
            if every or entries > len(self._store) // READ:
                return False
        return self._remembered(condition, self._store.revision()) is None

    def _remembered(self, condition: Condition, revision: int) -> Scan | None:
        """All entries that the condition matches, if they were found for this revision."""
        with self._lock:
            kept = self._kept.get(condition)
        return kept if kept is not None and kept.revision == revision else None

    def _passing(self, condition: Condition, ids: Ids) -> Any:
        """Which of these ids, -1 for none, the condition matches; bool of the same shape."""
        different = np.unique(ids)
        return np.isin(ids, self._store.where(condition, different[different >= 0]))

    def _all(self, condition: Condition) -> Scan:
        """All entries that the condition matches, as of now."""
        table = self._memory.current()
        kept = self._remembered(condition, table.revision)
        if kept is None:
            kept = table.among(self._store.where(condition))
            with self._lock:
                self._kept.pop(condition, None)
                while len(self._kept) >= KEPT:
                    del self._kept[next(iter(self._kept))]
                self._kept[condition] = kept
        return kept
