"""The figures of one stored run: what each kind of task asks of codes and rankings, blocks of queries at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.results import Codes, Outcome, as_signs
from benchmarks.quality.tasks import TEN, Bools, Task
from hashret.evaluate import average_precision, precision_at

Floats = NDArray[np.float64]
Metric = Callable[[NDArray[Any], Bools], Floats]
DEPTH = 1000
CELLS = 1 << 22  # distances of a block: with what the metrics make of them, some 200 MB


def blocks(queries: int, entries: int) -> Iterator[slice]:
    """Slices of the queries that keep a block of distances small."""
    step = max(1, CELLS // entries)
    yield from (slice(start, min(start + step, queries)) for start in range(0, queries, step))


def hamming(codes: Codes, block: slice) -> NDArray[np.int32]:
    """Distances in bits, int32 (block, n)."""
    asked = np.where(codes.queries[block] > 0, np.float32(1), np.float32(-1))
    return ((asked.shape[1] - asked @ as_signs(codes.codes).T) / 2).astype(np.int32)


def asymmetric(codes: Codes, block: slice) -> NDArray[np.float32]:
    """Negative asymmetric scores, float32 (block, n)."""
    sides = codes.queries if codes.sides is None else codes.sides
    answers = as_signs(codes.codes) if codes.answers is None else codes.answers
    return -(sides[block] @ answers.T)


def precision_100(distances: NDArray[Any], relevant: Bools) -> Floats:
    """Share of relevant entries among the first 100."""
    return precision_at(distances, relevant, 100)


def worst_100(distances: NDArray[Any], relevant: Bools) -> Floats:
    """The same where ties are in the worst order."""
    return precision_at(distances, relevant, 100, worst=True)


def found_of_ten(distances: NDArray[Any], relevant: Bools) -> Floats:
    """Share of ten relevant entries that is among the first 100; see `found_within`."""
    return found_within(distances, relevant, 100)


def found_within(distances: NDArray[Any], relevant: Bools, depth: int) -> Floats:
    """Share of ten relevant entries among the first `depth`; where more are equal to the tenth, any ten do.

    So Aumueller et al. (2018, ann-benchmarks) count.
    """
    return np.minimum(precision_at(distances, relevant, depth) * depth, TEN) / TEN


def map_1000(distances: NDArray[Any], relevant: Bools) -> Floats:
    """Average precision of the first 1000, divided by the relevant ones among them."""
    if distances.dtype.kind == "f" and distances.shape[1] > DEPTH:
        distances, relevant = _nearest(distances, relevant)
    return np.nan_to_num(average_precision(distances, relevant, DEPTH, found=True))


def _nearest(distances: NDArray[Any], relevant: Bools) -> tuple[NDArray[Any], Bools]:
    """Only the first 1000 of each query and what ties with the last of them: real numbers are slow to sort."""
    edge = np.partition(distances, DEPTH - 1, axis=1)[:, DEPTH - 1 : DEPTH]
    width = int((distances <= edge).sum(1).max())
    near = np.argpartition(distances, width - 1, axis=1)[:, :width]
    return np.take_along_axis(distances, near, axis=1), np.take_along_axis(relevant, near, axis=1)


def mean(task: Task, outcome: Outcome, metric: Metric, *, soft: bool = False) -> float:
    """A metric over all queries: of the ranking, of Hamming distances, or with `soft` of asymmetric scores."""
    parts = []
    for block in blocks(len(task.queries), len(task.database)):
        relevant = task.relevant(block)
        if isinstance(outcome, Codes):
            distances = asymmetric(outcome, block) if soft else hamming(outcome, block)
        else:
            near = outcome.near[block].astype(np.int64)
            relevant = np.take_along_axis(relevant, near, axis=1) & (near >= 0)
            distances = np.broadcast_to(np.arange(near.shape[1]), near.shape)
        parts.append(metric(distances, relevant))
    return float(np.nanmean(np.concatenate(parts)))
