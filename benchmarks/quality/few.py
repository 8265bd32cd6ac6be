"""Small collections: of how many neighbours stage two may draw. `python -m benchmarks.quality.few [--seeds 0 1 2]`.

Random posts of 20 Newsgroups learn 64 bits with so many neighbours each, and with the default for so many posts; every
test post then asks. What is noted in results/quality/few.jsonl is not run again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from unittest.mock import patch

import numpy as np

from benchmarks.quality import peers
from benchmarks.quality.notes import known, note, notes, table
from benchmarks.quality.results import write
from benchmarks.quality.scoring import mean
from benchmarks.quality.tasks import Task, labelled, newsgroups, some
from hashret.evaluate import average_precision
from hashret.model.train import _reach
from hashret.rows import Rows
from hashret.settings import Settings

SIZES, COUNTS, BITS = (60, 400, 1000, 2000), (4, 8, 15, 30, 60, 100), 64
DEFAULT = 0  # of COUNTS: what the learner takes by itself
NOTES = "quality/few"


def of_size(task: Task, size: int, seed: int) -> Task:
    """The same questions of a random part of the database."""
    kept = np.sort(np.random.default_rng(seed).choice(len(task.database), size, replace=False))
    return labelled(f"{task.name}-{size}", some(task.database, kept), task.queries)


def fixed(count: int) -> Callable[[Rows, Settings], int]:
    """In place of the rule for small collections: so many, or what there are."""
    return lambda rows, settings: min(count, len(rows) - 1) if count else _reach(rows, settings)


def run(task: Task, size: int, count: int, seed: int) -> None:
    """Learn, and note the mAP of the whole order."""
    part = of_size(task, size, seed)
    with patch("hashret.model.train._reach", fixed(count)):
        codes = peers.hashret(part, BITS, seed)
    figure = round(mean(part, codes, average_precision), 4)
    note(NOTES, {"size": size, "neighbours": count, "seed": seed, "map": figure})


def rows() -> list[list[str]]:
    """A row for each size: the mean over seeds of each number of neighbours, the default last."""
    lines = []
    for size in SIZES:
        cells = []
        for count in (*COUNTS, DEFAULT):
            found = [line["map"] for line in notes(NOTES) if (line["size"], line["neighbours"]) == (size, count)]
            cells.append(f"{np.mean(found):.3f}".lstrip("0") if found else "-")
        lines.append([f"{size:,}", *cells])
    return lines


def main() -> None:
    """Run what is not noted, then write the table."""
    parser = argparse.ArgumentParser(description="Neighbours of small collections")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    options = parser.parse_args()
    task = newsgroups()
    for seed in options.seeds:
        for size in SIZES:
            for count in (*COUNTS, DEFAULT):
                if count < size and not known(NOTES, size=size, neighbours=count, seed=seed):
                    run(task, size, count, seed)
    write("few", table([f"{BITS} bits, mAP: posts", *(f"{count} neighbours" for count in COUNTS), "default"], rows()))


if __name__ == "__main__":
    main()
