"""Tables of what is stored, without a run: `python -m benchmarks.family.tables` writes results/family.md.

P@100 and mAP@1000 are made from the codes, by Hamming distance with ties counted fairly, and noted in
results/family/figures.jsonl, where the line of a run that is made again has to go. Seconds are those of one core for
training alone; error is the mean `Hasher.error` of the queries, which no label enters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from benchmarks.family.members import BITS, IMAGES, PART_STEPS, STEPS, TABLES, TEXT, Table
from benchmarks.family.notes import Line, known, note, notes, table
from benchmarks.family.run import LOADERS, SEEDS, named
from benchmarks.quality.results import Run, load, write
from benchmarks.quality.scoring import map_1000, mean, precision_100

METRICS = {TEXT: ("P@100", precision_100), IMAGES: ("mAP@1000", map_1000)}
HEAD = (
    f"The family at {BITS} bits: P@100 on {TEXT}, mAP@1000 on {IMAGES}, the mean error with which queries come back "
    f"from the bottleneck, and seconds of training on one core: medians of the seeds {SEEDS[0]} to {SEEDS[-1]}. A kind "
    f"takes {STEPS:,} steps, a part {PART_STEPS}; neighbour is that of the other tables, its seconds are with coding."
)


def figure(run: Run) -> float:
    """The task's figure of a run's stored codes, noted so that it is made once."""
    place = vars(run)
    if not known("figures", **place):
        measure = METRICS[run.task][1]
        note("figures", {**place, "figure": round(mean(LOADERS[run.task](), load(run)[0], measure), 3)})
    return next(float(line["figure"]) for line in notes("figures") if place.items() <= line.items())


def told(run: Run) -> Line:
    """Figure, error and seconds of a run, none where it is not stored; of the default no error is known."""
    if not (known("figures", **vars(run)) or run.path.exists()):
        return {}
    noted = [line for line in notes("runs") if vars(run).items() <= line.items()]
    return {"figure": figure(run), **(noted[-1] if noted else {"seconds": load(run)[1]})}


def rows(part: Table) -> list[list[str]]:
    """Name, and for each task figure, error and seconds; "-" where nothing is stored."""
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
