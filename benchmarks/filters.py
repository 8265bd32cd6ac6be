"""What a filter costs: `python -m benchmarks.filters [--entries 1000000]` prints a table and writes results/filters.md.

Single calls of `Engine.query` for ten hits among entries with four fields of meta and clustered 64-bit codes, by one
thread; each figure is the median of seven. The conditions of a row differ, so that none is remembered from before;
`again` asks another query by the condition before.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.search import alone, data
from benchmarks.search.whole import filled_engine
from hashret.engine import Engine
from indexer.bits import Codes

BITS, TURNS, MODULE = 64, 7, "benchmarks.filters"
RESULT = Path(__file__).parent / "results" / "filters.md"
FIELDS = ("lang", "year", "tenant", "n")
KINDS: dict[str, Callable[[int], str]] = {  # of conditions, by a number that makes them differ
    "lang = en": lambda turn: f"lang in (en, x{turn})",
    "not lang = en": lambda turn: f"not lang in (en, x{turn})",
    "year >= 2020": lambda turn: f"year >= 2020 and year != {turn}",
    "year >= 2020 and lang = nl": lambda turn: f"year >= 2020 and lang in (nl, x{turn})",
    "tenant = t7": lambda turn: f"tenant = t{turn}",
    "n = 500": lambda turn: f"n = {turn * 100}",
}


def metas(count: int) -> list[dict[str, object]]:
    """One of six languages, half of them en; a year from 1950 to 2024; one of 1,000 tenants; a number of its own."""
    rng = np.random.default_rng(1)
    languages = rng.choice(["en", "de", "fr", "es", "it", "nl"], count, p=[0.5, *[0.1] * 5]).tolist()
    years, tenants = rng.integers(1950, 2025, count).tolist(), rng.integers(0, 1000, count).tolist()
    rows = zip(languages, years, tenants, strict=True)
    return [{"lang": lang, "year": year, "tenant": f"t{one}", "n": n} for n, (lang, year, one) in enumerate(rows)]


def milliseconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def timed(engine: Engine, queries: Codes, base: int) -> dict[str, tuple[float, float]]:
    """Median milliseconds of each kind of condition, the first time and again."""
    found = {}
    for name, write in KINDS.items():
        times = []
        for turn in range(base, base + TURNS):
            ask = partial(engine.query, where=write(turn))
            times.append([milliseconds(partial(ask, queries[at : at + 1])) for at in (2 * turn, 2 * turn + 1)])
        found[name] = median(one for one, _ in times), median(two for _, two in times)
    return found


def measure(entries: int, folder: Path) -> list[str]:
    """The lines of the table, and what an index costs."""
    codes, queries = data.codes("clustered", BITS, entries)
    with filled_engine(folder / "filters.db", codes, metas(entries)) as engine:
        engine.index.warm()
        engine.query(queries[:1])
        bare = median(milliseconds(lambda turn=turn: engine.query(queries[turn : turn + 1])) for turn in range(TURNS))
        share = {name: len(engine.index.store.where(write(1))) / entries for name, write in KINDS.items()}
        plain = timed(engine, queries, 10)
        before = engine.index.store.size()
        took = [milliseconds(lambda name=name: engine.index_field(name)) / 1000 for name in FIELDS]
        size = (engine.index.store.size() - before) / entries / len(FIELDS)
        indexed = timed(engine, queries, 30)
    lines = [f"| {entries:,} entries, filter | pass | ms | again | indexed | again |", "|---|---:|---:|---:|---:|---:|"]
    lines.append(f"| none | 100% | {bare:.1f} | {bare:.1f} | {bare:.1f} | {bare:.1f} |")
    for name in KINDS:
        cells = " | ".join(f"{value:.1f}" for value in (*plain[name], *indexed[name]))
        lines.append(f"| {name} | {share[name]:.2g}".replace("e-06", "e-6") + f" | {cells} |")
    lines += ["", f"Indexing a field takes {median(took):.1f} s and {size:.0f} bytes an entry."]
    return lines


def main() -> None:
    """Measure, print and write the table."""
    alone.one_thread(MODULE)
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--entries", type=int, default=1_000_000, help="how many entries to search [1000000]")
    entries = parser.parse_args().entries
    with tempfile.TemporaryDirectory() as folder:
        table = "\n".join(measure(entries, Path(folder)))
    print(table)
    RESULT.write_text(table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
