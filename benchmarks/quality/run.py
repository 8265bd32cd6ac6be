"""Run methods on tasks and keep what they make: `python -m benchmarks.quality.run [--tasks ...] [--methods ...]`.

A run that is noted is skipped (`--force` runs it again), so that this can be stopped and called again at will. Our own
learner runs with every seed, its peers once; `python -m benchmarks.quality.tables` makes the tables.
"""

from __future__ import annotations

import argparse

import faiss

from benchmarks.quality import peers, tasks
from benchmarks.quality.figures import learn
from benchmarks.quality.groups import GROUPS
from benchmarks.quality.results import Run

SEEDS = (0, 1, 2, 3, 4)


def possible(task: tasks.Task, method: str, bits: int) -> bool:
    """Whether a method can make so many bits of these rows."""
    rows = task.database.rows
    width = 1 << 30 if isinstance(rows, tasks.Sparse) else rows.shape[1]
    if method in ("PCA-sign", "random-rotation"):
        return bits <= width
    if method.startswith("RaBitQ"):  # at most a byte of padding for each byte used
        return 0 < peers.rabitq_dimensions(method, bits) <= 2 * width
    return True


def run(name: str, task: tasks.Task, method: str, bits: int, options: argparse.Namespace) -> None:
    """One method on one task of a group at one width, with every seed asked for; its figures are noted."""
    function = GROUPS[name].methods[method]
    for seed in options.seeds if method == "hashret" else options.seeds[:1]:
        named = Run(task.name, method, 0 if method in peers.ANY_WIDTH else bits, seed)
        learn(name, task, named, lambda seed=seed: function(task, bits, seed), options.force)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(description="Run methods on tasks and keep what they make")
    names = [name for group in GROUPS.values() for name in group.tasks]
    found.add_argument("--tasks", nargs="+", default=names, choices=names, metavar="TASK", help=", ".join(names))
    methods = sorted({name for group in GROUPS.values() for name in group.methods})
    found.add_argument("--methods", nargs="+", default=methods, choices=methods, metavar="METHOD", help=str(methods))
    found.add_argument("--bits", nargs="+", type=int, help="widths; the default is those of each task's table")
    found.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS), help="seeds of our learner")
    found.add_argument("--force", action="store_true", help="run again what is noted")
    return found


def main() -> None:
    """Every run that was asked for and is not noted."""
    faiss.omp_set_num_threads(1)  # threads that wait for a busy core spin for minutes
    options = parser().parse_args()
    for method in options.methods:
        if why := peers.missing(method):
            print(why)
    for name, group in GROUPS.items():
        for task in (load() for key, load in group.tasks.items() if key in options.tasks):
            for method in (method for method in group.methods if method in options.methods):
                for bits in options.bits or group.widths:
                    if not peers.missing(method) and possible(task, method, bits):
                        run(name, task, method, bits, options)


if __name__ == "__main__":
    main()
