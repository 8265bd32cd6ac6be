"""Proof on a sample: answers of every way against brute force over the rows, and every cache against the rows.

Brute force reads nothing but the rows of `buckets` and shares no code with the ways but the XOR of `bits.distances`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from indexer.bits import Codes, Distances, Ids, distances
from indexer.store import Store
from indexer.tables import Csr, Scan

Ways = dict[str, tuple[Callable[[Codes, int], Csr], int]]  # of answering a radius, and one to try
Nearest = dict[str, Callable[[Codes, int], tuple[Ids, Distances]]]  # ways of finding the k nearest


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked, and what was found wrong."""

    checks: list[str]
    problems: list[str]

    @property
    def ok(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.problems


def prove(store: Store, scan: Scan, ways: tuple[Ways, Nearest], sample: int, seed: int) -> Report:
    """Check the file, its caches, and the answers of each way, up to its radius or to ten, for some stored codes."""
    report = Report([], [])
    damage = store.damage()
    _note(report, "the database is whole", "; ".join(damage))
    ids, codes = store.rows_of_codes()
    _note(report, f"facts count {len(ids):,} entries", "" if len(store) == len(ids) else f"facts say {len(store):,}")
    same = np.array_equal(scan.ids, ids) and np.array_equal(scan.codes, codes)
    _note(report, "packed segments equal the rows", "" if same else "they differ; delete from segments to rebuild them")
    if not len(ids):
        return report
    queries, k = _near(codes, sample, seed), min(10, len(ids))
    away = [distances(query[None], codes)[0] for query in queries]
    for name, (within, radius) in ways[0].items():
        found = within(queries, radius)
        wrong = sum(not _equal(found, number, ids, row, radius) for number, row in enumerate(away))
        what = f"{name}: {sample} answers within {radius} bits equal brute force"
        _note(report, what, f"{wrong} differ" if wrong else "")
    right = np.array([ids[np.lexsort((ids, row))[:k]] for row in away])
    for name, search in ways[1].items():
        wrong = int((search(queries, k)[0] != right).any(axis=1).sum())
        what = f"{name}: {sample} answers of the {k} nearest equal brute force"
        _note(report, what, f"{wrong} differ" if wrong else "")
    return report


def _near(codes: Codes, sample: int, seed: int) -> Codes:
    """Queries: stored codes drawn at random with 3 % of their bits flipped."""
    rng = np.random.default_rng(seed)
    flips = np.packbits(rng.random((sample, codes.shape[1] * 8)) < 0.03, axis=1)
    return codes[rng.integers(0, len(codes), sample)] ^ flips


def _equal(found: Csr, number: int, ids: Ids, row: np.ndarray, radius: int) -> bool:
    """Whether one answer is all ids within the radius by (distance, id), with their distances."""
    lims, got, near = found
    part = slice(lims[number], lims[number + 1])
    inside = np.flatnonzero(row <= radius)
    order = inside[np.lexsort((ids[inside], row[inside]))]
    return np.array_equal(got[part], ids[order]) and np.array_equal(near[part], row[order])


def _note(report: Report, what: str, problem: str) -> None:
    """One line of the report."""
    if problem:
        report.problems.append(f"{what}: {problem}")
    else:
        report.checks.append(what)
