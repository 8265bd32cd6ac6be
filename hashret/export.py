"""Entries to a file of JSON lines, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from indexer.errors import InvalidInput
from indexer.rows import Row


def writable(path: str | Path) -> Path:
    """The path; raises `InvalidInput` if nothing can be written there, before any work is done."""
    place = Path(path)
    if not place.parent.is_dir():
        raise InvalidInput(f"{path}: there is no folder {place.parent}: make it first")
    if place.is_dir() or not os.access(place.parent, os.W_OK):
        raise InvalidInput(f"{path}: cannot be written: name a file in a folder that can")
    return place


def write_entries(path: str | Path, rows: Iterable[Row]) -> int:
    """Write entries as `hashret index` reads them; how many.

    A line is {"id": key, "text": content, and the fields of meta}, without text where contents are not stored; fields
    of meta that are called so too become meta.id and meta.text. Written beside `path` first: what was there before
    stays until all is written, and if that fails.
    """
    place = writable(path)
    part = place.with_name(place.name + ".part")
    count = 0
    try:
        with part.open("w", encoding="utf-8") as file:
            for count, row in enumerate(rows, 1):  # noqa: B007 - the last is the number of them
                file.write(json.dumps(_line(row), ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)
    except BaseException:  # Ctrl-C too
        part.unlink(missing_ok=True)
        raise
    return count


def _line(row: Row) -> dict[str, Any]:
    """The fields of a line."""
    own = {"id": row.key} if row.content is None else {"id": row.key, "text": row.content}
    return own | {f"meta.{name}" if name in ("id", "text") else name: value for name, value in row.meta.items()}
