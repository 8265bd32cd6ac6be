"""Figures of a run, made from its codes when it ends and noted in results/quality, which the repository keeps.

Codes are hundreds of megabytes and stay where they were made; a line of figures is what every table is made from.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.quality import rerank, tasks
from benchmarks.quality.notes import Line, note, notes
from benchmarks.quality.results import Codes, Outcome, Run, load, make
from benchmarks.quality.scoring import found_of_ten, map_1000, mean, precision_100, worst_100
from hashret.evaluate import average_precision

Figures = list[float]


def text_figures(task: tasks.Task, outcome: Outcome) -> Figures:
    """Tie-aware P@100, P@100 with ties in the worst order, and P@100 by asymmetric scores."""
    if not isinstance(outcome, Codes):
        return [mean(task, outcome, precision_100)]
    symmetric, worst = (mean(task, outcome, metric) for metric in (precision_100, worst_100))
    return [symmetric, worst, mean(task, outcome, precision_100, soft=True)]


def vector_figures(task: tasks.Task, outcome: Outcome) -> Figures:
    """Share of the exact ten nearest among the first 100, by Hamming distance and by asymmetric scores."""
    return _two(task, outcome, found_of_ten)


def image_figures(task: tasks.Task, outcome: Outcome) -> Figures:
    """mAP@1000, by Hamming distance and by asymmetric scores, and mAP of the whole order by Hamming distance."""
    whole = [mean(task, outcome, average_precision)] if isinstance(outcome, Codes) else []
    return _two(task, outcome, map_1000) + whole


MEASURES = {
    "text": text_figures, "ablation": text_figures, "vectors": vector_figures, "images": image_figures,
}  # fmt: skip


def learn(name: str, task: tasks.Task, run: Run, method: Callable[[], Outcome], force: bool = False) -> None:
    """Run a method, store its codes and note its figures in results/quality/NAME.jsonl, unless they are noted."""
    if force or run not in told(name):
        make(run, method, force=True)
        measure(name, task, run)


def measure(name: str, task: tasks.Task, run: Run) -> None:
    """Note the figures of a run whose codes are stored."""
    outcome, seconds = load(run)
    found = [round(figure, 4) for figure in MEASURES[name](task, outcome)]
    note(f"quality/{name}", {**vars(run), "figures": found, "seconds": round(seconds, 2)})
    if name == "vectors" and run.method == "hashret" and isinstance(outcome, Codes):
        rerank.measure(task, run, outcome)


def told(name: str) -> dict[Run, Line]:
    """What is noted in results/quality/NAME.jsonl, the last of each run."""
    return {Run(line["task"], line["method"], line["bits"], line["seed"]): line for line in notes(f"quality/{name}")}


def _two(task: tasks.Task, outcome: Outcome, metric: Callable[..., np.ndarray]) -> Figures:
    """One figure of a ranking, or the symmetric and the asymmetric one of codes."""
    if not isinstance(outcome, Codes):
        return [mean(task, outcome, metric)]
    return [mean(task, outcome, metric), mean(task, outcome, metric, soft=True)]
