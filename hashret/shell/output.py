"""Rows to the screen or a pipe, and progress to the terminal.

A terminal gets a table, a pipe JSON lines; flags choose otherwise. Progress goes to standard error and only where
that is a terminal. rich is imported when there is something to draw.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import groupby
from typing import Any, Literal

import click

from hashret.shell import notes
from indexer.errors import InvalidInput

Row = dict[str, Any]
Progress = Any  # see `progress`
SNIPPET = 160  # characters of a content that a table shows
KEY = 40  # characters of a key that a table shows
TEXTS = {
    "content": 2,
    "other_content": 2,
    "lost": 2,
    "gained": 2,
    "meta": 1,
    "value": 1,
    "query": 1,
    "hit": 1,
    "means 1": 1,
    "means 0": 1,
}  # columns that give way where the terminal is narrow, and their shares


def write(rows: Sequence[Row], form: str | None, group: str = "") -> None:
    """Print rows in `form`: json, csv, tsv, ids or table; None for a table on a terminal and JSON lines in a pipe.

    A table is drawn for each run of rows with the same value of `group`, which becomes its title.
    """
    form = form or ("table" if sys.stdout.isatty() else "json")
    if form == "json":
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
    elif form == "ids":
        keys = [str(row["key"]) for row in rows]
        broken = next((key for key in keys if "\n" in key or key.endswith("\r")), None)
        if broken is not None:  # whoever reads a key a line would take its parts for others
            raise InvalidInput(f"key {broken!r} has a line break: use --json in place of --ids")
        for key in keys:
            click.echo(key)
    elif form == "table":
        for title, part in groupby(rows, lambda row: str(row.get(group, ""))):
            table([{name: row[name] for name in row if name != group} for row in part], title)
    else:
        _write_csv(rows, "\t" if form == "tsv" else ",")


def table(rows: Sequence[Row], title: str) -> None:
    """Rows as a table, one line each; columns that are empty throughout are left out, texts cut to the width left."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    rows = [_without_path(row) for row in rows]
    shown = [name for name in (rows[0] if rows else ()) if any(row[name] not in (None, "", {}) for row in rows)]
    grid = Table(title=Text(title) if title else None, title_justify="left", title_style="bold")
    for name, width in _widths(rows, shown, console.width).items():
        justify: Literal["left", "right"] = "right" if isinstance(rows[0][name], int | float) else "left"
        grid.add_column(Text(name), justify=justify, no_wrap=True, overflow="ellipsis", width=width)
    for row in rows:
        grid.add_row(*(Text(_cell(row[name])) for name in shown))
    console.print(grid)


def _without_path(row: Row) -> Row:
    """The row without the path in its meta where the key says as much: that of a file of a folder."""
    meta, key = row.get("meta"), row.get("key")
    if not isinstance(meta, dict) or not key or not str(meta.get("path", "")).endswith(str(key)):
        return row
    return {**row, "meta": {name: value for name, value in meta.items() if name != "path"}}


def _widths(rows: Sequence[Row], shown: list[str], total: int) -> dict[str, int]:
    """Characters for each column: numbers get what they need, keys half of the rest, texts share the other by `TEXTS`.

    Without texts keys are cut only where they are long.
    """
    need = {name: max(len(name), *(len(_cell(row[name])) for row in rows)) for name in shown}
    parts = {name: TEXTS[name] for name in shown if name in TEXTS}
    keys = [name for name in shown if name not in TEXTS and isinstance(rows[0][name], str)]
    left = total - 1 - 3 * len(shown) - sum(need[name] for name in shown if name not in (*keys, *parts))
    most = min(KEY, max(8, left // 2 // len(keys))) if parts and keys else KEY
    left -= sum(min(need[name], most) for name in keys)
    shares = {name: max(8, left * part // sum(parts.values())) for name, part in parts.items()}
    return {name: min(need[name], shares.get(name, most if name in keys else need[name])) for name in shown}


def _cell(value: object) -> str:
    """A value on one line."""
    if isinstance(value, float):
        return f"{value:.3f}"
    text = " ".join((json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)).split())
    return text if len(text) <= SNIPPET else text[: SNIPPET - 1] + "…"


def _write_csv(rows: Sequence[Row], delimiter: str) -> None:
    """A header and the rows; a dict or a list becomes JSON."""
    if not rows:
        return
    writer = csv.writer(sys.stdout, delimiter=delimiter, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows:
        cells = (
            json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict | list | tuple) else cell
            for cell in row.values()
        )
        writer.writerow(cells)


def counted(done: int, total: int, rate: float | None) -> str:
    """How many are done, of how many if that is known, and how many a second over the last half minute."""
    part = f"{done:,}/{total:,}" if total else f"{done:,}"
    return part if not rate else f"{part} {rate:,.0f}/s" if rate >= 10 else f"{part} {rate:.1f}/s"


@contextmanager
def progress() -> Iterator[Progress]:
    """A callback (phase, done, total, note) that draws a bar a phase on a terminal and does nothing elsewhere.

    It shows how many are done, how many a second, and the time left; a total of 0 means that the end is not known.
    With -v it tells the seconds of each phase, with -q it draws nothing.
    """
    drawn = _bars() if sys.stderr.isatty() and not notes.quiet() else nullcontext(_nothing)
    with drawn as show, notes.timed(show) if notes.verbose() else nullcontext(show) as told:
        yield told


def _nothing(phase: str, done: int, total: int, note: str = "") -> None:
    """Progress that is not shown."""


@contextmanager
def _bars() -> Iterator[Progress]:
    """Progress as a bar a phase."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[count]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def show(phase: str, done: int, total: int, note: str = "") -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=total or None, note="", count="")
            task = bars.tasks[tasks[phase]]
            task.total = total or None  # by `update` a total that is judged anew would make rich forget the rate
            bars.update(task.id, completed=done, note=note)
            whole = done / task.elapsed if done == total and task.elapsed else None  # one step is no rate to rich
            bars.update(task.id, count=counted(done, total, task.finished_speed or task.speed or whole))

        yield show
