"""docs/family.md from page.md.in: `python -m benchmarks.family.page`.

Lines of the template of the form `<<word rest>>` are replaced, so that the page cannot say what is not so:

- `source module.name`: the lines that define a function, class or method, as they are in the package;
- `figure table | row`: what results/family.md has in that row;
- `rows table`: all of that table;
- `result name`: results/NAME.md as a whole.
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
TEMPLATE = Path(__file__).with_name("page.md.in")
PAGE = ROOT / "docs" / "family.md"


def source(name: str) -> str:
    """The lines of a dotted name, in a fence."""
    module, _, rest = name.partition(":")
    found = importlib.import_module(module)
    for part in rest.split("."):
        found = getattr(found, part)
    return f"```python\n{textwrap.dedent(inspect.getsource(found)).rstrip()}\n```"


@cache
def stored() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Heads and cells of each row of results/family.md, by the table's title and the row's name."""
    path, out, head = RESULTS / "family.md", {}, []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            head = []
        elif not head:
            head = cells
        elif cells[0].strip("-"):
            out[head[0], cells[0]] = list(zip(head[1:], cells[1:], strict=True))
    return out


def figure(place: str) -> str:
    """One sentence of a row's cells that are not empty."""
    title, row = (part.strip() for part in place.split("|"))
    cells = [f"{head} {cell}" for head, cell in stored()[title, row] if cell != "-"]
    return f"*{row}: {', '.join(cells) or 'not run yet'}.*"


def rows(title: str) -> str:
    """A table of results/family.md."""
    text = (RESULTS / "family.md").read_text(encoding="utf-8")
    return next(part.rstrip() for part in text.split("\n\n") if part.startswith(f"| {title} |"))


def result(name: str) -> str:
    """A whole file of results."""
    return (RESULTS / f"{name}.md").read_text(encoding="utf-8").rstrip()


FILLS: dict[str, Callable[[str], str]] = {"source": source, "figure": figure, "rows": rows, "result": result}


def page() -> str:
    """The page as it should be now."""
    template = TEMPLATE.read_text(encoding="utf-8")
    return re.sub(r"^<<(\w+) (.+)>>$", lambda found: FILLS[found[1]](found[2]), template, flags=re.MULTILINE)


def main() -> None:
    """Write it."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
