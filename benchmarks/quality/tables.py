"""Tables of what is noted: `python -m benchmarks.quality.tables` writes results/{text,vectors,rerank,images}.md.

Nothing is run, and no codes are needed. Every figure is the median over the seeds that are noted; with `--measure` the
figures of codes that are stored are made anew first.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from statistics import median

import numpy as np

from benchmarks.quality import rerank
from benchmarks.quality.figures import measure, told
from benchmarks.quality.groups import GROUPS
from benchmarks.quality.notes import table as markdown
from benchmarks.quality.results import stored, write


def table(name: str, task: str) -> str:
    """One task: a row for each method, a column for each width, and the seconds of the slowest width."""
    group, found, seconds = GROUPS[name], defaultdict(list), defaultdict(list)
    for run, line in told(name).items():
        if run.task == task:
            found[run.method, run.bits].append(line["figures"])
            if "seconds" in line:
                seconds[run.method, run.bits].append(line["seconds"])
    rows = []
    for method in group.methods:
        cells = [found.get((method, bits)) or found.get((method, 0)) for bits in group.widths]
        if any(cells):
            slowest = max(median(seconds[key]) for key in seconds if key[0] == method)
            rows.append([method, *map(_cell, cells), f"{slowest:.0f}"])
    return markdown([task, *(f"{bits} bits" for bits in group.widths), "seconds"], rows)


def _cell(rows: Sequence[Sequence[float]] | None) -> str:
    """Medians over seeds."""
    return " / ".join(f"{figure:.3f}".lstrip("0") for figure in np.median(rows, axis=0)) if rows else "-"


def again(name: str) -> None:
    """The figures of every run of these tasks and methods whose codes are stored."""
    for task in (load() for load in GROUPS[name].tasks.values()):
        for run in stored(task.name):
            if run.method in GROUPS[name].methods:
                measure(name, task, run)


def main() -> None:
    """Every table, or those asked for."""
    parser = argparse.ArgumentParser(description="Tables of what is noted")
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(GROUPS)}; none: all")
    parser.add_argument("--measure", action="store_true", help="make the figures of stored codes anew")
    options = parser.parse_args()
    unknown = [name for name in options.tables if name not in GROUPS]
    if unknown:
        parser.error(f"no table {unknown[0]}: there are {', '.join(GROUPS)}")
    for name in options.tables or GROUPS:
        group = GROUPS[name]
        if options.measure:
            again(name)
        write(name, "\n\n".join([group.title, *(table(name, task) for task in group.tasks)]))
        if name == "vectors":
            write("rerank", "\n\n".join([rerank.TITLE, *(rerank.table(task, group.widths) for task in group.tasks)]))


if __name__ == "__main__":
    main()
