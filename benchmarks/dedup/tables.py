"""A table of what is stored: `python -m benchmarks.dedup.tables` writes results/dedup.md. Nothing is run."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.dedup import run
from benchmarks.dedup.planted import STRENGTHS
from benchmarks.search.store import table

PRECISIONS = (0.99, 0.95, 0.9, 0.8)


def precision(row: run.Row) -> float:
    """Share of what was left out that was planted."""
    return sum(row["right"]) / max(1, row["said"])


def recall(row: run.Row) -> float:
    """Share of the planted copies that were left out."""
    return sum(row["right"]) / sum(row["planted"])


def balance(row: run.Row) -> float:
    """F1."""
    return 2 * sum(row["right"]) / (row["said"] + sum(row["planted"]))


def best(rows: Sequence[run.Row]) -> list[list[object]]:
    """Of each method its default limits, and those of the best F1, which the peers are given on this very set."""
    lines: list[list[object]] = []
    for name in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == name]
        chosen = [("default", row) for row in mine if row["default"]] + [("best F1", max(mine, key=balance))]
        for which, row in chosen:
            figures = [f"{figure(row):.3f}" for figure in (precision, recall, balance)]
            shares = [f"{right / planted:.2f}" for right, planted in zip(row["right"], row["planted"], strict=True)]
            lines.append([name, which, row["limits"], *figures, *shares, f"{row['seconds']:.1f}"])
    return lines


def curve(rows: Sequence[run.Row]) -> list[list[object]]:
    """The largest recall of each method at a precision of at least so much."""
    lines: list[list[object]] = []
    for name in dict.fromkeys(row["method"] for row in rows):
        reached = [
            max((recall(row) for row in rows if row["method"] == name and precision(row) >= least), default=0.0)
            for least in PRECISIONS
        ]
        lines.append([name, *(f"{share:.3f}" if share else "-" for share in reached)])
    return lines


def million(rows: Sequence[run.Row]) -> list[list[object]]:
    """What one process does with a million entries."""
    names = ("n", "entries", "kept", "processor", "peak_mb")
    return [[row["task"], *(_cell(row[name]) for name in names)] for row in rows]


def _cell(value: float) -> str:
    return f"{value:,}"


def text() -> str:
    """All of it."""
    rows = run.stored("test")
    order = list(dict.fromkeys(["hashret 64", "hashret 128", *(row["method"] for row in rows)]))
    rows.sort(key=lambda row: order.index(row["method"]))
    parts = []
    if rows:
        planted = f"{sum(rows[0]['planted']):,} of {rows[0]['texts']:,} texts of AG News are edited copies of others"
        heads = ["method", "limits", "which are", "precision", "recall", "F1", *STRENGTHS, "seconds"]
        parts += [
            f"{planted}. Recall by strength of the edit; seconds of one processor, learning and encoding apart.",
            table(heads, best(rows)),
            table(["recall at precision", *(f"{least:.0%}" for least in PRECISIONS)], curve(rows)),
        ]
    whole = run.stored("million")
    if whole:
        first = whole[0]
        heads = ["one process", "in the file", "entries", "kept", "seconds of one processor", "peak MB"]
        known = f"of the {first['entries']:,} entries going through them one by one keeps another for {first['wrong']}"
        parts += [f"{first['pairs']:,} pairs within {first['radius']} bits; {known}.", table(heads, million(whole))]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write the table."""
    run.RESULTS.with_suffix(".md").write_text(text())


if __name__ == "__main__":
    main()
