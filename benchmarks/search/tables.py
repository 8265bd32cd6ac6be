"""Tables and a plot of what is stored: `python -m benchmarks.search.tables` writes results/search-*.md and search.svg.

Nothing is run. Times are microseconds a query; "x flat" is how many times faster than FAISS's flat scan in the same
run, "x best" how many times faster than the best other exact method. Below 1 we lose, and that is set in bold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from benchmarks.search import grid, measures, plot, store
from benchmarks.search.grid import Entry
from benchmarks.search.peers import METHODS, OURS

SHOWN = ("r1", "r2", "r3", "r4", "r8", "k10", "k100")
PLOTTED = (("clustered", 64, 1_000_000), ("uniform", 64, 1_000_000), ("learned", 64, 100_000))


def exact(entries: Sequence[Entry], way: str) -> str:
    """Our times beside those of the flat scan and of the best other exact method, and first of all where we lose."""
    some = [entry for entry in entries if entry.question[0] == way]
    heads = ["kind", "bits", "codes", "question", "results", "p50 / p99", "plan: foretold", "x flat", "x best peer"]
    heads += ["batch", "x flat", "x best peer"]
    return f"{losses(some)}\n\n{store.table(heads, map(_exact_row, some))}"


def overview(entries: Sequence[Entry]) -> str:
    """A line for each kind, length and number of codes, and a column for each question."""
    cells: dict[tuple[object, ...], dict[str, Entry]] = {}
    for entry in entries:
        cells.setdefault(tuple(_cell(entry)), {})[str(entry.question)] = entry
    asked = [question for question in SHOWN if any(question in cell for cell in cells.values())]
    texts = []
    for figure, name in (("p50", "Single calls"), ("batch", "Batches of 1,000")):
        lines = [
            [*where, *(_brief(cell[name], figure) if name in cell else "-" for name in asked)]
            for where, cell in cells.items()
        ]
        about = f"{name}: microseconds a query, x FAISS's flat scan, x the best exact peer"
        texts.append(f"{about}\n\n{store.table(['codes', 'bits', 'number', *asked], lines)}")
    return "\n\n".join(texts)


def _brief(entry: Entry, figure: str) -> str:
    """Our time and both ratios."""
    best = _ratio(entry.lead(entry.best(figure), figure))
    return f"{_time(entry.ours[figure])} / {_ratio(entry.ratio(OURS, figure))} / {best}"


def losses(entries: Sequence[Entry]) -> str:
    """In which cells another exact method answered sooner."""
    lost = []
    for figure, name in (("p50", "single calls"), ("batch", "batches")):
        behind = [entry for entry in entries if entry.lead(entry.best(figure), figure) < 1]
        lost.append(f"{len(behind)} of {len(entries)} by {name}")
        lost[-1] += "".join(f"\n- {_where(entry)}: {_lead(entry, figure)}" for entry in behind)
    wrong = sum(entry.ours["wrong"] for entry in entries)
    right = f"Of {sum(entry.ours['checked'] for entry in entries):,} answers compared with brute force {wrong} differ."
    return f"{right}\n\nAnother exact method is faster in " + "\n\nand in ".join(lost)


def approximate(entries: Sequence[Entry]) -> str:
    """What methods that may miss entries find, and how soon, where they were asked for the k nearest."""
    heads = ["kind", "bits", "codes", "question", "method", "recall", "p50", "batch", "x hashret's p50", "x its batch"]
    rows = []
    for entry in (entry for entry in entries if entry.question[0] == "k"):
        for name, row in entry.rows.items():
            if not row["exact"]:
                leads = [f"{1 / entry.lead(name, figure):.2f}" for figure in ("p50", "batch")]
                times = [_time(row["p50"]), _time(row["batch"])]
                rows.append([*_cell(entry), entry.question, name, f"{row['recall']:.3f}", *times, *leads])
    return store.table(heads, rows)


def builds(entries: Sequence[Entry]) -> str:
    """Seconds and bytes a code that building took: the median over the questions of all kinds of codes."""
    heads = ["method", "bits", "codes", "seconds", "of these into a file", "bytes a code"]
    found: dict[tuple[str, int, int], list[tuple[float, float, float]]] = {}
    for entry in entries:
        for name, row in entry.rows.items():
            figures = (row["build_s"], row["stored_s"], row["mb"] * 1e6 / entry.n)
            found.setdefault((name, entry.bits, entry.n), []).append(figures)
    order = list(METHODS)
    rows = []
    for (name, bits, n), figures in sorted(found.items(), key=lambda one: (*one[0][1:], order.index(one[0][0]))):
        build, stored, size = (median(column) for column in zip(*figures, strict=True))
        rows.append([name, bits, f"{n:,}", f"{build:.2f}", f"{stored:.2f}", f"{size:.0f}"])
    return store.table(heads, rows)


def drawing(entries: Sequence[Entry]) -> str | None:
    """The median single call of every exact method over the questions, for some cells; None if none of them ran."""
    panels, ticks = {}, list(dict.fromkeys(entry.question for entry in entries))
    for kind, bits, n in PLOTTED:
        asked = {entry.question: entry for entry in entries if (entry.kind, entry.bits, entry.n) == (kind, bits, n)}
        lines = {name: [_p50(asked.get(question), name) for question in ticks] for name in METHODS}
        if asked:
            panels[f"{n:,} {kind} codes of {bits} bits"] = {name: line for name, line in lines.items() if any(line)}
    return plot.charts(ticks, panels) if panels else None


def _exact_row(entry: Entry) -> list[object]:
    """One question."""
    row, plan = entry.ours, entry.ours.get("plan", {})
    foretold = f"{plan['way']}: {_time(plan['cost'])}" if plan else "-"
    singles = [f"{_time(row['p50'])} / {_time(row['p99'])}", foretold, _ratio(entry.ratio(OURS, "p50"))]
    batches = [_time(row["batch"]), _ratio(entry.ratio(OURS, "batch")), _lead(entry, "batch")]
    return [*_cell(entry), entry.question, f"{row['results']:,.1f}", *singles, _lead(entry, "p50"), *batches]


def _cell(entry: Entry) -> list[object]:
    """Kind, bits and number of codes."""
    return [entry.kind, entry.bits, f"{entry.n:,}"]


def _where(entry: Entry) -> str:
    """A question of a cell in words."""
    return f"{entry.kind} {entry.bits} bits, {entry.n:,} codes, {entry.question}"


def _lead(entry: Entry, figure: str) -> str:
    """How far the best other exact method is from us, and its own time."""
    best = entry.best(figure)
    return f"{_ratio(entry.lead(best, figure))} ({best}, {_time(entry.rows[best][figure])})"


def _ratio(value: float) -> str:
    """A ratio, in bold below 1."""
    digits = f"{value:.2f}" if value < 10 else f"{value:,.0f}"
    return digits if value >= 1 else f"**{digits}**"


def _time(microseconds: float) -> str:
    """Three figures of a duration in microseconds."""
    digits = 2 if microseconds < 10 else 1 if microseconds < 100 else 0
    return f"{microseconds:,.{digits}f}"


def _p50(entry: Entry | None, name: str) -> float | None:
    """A method's median call, if it is exact here."""
    row = entry.rows.get(name) if entry else None
    return row["p50"] if row and row["exact"] else None


TABLES: dict[str, Callable[[Sequence[Entry]], str]] = {
    "search": overview,
    "search-radius": lambda entries: exact(entries, "r"),
    "search-nearest": lambda entries: exact(entries, "k"),
    "search-approximate": approximate,
    "search-build": builds,
}


def main() -> None:
    """Every table there is something for."""
    entries = grid.entries(row for row in store.read("*-*-*"))
    for name, make in TABLES.items() if entries else ():
        store.write(name, make(entries))
    for name, draw in measures.TABLES.items():
        if rows := store.read(name):
            store.write(f"search-{name}", draw(rows))
    drawn = drawing(entries)
    if drawn:
        (store.RESULTS / "search.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
