"""Raw results as JSON lines in results/search/, one file a cell of the grid or a measure; the latest line counts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search.alone import machine
from benchmarks.search.peers import release

RESULTS = Path(__file__).resolve().parents[1] / "results"
Row = dict[str, Any]


def append(name: str, rows: Iterable[Row]) -> None:
    """Add rows to results/search/NAME.jsonl, each with when, where and by which version it was measured."""
    path = RESULTS / "search" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({**row, **origin(row.get("library"))}) + "\n")


def read(pattern: str) -> list[Row]:
    """All rows of the files results/search/PATTERN.jsonl, in the order of names and of writing."""
    paths = sorted((RESULTS / "search").glob(f"{pattern}.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]


def latest(rows: Iterable[Row], *names: str) -> dict[tuple[Any, ...], Row]:
    """The last row of each combination of values."""
    return {tuple(row[name] for name in names): row for row in rows}


def stamp() -> str:
    """A name for what is measured together: the time in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def origin(library: str | None) -> Row:
    """The machine and versions behind a figure."""
    versions = {name: release(name) for name in ("hashret", "faiss-cpu", "numba")}
    if library:
        versions[library] = release(library)
    return {"versions": {**versions, "numpy": np.__version__}, "machine": machine()}


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [" | ".join(heads), "|".join(["---"] * len(heads)), *(" | ".join(map(str, row)) for row in rows)]
    return "\n".join(f"| {line} |" if "---|" not in line else f"|{line}|" for line in lines)


def write(name: str, text: str) -> None:
    """Print a text and keep it as results/NAME.md."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text.rstrip() + "\n", encoding="utf-8")
    print(text)
