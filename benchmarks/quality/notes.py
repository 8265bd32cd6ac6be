"""Raw results that are numbers: JSON lines under results/, from which tables are made."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.quality import results

Line = dict[str, Any]


def note(name: str, line: Line) -> None:
    """Add a line to results/NAME.jsonl, and print it."""
    path = results.RESULTS / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    print(name, *line.values(), flush=True)


def notes(name: str) -> list[Line]:
    """The lines of results/NAME.jsonl, none if there is no such file."""
    path = results.RESULTS / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def known(name: str, /, **keys: Any) -> bool:
    """Whether a line of results/NAME.jsonl has these values."""
    return any(all(line.get(key) == value for key, value in keys.items()) for line in notes(name))


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    titles, *lines = (f"| {' | '.join(line)} |" for line in [head, *rows])
    return "\n".join([titles, "|---" * len(head) + "|", *lines])
