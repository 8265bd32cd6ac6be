"""What each ingredient of the default settings gives: `python -m benchmarks.quality.ablation [--tasks ...]`.

Each row of `VARIANTS` turns one of them off or changes it; the same seeds as the default itself. Runs are stored, and
skipped when stored, as everywhere here.
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np

from benchmarks.quality import peers, tasks
from benchmarks.quality.results import Run, load, make, write
from benchmarks.quality.scoring import mean as mean_of
from benchmarks.quality.scoring import precision_100

Variant = tuple[str, dict[str, float]]
VARIANTS: tuple[Variant, ...] = (
    ("default", {}),
    ("no reconstruction", {"reconstruction": 0.0}),
    ("no masking", {"mask": 0.0}),
    ("second view: the nearest entry only", {"neighbours": 1}),
    ("20 neighbours", {"neighbours": 20}),
    ("a hidden layer of 256", {"hidden": 256}),
    ("half the steps", {"steps": 600}),
)


def slug(name: str) -> str:
    """A variant as the method of a run; the default is the run of the other tables."""
    words = "".join(mark if mark.isalnum() else " " for mark in name).split()
    return "-".join(["hashret", *(words if name != "default" else [])])


def figures(task: tasks.Task, variant: Variant, options: argparse.Namespace) -> list[float]:
    """Median P@100 over the seeds, by Hamming distance and by asymmetric scores, and median seconds."""
    name, override = variant
    rows = []
    for seed in options.seeds:
        run = Run(task.name, slug(name), options.bits, seed)
        make(run, partial(peers.hashret, task, options.bits, seed, **override), options.force)
        outcome, seconds = load(run)
        rows.append([*(mean_of(task, outcome, precision_100, soft=soft) for soft in (False, True)), seconds])
    return [float(value) for value in np.median(rows, axis=0)]


def table(found: dict[str, dict[str, list[float]]], bits: int) -> str:
    """A row for each variant, and how far it lies from the default in points of P@100."""
    lines = [f"| {bits} bits: P@100 / asymmetric (points from the default) | {' | '.join(found)} | seconds |"]
    lines.append("|---" * (len(found) + 2) + "|")
    for name, _ in VARIANTS:
        cells = []
        for rows in found.values():
            symmetric, soft, _ = rows[name]
            cells.append(f"{symmetric:.3f} / {soft:.3f} ({100 * (symmetric - rows['default'][0]):+.1f})")
        seconds = max(rows[name][2] for rows in found.values())
        lines.append(f"| {name} | {' | '.join(cells)} | {seconds:.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is not stored, then write the table."""
    parser = argparse.ArgumentParser(description="What each ingredient of the default settings gives")
    parser.add_argument("--tasks", nargs="+", default=list(tasks.TEXTS), choices=list(tasks.TEXTS))
    parser.add_argument("--bits", type=int, default=32)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--force", action="store_true", help="run again what is stored")
    options = parser.parse_args()
    loaded = [tasks.TEXTS[name]() for name in options.tasks]
    found = {task.name: {variant[0]: figures(task, variant, options) for variant in VARIANTS} for task in loaded}
    write("ablation", table(found, options.bits))


if __name__ == "__main__":
    main()
