"""Three minutes that show the benchmarks to be whole: `python -m benchmarks.quality.smoke`, on data of this repository.

Every method that needs no checkout makes codes or a ranking of a small task, which are stored in a temporary folder,
loaded and judged. On docstrings, labelled by their package, our learner must stay above LSA + ITQ.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

import faiss

from benchmarks.quality import peers, results, tasks
from benchmarks.quality.results import Codes
from benchmarks.quality.run import possible
from benchmarks.quality.scoring import Metric, found_of_ten, map_1000, mean, precision_100

MARGIN = 0.03


def figures(
    task: tasks.Task, methods: dict[str, peers.Method], bits: int, metric: Metric, steps: int
) -> dict[str, float]:
    """The figure of every method that can run, stored and loaded on the way; our learners take so few steps."""
    found = {}
    for name, method in methods.items():
        if (name in peers.CHECKOUTS) or not possible(task, name, bits):
            continue
        function = partial(method, steps=steps) if name.startswith("hashret") else method
        run = results.Run(task.name, name, bits)
        results.make(run, lambda function=function: function(task, bits, 0))
        outcome = results.load(run)[0]
        found[name] = mean(task, outcome, metric)
        soft = f" asymmetric {mean(task, outcome, metric, soft=True):.3f}" if isinstance(outcome, Codes) else ""
        print(f"{task.name} {bits} bits {name}: {found[name]:.3f}{soft}", flush=True)
    return found


def main() -> None:
    """Run all; exit with a message if our codes of texts fell short."""
    faiss.omp_set_num_threads(1)  # threads that wait for a busy core spin for minutes
    with tempfile.TemporaryDirectory() as folder:
        results.RESULTS = Path(folder)
        found = figures(tasks.docstrings(), peers.TEXTS, 32, precision_100, steps=400)
        figures(tasks.pixels(), peers.VECTORS, 128, found_of_ten, steps=400)
        figures(tasks.fashion_sample(), peers.IMAGES, 32, map_1000, steps=60)
    if found["hashret"] < found["LSA+ITQ"] + MARGIN:
        sys.exit(f"hashret finds {found['hashret']:.3f}, LSA+ITQ {found['LSA+ITQ']:.3f}: less than {MARGIN} between")


if __name__ == "__main__":
    main()
