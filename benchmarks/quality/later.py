"""Entries that a model was not learned from, and what the finer score costs: `python -m benchmarks.quality.later`.

A model of embeddings learns from one half of MiniLM's train posts. Then either half is the database, and every fourth
test post a query. The finer score is measured with the hidden layer and with the linear decoder alone.
"""

from __future__ import annotations

import time
from dataclasses import replace
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.results import write
from benchmarks.quality.scoring import found_within
from benchmarks.quality.tasks import Task, minilm, nearest
from hashret.forward.remainder import Remainder
from hashret.forward.settle import Settled
from hashret.hasher import Hasher
from hashret.reranking import DECODED
from hashret.settings import Settings

WIDTHS = (64, 128)
DEPTH = 50  # of half as many entries as are searched elsewhere for the first 100
TURNS = 100


def recall(model: Settled, task: Task) -> float:
    """Share of the ten nearest among the first `DEPTH` by the finer score."""
    sides = model.ask(task.queries.rows)[1]
    away = -(sides @ model.answer(model.encode(task.database.rows)).T)
    return float(found_within(away, task.relevant(slice(0, len(sides))), DEPTH).mean())


def milliseconds(model: Settled, rows: NDArray[np.float32]) -> float:
    """The finer score of as many entries as `Engine.query` scores by it for one query; the median of some."""
    codes, side, times = model.encode(rows[:DECODED]), model.ask(rows[:1])[1][0], []
    for _ in range(TURNS):
        start = time.perf_counter()
        _ = model.answer(codes) @ side
        times.append(1000 * (time.perf_counter() - start))
    return median(times)


def row(bits: int) -> str:
    """One width: with the layer / without it."""
    task = minilm()
    entries, queries = np.asarray(task.database.rows), np.asarray(task.queries.rows)
    halves = np.array_split(np.random.default_rng(0).permutation(len(entries)), 2)
    learned = Hasher.fit(entries[halves[0]], Settings(bits=bits)).weights
    assert isinstance(learned, Settled)
    both = learned, replace(learned, remainder=Remainder.none(*learned.decoder.shape))
    found = [[recall(model, nearest("half", entries[half], queries)) for model in both] for half in halves]
    cells = [*found, [milliseconds(model, entries) for model in both]]
    return f"| {bits} bits | {' | '.join(' / '.join(f'{value:.3f}' for value in cell) for cell in cells)} |"


def main() -> None:
    """Every width."""
    head = f"| finer score, with / without a layer: ten in {DEPTH} | learned from | later | ms for {DECODED} entries |"
    write("later", "\n".join([head, "|---" * 4 + "|", *map(row, WIDTHS)]))


if __name__ == "__main__":
    main()
