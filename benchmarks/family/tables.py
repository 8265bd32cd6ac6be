"""Tables of what is noted: `python -m benchmarks.family.tables` writes results/family.md. Nothing is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from benchmarks.family.members import BITS, IMAGES, PART_STEPS, STEPS, TABLES, TEXT, Table
from benchmarks.family.run import DEFAULT, METRICS, SEEDS, named
from benchmarks.quality import figures as quality
from benchmarks.quality.notes import Line, notes, table
from benchmarks.quality.results import Run, write

HEAD = (
    f"The family at {BITS} bits: P@100 on {TEXT}, mAP@1000 on {IMAGES}, the mean error with which queries come back "
    f"from the bottleneck, and seconds of training on one core: medians of the seeds {SEEDS[0]} to {SEEDS[-1]}. A kind "
    f"takes {STEPS:,} steps, a part {PART_STEPS}; neighbour is that of the other tables, its seconds are with coding."
)


def told(run: Run) -> Line:
    """Figure, error and seconds of a run, none where it is not noted; of the default no error is known."""
    if run.method == DEFAULT:
        line = quality.told("text" if run.task == TEXT else "images").get(run)
        return {"figure": line["figures"][0], "seconds": line["seconds"]} if line else {}
    return next((line for line in reversed(notes("family/runs")) if vars(run).items() <= line.items()), {})


def rows(part: Table) -> list[list[str]]:
    """Name, and for each task figure, error and seconds; "-" where nothing is noted."""
    return [[name, *(cell for task in part.tasks for cell in cells(task, slug))] for name, slug in part.rows.items()]


def cells(task: str, slug: str) -> list[str]:
    """Figure, error and seconds of a member: medians over the seeds."""
    found = [told(named(task, slug, seed)) for seed in SEEDS]
    return [
        shown(found, "figure", lambda value: f"{value:.3f}".lstrip("0")),
        shown(found, "error", lambda value: f"{value:.2f}" if task == TEXT else f"{value:.4f}"),
        shown(found, "seconds", lambda value: f"{value:.0f}"),
    ]


def shown(found: Sequence[Line], name: str, text: Callable[[float], str]) -> str:
    """The median of what was found as a text, "-" for nothing."""
    values = [float(line[name]) for line in found if name in line]
    return text(median(values)) if values else "-"


def head(title: str, part: Table) -> list[str]:
    """The first row of a table."""
    names = {TEXT: "posts", IMAGES: "images"}
    return [title, *(f"{names[task]} {word}" for task in part.tasks for word in (METRICS[task][0], "error", "s"))]


def main() -> None:
    """Every table."""
    write("family", "\n\n".join([HEAD, *(table(head(title, part), rows(part)) for title, part in TABLES.items())]))


if __name__ == "__main__":
    main()
