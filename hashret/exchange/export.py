"""Entries as records, and as JSON lines that others read; a file is written whole or not at all.

A record is {"id": key, "text": content, and the fields of meta}, without text where contents are not stored, and with
"code" in hexadecimal where codes are asked for or are all there is. Fields of meta that are called so too become
meta.id, meta.text and so on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hashret.hasher import Progress, silent
from indexer.bits import Ids
from indexer.errors import HashretError, InvalidInput
from indexer.index import Index
from indexer.rows import Row
from indexer.where import Where

OWN = ("id", "text", "code", "vector")  # names of a record that no field of meta can have
PAGE = 2048  # entries that are read at a time


@dataclass(frozen=True, slots=True)
class Export:
    """The entries of a file that are to be written: all, or those that `where` matches."""

    index: Index
    codes: bool = False
    where: Where | None = None
    progress: Progress = silent

    def ids(self) -> Ids:
        """Their ids, ascending."""
        return self.index.entries()[0] if self.where is None else self.index.store.where(self.where)

    def pages(self, phase: str = "write") -> Iterator[tuple[Ids, list[Row]]]:
        """Entries by ascending id, some at a time; each call reads anew, and the same entries."""
        ids = self.ids()
        for start in range(0, len(ids), PAGE):
            page = ids[start : start + PAGE]
            yield page, self.index.store.rows(page)
            self.progress(phase, start + len(page), len(ids))

    def records(self) -> Iterator[dict[str, Any]]:
        """The record of each entry."""
        for ids, rows in self.pages():
            codes = [code.tobytes().hex() for code in self.index.codes(ids)] if self.codes else [None] * len(ids)
            for row, code in zip(rows, codes, strict=True):
                own = record(row)
                yield own if code is None else {"id": own.pop("id"), "code": code, **own}


def writable(path: str | Path) -> Path:
    """The path; raises `InvalidInput` if nothing can be written there, before any work is done."""
    place = Path(path)
    if not place.parent.is_dir():
        raise InvalidInput(f"{path}: there is no folder {place.parent}: make it first")
    if place.is_dir() or not os.access(place.parent, os.W_OK):
        raise InvalidInput(f"{path}: cannot be written: name a file in a folder that can")
    return place


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A file beside `path` to write to: what was there before stays until all is written, and if that fails."""
    place = writable(path)
    part = place.with_name(place.name + ".part")
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(place)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise HashretError(f"{path}: cannot be written: {error.strerror or error}") from error
    except BaseException:  # Ctrl-C too
        part.unlink(missing_ok=True)
        raise


def write_entries(path: str | Path, rows: Iterable[Row]) -> int:
    """Write entries as JSON lines, which `hashret index` reads again; how many."""
    return write_lines(path, map(record, rows))


def write_lines(path: str | Path, records: Iterable[dict[str, Any]]) -> int:
    """Write records as JSON lines; how many."""
    count = 0
    with replacing(path) as part, part.open("w", encoding="utf-8") as file:
        for count, one in enumerate(records, 1):  # noqa: B007 - the last is the number of them
            file.write(line(one))
    return count


def line(one: dict[str, Any]) -> str:
    """A record as a line."""
    return json.dumps(one, ensure_ascii=False) + "\n"


def record(row: Row) -> dict[str, Any]:
    """The record of an entry, without its code."""
    own = {"id": row.key} if row.content is None else {"id": row.key, "text": row.content}
    for name, value in sorted(row.meta.items(), key=lambda field: field[0] in OWN):
        while name in OWN or name in own:
            name = f"meta.{name}"
        own[name] = value
    return own
