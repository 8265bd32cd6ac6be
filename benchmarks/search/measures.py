"""Tables of the measures beside the grid: self-joins, the machine's limits, changes, and what is around a search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import mean

from benchmarks.search import store
from benchmarks.search.peers import OURS
from benchmarks.search.store import Row

CELL = ("kind", "bits", "n", "radius")


def pairs(rows: Sequence[Row]) -> str:
    """Self-joins: seconds, how many times as long as ours, pairs found, and peak memory."""
    heads = ["kind", "bits", "codes", "radius", "method", "seconds", "x ours", "pairs", "peak MB", "at first", "wrong"]
    found = store.latest(rows, *CELL, "method")
    ordered = sorted(found.items(), key=lambda one: (*one[0][:4], one[0][4] != OURS))
    lines = [_join(row, found.get((*where, OURS), {}).get("seconds")) for (*where, _), row in ordered]
    sampled = {row["sample"] for row in found.values() if "sample" in row}
    notes = [f"~: multiplied up from the range searches of {sample:,} codes." for sample in sampled]
    notes.append("Wrong: of 50 codes, those that have other partners than brute force finds, where it was asked.")
    return f"{store.table(heads, lines)}\n\n" + "\n".join(notes)


def _join(row: Row, ours: float | None) -> list[object]:
    """One method."""
    named = [row["kind"], row["bits"], f"{row['n']:,}", row["radius"], row["method"]]
    if "failed" in row:
        return [*named, row["failed"], *["-"] * 5]
    about = "~" if "sample" in row else ""
    ratio = f"{row['seconds'] / ours:,.1f}" if ours else "-"
    figures = [f"{about}{row['seconds']:,.2f}", ratio, f"{about}{row['pairs']:,}"]
    return [*named, *figures, f"{row['peak_mb']:,}", f"{row['before_mb']:,}", row.get("wrong", "-")]


def limits(rows: Sequence[Row]) -> str:
    """The scan beside the memory's speed, and two threads beside one, of the latest run."""
    some = [row for row in rows if row["run"] == rows[-1]["run"]]
    scans, threads = ([row for row in some if row["what"] == what] for what in ("scan", "threads"))
    read = next(row for row in some if row["what"] == "read")
    about = f"memory read by one core ({read['by']} of {read['bytes'] >> 20} MB), best"
    lines = [[about, f"{read['gb_s']:.1f}", "1.00"]]
    for row in scans:
        name = f"hashret's way `{row['by']}` over {row['n']:,} codes of 64 bits"
        for which, speed in (("median", row["gb_s"]), ("best", row["best_gb_s"])):
            lines.append([f"{name}, {which}", f"{speed:.1f}", f"{speed / read['gb_s']:.2f}"])
    first = store.table(["one core", "GB/s", "of the memory's"], lines)
    heads = ["clustered codes", "question", "batch", "queries/s, one thread", "two threads", "gain"]
    names = ("n", "question", "batch", "one_q_s", "two_q_s", "gain")
    return f"{first}\n\n{store.table(heads, [_cells(row, *names) for row in threads])}"


def changes(rows: Sequence[Row]) -> str:
    """A changed index beside a fresh one."""
    heads = ["codes", "changes", "question", "p50", "p50 of a fresh index", "ratio", "batch, two queries: ms", "wrong"]
    names = ("n", "changes", "question", "p50", "fresh_p50", "ratio", "batch_ms")
    found = sorted(store.latest(rows, "n", "question").items())
    return store.table(heads, [[*_cells(row, *names), f"{row['wrong']} of {row['checked']}"] for _, row in found])


def whole(rows: Sequence[Row]) -> str:
    """Fresh processes, and the engine's answer."""
    last = store.latest(rows, "n", "what", "name").values()
    tables = []
    for what, figure, heads in (
        ("start", "seconds", ["codes", "fresh process", "seconds", "ratio"]),
        ("query", "p50", ["codes", "call", "p50", "ratio to search and rows"]),
    ):
        cells = [_cells(row, "n", "name", figure, "ratio") for row in last if row["what"] == what]
        tables.append(store.table(heads, cells))
    return "\n\n".join(tables)


def regret(rows: Sequence[Row]) -> str:
    """How the index went beside the better of two ways, summed up for each kind and length of codes."""
    found = list(store.latest(rows, "kind", "bits", "n", "question").values())
    groups: dict[tuple[str, int, int], list[Row]] = {}
    for row in found:
        groups.setdefault((row["kind"], row["bits"], row["n"]), []).append(row)
    heads = [
        "kind",
        "bits",
        "codes",
        "cases",
        "mean regret",
        "largest",
        "of",
        "planned way is the better",
        "calibrated: ms",
    ]
    lines = []
    for (kind, bits, n), some in groups.items():
        worst = max(some, key=lambda row: row["regret"])
        right = sum((row["plan"] == "scan") == (row["scan"] < row["probing"]) for row in some)
        regrets = [f"{mean(row['regret'] for row in some):.2f}", f"{worst['regret']:.2f}", worst["question"]]
        lines.append([kind, bits, f"{n:,}", len(some), *regrets, right, some[0]["calibrated_ms"]])
    regrets = [row["regret"] for row in found]
    whole = f"{len(found)} cases: mean regret {mean(regrets):.2f}, largest {max(regrets):.2f}."
    return f"{whole}\n\n{store.table(heads, lines)}"


def _cells(row: Row, *names: str) -> list[object]:
    """Values of a row, whole numbers with their thousands marked."""
    return [f"{row[name]:,}" if isinstance(row[name], int) else row[name] for name in names]


TABLES: dict[str, Callable[[Sequence[Row]], str]] = {
    "pairs": pairs,
    "limits": limits,
    "changes": changes,
    "whole": whole,
    "regret": regret,
}
