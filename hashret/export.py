"""Entries to files that others read, whole or not at all: JSON lines, Parquet (`hashret.columns`), codes as .npy, .npz.

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

import numpy as np

from hashret.hasher import Progress, silent
from indexer.bits import Codes, Ids
from indexer.errors import InvalidInput
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


def export(what: Export, path: str | Path) -> int:
    """Write entries in the form that the name of the file tells; how many. Raises `InvalidInput` for another name."""
    form = Path(path).suffix.lower()
    if form in (".jsonl", ".ndjson"):
        return write_lines(path, what.records())
    if form == ".parquet":
        from hashret.columns import write_parquet

        return write_parquet(path, what)
    if form in (".npy", ".npz"):
        return _write_codes(path, what, alone=form == ".npy")
    raise InvalidInput(f"{path}: is no kind of file to export to: name one that ends in .jsonl .parquet .npy or .npz")


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
    return own | {f"meta.{name}" if name in OWN else name: value for name, value in row.meta.items()}


def _write_codes(path: str | Path, what: Export, alone: bool) -> int:
    """Codes uint8 (n, bits / 8) as .npy with keys in a text file beside it, or both in one .npz."""
    ids = what.ids()
    keys, codes = _keys(what, path, ids), what.index.codes(ids)
    if not alone:
        with replacing(path) as part, part.open("wb") as file:
            np.savez(file, codes=codes, ids=np.array(keys, dtype=np.str_))
        return len(keys)
    for number, key in enumerate(keys):
        if key.splitlines() != [key]:
            raise InvalidInput(f"{path}: key {number} is {key!r}, which is no line of a text file: write an .npz")
    with replacing(ids_beside(path)) as names, replacing(path) as part:
        names.write_text("".join(f"{key}\n" for key in keys), encoding="utf-8")
        _save(part, codes)
    return len(keys)


def ids_beside(path: str | Path) -> Path:
    """The file with the keys of codes in a .npy: codes.npy has codes.ids.txt."""
    return Path(path).with_suffix(".ids.txt")


def _save(part: Path, codes: Codes) -> None:
    """Codes as .npy, under whatever name."""
    with part.open("wb") as file:
        np.save(file, codes)


def _keys(what: Export, path: str | Path, ids: Ids) -> list[str]:
    """Keys of the entries; raises `InvalidInput` for one that an array of NumPy cuts short."""
    keys: list[str] = []
    for start in range(0, len(ids), PAGE):
        keys += what.index.keys(ids[start : start + PAGE])
        what.progress("write", len(keys), len(ids))
    odd = next((key for key in keys if key.endswith("\0")), None)
    if odd is not None:
        raise InvalidInput(f"{path}: key {odd!r} ends in NUL, which NumPy drops: write .jsonl")
    return keys
