"""Tables of what is stored: `python -m benchmarks.quality.tables` writes results/{text,vectors,rerank,images}.md.

Nothing is run. Every figure is the median over the seeds that are stored; distances are made anew from the codes.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import peers, tasks
from benchmarks.quality.results import Codes, Outcome, Run, load, stored, write
from benchmarks.quality.scoring import (
    asymmetric,
    blocks,
    found_of_ten,
    hamming,
    map_1000,
    mean,
    precision_100,
    worst_100,
)
from hashret.evaluate import average_precision

Figures = Callable[[tasks.Task, Outcome], list[float]]
SHORTLISTS = (0.003, 0.01, 0.03)  # of the collection


def text_figures(task: tasks.Task, outcome: Outcome) -> list[float]:
    """Tie-aware P@100, P@100 with ties in the worst order, and P@100 by asymmetric scores."""
    if not isinstance(outcome, Codes):
        return [mean(task, outcome, precision_100)]
    symmetric, worst = (mean(task, outcome, metric) for metric in (precision_100, worst_100))
    return [symmetric, worst, mean(task, outcome, precision_100, soft=True)]


def vector_figures(task: tasks.Task, outcome: Outcome) -> list[float]:
    """Share of the exact ten nearest among the first 100, by Hamming distance and by asymmetric scores."""
    return _two(task, outcome, found_of_ten)


def image_figures(task: tasks.Task, outcome: Outcome) -> list[float]:
    """mAP@1000, by Hamming distance and by asymmetric scores, and mAP of the whole order by Hamming distance."""
    whole = [mean(task, outcome, average_precision)] if isinstance(outcome, Codes) else []
    return _two(task, outcome, map_1000) + whole


def table(task: tasks.Task, methods: Sequence[str], widths: Sequence[int], figures: Figures) -> str:
    """One task: a row for each method, a column for each width, and the seconds of the widest."""
    found: dict[tuple[str, int], list[list[float]]] = defaultdict(list)
    for run in (run for run in stored(task.name) if run.method in methods):
        outcome, seconds = load(run)
        found[run.method, run.bits].append([*figures(task, outcome), seconds])
    lines = [f"| {task.name} | {' | '.join(f'{bits} bits' for bits in widths)} | seconds |"]
    lines.append("|---" * (len(widths) + 2) + "|")
    for method in methods:
        cells = [found.get((method, bits)) or found.get((method, 0)) for bits in widths]
        if any(cells):
            seconds = max(float(np.median(rows, axis=0)[-1]) for rows in cells if rows)
            lines.append(f"| {method} | {' | '.join(map(_cell, cells))} | {seconds:.0f} |")
    return "\n".join(lines)


def rerank(task: tasks.Task, widths: Sequence[int]) -> str:
    """Recall@10 where a shortlist by our codes is ranked by vectors stored as int8 or float16."""
    shares = " | ".join([*(f"{share:.1%} scored" for share in SHORTLISTS), "all scored"])
    lines = [f"| {task.name}, shortlist by | {shares} |", "|---" * (len(SHORTLISTS) + 2) + "|"]
    near = np.asarray(task.database.rows)
    kept = (_int8(near), near.astype(np.float16).astype(np.float32))
    ceiling = " / ".join(f"{_exhaustive(task, rows):.3f}" for rows in kept)
    for bits in widths:
        run = Run(task.name, "hashret", bits)
        outcome = load(run)[0] if run.path.exists() else None
        if isinstance(outcome, Codes):
            for name, distances in (("Hamming", hamming), ("asymmetric", asymmetric)):
                recalls = _reranked(task, outcome, distances, kept)
                cells = " | ".join(" / ".join(f"{recall:.3f}" for recall in pair) for pair in recalls)
                lines.append(f"| {bits} bits, {name} | {cells} | {ceiling} |")
    return "\n".join(lines)


def _exhaustive(task: tasks.Task, kept: NDArray[np.float32]) -> float:
    """Recall@10 of the inner product with every kept row."""
    found = []
    for block in blocks(len(task.queries), len(kept)):
        scores = np.asarray(task.queries.rows)[block] @ kept.T
        best = np.argpartition(-scores, 10, axis=1)[:, :10]
        found.append(np.take_along_axis(task.relevant(block), best, axis=1).mean(1))
    return float(np.concatenate(found).mean())


def _reranked(
    task: tasks.Task,
    outcome: Codes,
    distances: Callable[..., NDArray[Any]],
    kept: Sequence[NDArray[np.float32]],
) -> list[list[float]]:
    """Recall@10 for each shortlist, by each kind of kept rows; ties at its end fall by the order of entries."""
    asked = np.asarray(task.queries.rows)
    sizes = [round(share * len(task.database)) for share in SHORTLISTS]
    found = np.zeros((len(sizes), len(kept)))
    for block in blocks(len(asked), len(task.database)):
        relevant = task.relevant(block)
        order = np.argsort(distances(outcome, block), axis=1, kind="stable")[:, : max(sizes)]
        for row, (query, candidates) in enumerate(zip(asked[block], order, strict=True)):
            for column, rows in enumerate(kept):
                scores = rows[candidates] @ query
                for place, size in enumerate(sizes):
                    best = candidates[:size][np.argsort(-scores[:size])[:10]]
                    found[place, column] += relevant[row, best].sum() / 10
    recalls: list[list[float]] = (found / len(asked)).tolist()
    return recalls


def _int8(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is left of rows kept as int8 with a scale of their own."""
    scale = np.abs(rows).max(1, keepdims=True) / 127
    kept: NDArray[np.float32] = np.rint(rows / scale) * scale
    return kept


def _two(task: tasks.Task, outcome: Outcome, metric: Callable[..., np.ndarray]) -> list[float]:
    """One figure of a ranking, or the symmetric and the asymmetric one of codes."""
    if not isinstance(outcome, Codes):
        return [mean(task, outcome, metric)]
    return [mean(task, outcome, metric), mean(task, outcome, metric, soft=True)]


def _cell(rows: list[list[float]] | None) -> str:
    """Medians over seeds, without the seconds at the end."""
    if not rows:
        return "-"
    return " / ".join(f"{figure:.3f}".lstrip("0") for figure in np.median(rows, axis=0)[:-1])


def main() -> None:
    """Every table, or those asked for."""
    kinds = {
        "text": (tasks.TEXTS, peers.TEXTS, (16, 32, 64, 128), text_figures, "P@100: tie-aware / worst / asymmetric"),
        "vectors": (tasks.VECTORS, peers.VECTORS, (64, 128, 256), vector_figures, "10 in 100: Hamming / asymmetric"),
        "images": (tasks.IMAGES, peers.IMAGES, (16, 32, 64), image_figures, "mAP@1000: Hamming / asymmetric / mAP"),
    }
    parser = argparse.ArgumentParser(description="Tables of what is stored")
    parser.add_argument("tables", nargs="*", choices=[*kinds, []], default=list(kinds))
    for name in parser.parse_args().tables:
        named, methods, widths, figures, title = kinds[name]
        loaded = [load_task() for load_task in named.values()]
        write(name, f"{title}\n\n" + "\n\n".join(table(task, list(methods), widths, figures) for task in loaded))
        if name == "vectors":
            title = "Recall@10 after ranking a shortlist by stored vectors: int8 / float16"
            write("rerank", f"{title}\n\n" + "\n\n".join(rerank(task, widths) for task in loaded))


if __name__ == "__main__":
    main()
