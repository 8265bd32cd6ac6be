"""Tables of what is stored, without a run: `python -m benchmarks.family.tables` writes results/family.md.

P@100 and mAP@1000 are made from the codes, by Hamming distance with ties counted fairly, and noted in
results/family/figures.jsonl, where the line of a run that is made again has to go. Seconds are those of one core for
training alone; error is the mean `Hasher.error` of the queries, which no label enters.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.family.members import BITS, IMAGES, PART_STEPS, STEPS, TABLES, TEXT, Table
from benchmarks.family.notes import Line, known, note, notes, table
from benchmarks.family.run import LOADERS, named
from benchmarks.quality.results import load, write
from benchmarks.quality.scoring import map_1000, mean, precision_100

METRICS = {TEXT: ("P@100", precision_100), IMAGES: ("mAP@1000", map_1000)}
HEAD = (
    f"The family at {BITS} bits: P@100 on {TEXT}, mAP@1000 on {IMAGES}, the mean error with which queries come back "
    f"from the bottleneck, and seconds of training on one core. A kind takes {STEPS:,} steps, a part {PART_STEPS}; "
    "neighbour is that of the other tables, and its seconds are with coding."
)


def figure(task: str, slug: str, seed: int = 0) -> float | None:
    """The task's figure of a member's stored codes, noted so that it is made once; None if there are no codes."""
    run = named(task, slug, seed)
    place = {**vars(run)}
    if not known("figures", **place):
        if not run.path.exists():
            return None
        note("figures", {**place, "figure": round(mean(LOADERS[task](), load(run)[0], METRICS[task][1]), 3)})
    return next(float(line["figure"]) for line in notes("figures") if place.items() <= line.items())


def line(task: str, slug: str) -> Line:
    """What was noted of a member's run; of the default only its seconds, coding included, are known."""
    run = named(task, slug)
    found = [noted for noted in notes("runs") if (noted["task"], noted["method"]) == (run.task, run.method)]
    if found or not run.path.exists():
        return found[-1] if found else {}
    return {"seconds": load(run)[1]}


def rows(part: Table) -> list[list[str]]:
    """Name, and for each task figure, error and seconds; "-" where nothing is stored."""
    return [[name, *(cell for task in part.tasks for cell in cells(task, slug))] for name, slug in part.rows.items()]


def cells(task: str, slug: str) -> list[str]:
    """Figure, error and seconds of a member."""
    found, noted = figure(task, slug), line(task, slug)
    return [
        shown(found, lambda value: f"{value:.3f}".lstrip("0")),
        shown(noted.get("error"), lambda value: f"{value:.2f}" if task == TEXT else f"{value:.4f}"),
        shown(noted.get("seconds"), lambda value: f"{value:.0f}"),
    ]


def shown(value: float | None, text: Callable[[float], str]) -> str:
    """A value as text, "-" for none."""
    return "-" if value is None else text(value)


def head(title: str, part: Table) -> list[str]:
    """The first row of a table."""
    names = {TEXT: "posts", IMAGES: "images"}
    return [title, *(f"{names[task]} {word}" for task in part.tasks for word in (METRICS[task][0], "error", "s"))]


def main() -> None:
    """Every table."""
    write("family", "\n\n".join([HEAD, *(table(head(title, part), rows(part)) for title, part in TABLES.items())]))


if __name__ == "__main__":
    main()
