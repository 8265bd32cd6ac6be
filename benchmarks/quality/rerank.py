"""Recall@10 where a shortlist by codes is ranked by the cosine of stored vectors, as `--store-vectors` keeps them.

Ties at the end of a shortlist fall by the order of entries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.notes import note, notes
from benchmarks.quality.notes import table as markdown
from benchmarks.quality.results import Codes, Run
from benchmarks.quality.scoring import asymmetric, blocks, hamming
from benchmarks.quality.tasks import Task
from indexer.vectors import FACTS, FORMS, from_blobs, to_blobs

TITLE = "Recall@10 after ranking a shortlist by stored vectors: int8 / float16"
SHORTLISTS = (0.003, 0.01, 0.03)  # of the collection
ORDERS: Mapping[str, Callable[..., NDArray[Any]]] = {"Hamming": hamming, "asymmetric": asymmetric}


def measure(task: Task, run: Run, outcome: Codes) -> None:
    """Note for either order of candidates the recall of each of `SHORTLISTS`, and of all entries."""
    near = np.asarray(task.database.rows)
    kept = {form: _kept(near, form) for form in FORMS}
    most = [_exhaustive(task, rows) for rows in kept.values()]
    for order, distances in ORDERS.items():
        recalls = _recalls(task, lambda block, by=distances: by(outcome, block), list(kept.values()))
        line = {
            form: [round(recall, 4) for recall in [*column, last]]
            for form, column, last in zip(kept, recalls, most, strict=True)
        }
        note("quality/rerank", {**vars(run), "order": order, **line})


def table(task: str, widths: Sequence[int]) -> str:
    """One task: a row for each width and order, a column for each shortlist; medians of the seeds that are noted."""
    found: dict[tuple[int, str], dict[int, list[list[float]]]] = defaultdict(dict)
    for line in notes("quality/rerank"):
        if line["task"] == task:
            found[line["bits"], line["order"]][line["seed"]] = [line[form] for form in ("int8", "float16")]
    rows = []
    for bits, order in ((bits, order) for bits in widths for order in ORDERS):
        if (bits, order) in found:
            pairs = np.median(list(found[bits, order].values()), axis=0).T
            rows.append([f"{bits} bits, {order}", *(f"{eight:.3f} / {sixteen:.3f}" for eight, sixteen in pairs)])
    return markdown([f"{task}, shortlist by", *(f"{share:.1%} scored" for share in SHORTLISTS), "all scored"], rows)


def _exhaustive(task: Task, kept: NDArray[np.float32]) -> float:
    """Recall@10 of the inner product with every kept row."""
    found = []
    for block in blocks(len(task.queries), len(kept)):
        scores = np.asarray(task.queries.rows)[block] @ kept.T
        best = np.argpartition(-scores, 10, axis=1)[:, :10]
        found.append(np.take_along_axis(task.relevant(block), best, axis=1).mean(1))
    return float(np.concatenate(found).mean())


def _recalls(
    task: Task, distances: Callable[[slice], NDArray[Any]], kept: Sequence[NDArray[np.float32]]
) -> list[list[float]]:
    """Recall@10 by each kind of kept rows, for each shortlist."""
    asked = np.asarray(task.queries.rows)
    sizes = [round(share * len(task.database)) for share in SHORTLISTS]
    found = np.zeros((len(kept), len(sizes)))
    for block in blocks(len(asked), len(task.database)):
        relevant = task.relevant(block)
        order = np.argsort(distances(block), axis=1, kind="stable")[:, : max(sizes)]
        for row, (query, candidates) in enumerate(zip(asked[block], order, strict=True)):
            for place, rows in enumerate(kept):
                scores = rows[candidates] @ query
                for column, size in enumerate(sizes):
                    best = candidates[:size][np.argsort(-scores[:size])[:10]]
                    found[place, column] += relevant[row, best].sum() / 10
    recalls: list[list[float]] = (found / len(asked)).tolist()
    return recalls


def _kept(rows: NDArray[np.float32], form: str) -> NDArray[np.float32]:
    """What a file gives back of rows, of length 1 as their cosine takes them."""
    back = from_blobs(to_blobs(rows, FACTS[form]), FACTS[form])
    return back / np.linalg.norm(back, axis=1, keepdims=True)
