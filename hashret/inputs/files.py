"""Paths to files, each with the reader of its format: by the end of its name, and all of a folder or those of `glob`.

A folder is read with its sub-folders, sorted, without hidden files and without following links to folders; files of
unknown type in it are passed over. A file given by itself must be of a known type, or SQLite with `sql`. Patterns are
matched with the whole path below the folder: * and ? stop at a slash, **/ is any number of folders.

Not here: the formats, and stdin (`source`).
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import NamedTuple

from hashret.inputs.entry import File, Items, ReadOptions
from hashret.inputs.images import read_image
from hashret.inputs.parquet import read_parquet
from hashret.inputs.pdf import read_pages
from hashret.inputs.records import read_records
from hashret.inputs.sql import advice, is_sqlite, read_query
from hashret.inputs.tables import read_table
from hashret.inputs.text import read_document, read_lines
from hashret.inputs.vectors import read_matrix
from indexer.errors import InvalidInput, NotFound

_SHOWN = 8  # types of files that a message counts


class Format(NamedTuple):
    """A reader, how a place in such a file is written (path, row), and whether a file is one entry."""

    read: Callable[[File, ReadOptions], Items]
    place: str
    single: bool = False


_DOCUMENT = Format(read_document, "{0}", single=True)
LINES = Format(read_lines, "{0}:{1}")
RECORDS = Format(read_records, "{0}:{1}")
_TABLE = Format(read_table, "{0}:{1}")
_IMAGE = Format(read_image, "{0}", single=True)
_MATRIX = Format(read_matrix, "{0} row {1}")
_PARQUET = Format(read_parquet, "{0} row {1}")
_QUERY = Format(read_query, "{0} row {1}")
_PAGES = Format(read_pages, "{0} page {1}")

_PACKABLE = {
    ".jsonl": RECORDS,
    ".ndjson": RECORDS,
    ".csv": _TABLE,
    ".tsv": _TABLE,
    ".txt": _DOCUMENT,
    ".md": _DOCUMENT,
}
_FORMATS = {
    **_PACKABLE,
    **{f"{suffix}.gz": form for suffix, form in _PACKABLE.items()},
    ".pdf": _PAGES,
    ".parquet": _PARQUET,
    **dict.fromkeys((".png", ".jpg", ".jpeg"), _IMAGE),
    **dict.fromkeys((".npy", ".npz"), _MATRIX),
}
_KNOWN = ".jsonl, .ndjson, .csv, .tsv, .txt, .md (also with .gz), .pdf, .parquet, .png, .jpg, .jpeg, .npy or .npz"
Found = tuple[File | InvalidInput, Format]


def files_of(path: Path, options: ReadOptions) -> Iterator[Found]:
    """The files of a path with their formats; one of a folder that cannot be read comes as its problem.

    Raises `NotFound` if nothing is there, and `InvalidInput` for a file of unknown type or a folder with none to read.
    """
    if path.is_dir():
        if options.sql is not None:
            raise InvalidInput(f"{path.as_posix()}: --sql asks a SQLite file, not a folder: give the file")
        yield from _folder(path, options)
    elif not path.exists():
        raise NotFound(f"{path.as_posix()}: no such file or folder: check the path")
    else:
        file = _named(path, path.as_posix())
        if isinstance(file, InvalidInput):
            raise file
        yield file, _QUERY if options.sql is not None else _known(file, options)


def _known(file: File, options: ReadOptions) -> Format:
    """The format of a file given by itself."""
    form = _format(file.path, options)
    if form is None and is_sqlite(file):
        raise advice(file)
    if form is None:
        raise InvalidInput(f"{file.shown}: unknown type of file: give {_KNOWN}, or a folder of them")
    return form


def _format(path: PurePath, options: ReadOptions) -> Format | None:
    """The format that a name tells; None if unknown."""
    form = _FORMATS.get(_ending(path))
    return LINES if form is _DOCUMENT and options.lines else form


def _ending(path: PurePath) -> str:
    """The end of a name that tells its format, as .txt or .txt.gz."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return "".join(suffixes[-2:] if suffixes[-1:] == [".gz"] else suffixes[-1:])


def _folder(root: Path, options: ReadOptions) -> Iterator[Found]:
    """The files of a folder; raises `InvalidInput` if none of a known type is to be read."""
    ids = Path(options.ids).resolve() if options.ids else None
    wanted = [_pattern(pattern) for pattern in options.glob]
    closed: list[OSError] = []
    there: Counter[str] = Counter()
    found = False
    for path in _walk(root, closed):
        name = path.relative_to(root).as_posix()
        there[_ending(path) or "no ending"] += 1
        form = _format(path, options)
        if form is None or (wanted and not any(one.fullmatch(name) for one in wanted)):
            continue
        if ids is None or path.resolve() != ids:
            found = True
            yield _regular(path, name), form
    # os.walk goes on past a folder that it cannot open, so these come last.
    for error in closed:
        problem = InvalidInput(f"{Path(error.filename).as_posix()}: folder cannot be opened: change its mode")
        if not found:
            raise problem
        yield problem, _DOCUMENT
    if not found:
        raise _nothing(root, options, there)


def _walk(root: Path, closed: list[OSError]) -> Iterator[Path]:
    """Every file below a folder that is not hidden, sorted; folders that cannot be opened go to `closed`."""
    for place, folders, names in os.walk(root, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def _nothing(root: Path, options: ReadOptions, there: Counter[str]) -> InvalidInput:
    """The message for a folder without a file to read."""
    place = root.as_posix()
    if not options.glob:
        return InvalidInput(f"{place}: nothing to read in this folder: it needs files of type {_KNOWN}")
    kinds = sorted(there.items(), key=lambda kind: (-kind[1], kind[0]))
    listed = ", ".join(f"{count:,} {kind}" for kind, count in kinds[:_SHOWN])
    more = f" and {len(kinds) - _SHOWN} other types" if len(kinds) > _SHOWN else ""
    patterns = ", ".join(options.glob)
    return InvalidInput(
        f"{place}: no file of a known type matches --glob {patterns}: there are {listed or 'no files'}{more}; "
        "patterns are for the whole path below the folder, as **/*.md"
    )


def _pattern(pattern: str) -> re.Pattern[str]:
    """A pattern as a regular expression for the path below a folder."""
    signs = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[!?\]?[^\]/]*\])", pattern.removeprefix("./"))
    out = ""
    for number, part in enumerate(parts):
        if number % 2 and part.startswith("["):
            inner = part[1:-1].replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
            out += f"[{'^/' + inner[1:] if inner.startswith('!') else inner}]"
        else:
            out += signs[part] if number % 2 else re.escape(part)
    return re.compile(out, re.DOTALL)


def _regular(path: Path, name: str) -> File | InvalidInput:
    """A file of a folder, or why it is none that can be read and stored under its name."""
    file = _named(path, name)
    if isinstance(file, File) and not path.is_file():
        return InvalidInput(f"{path.as_posix()}: is a broken link or no regular file: remove it")
    return file


def _named(path: Path, name: str) -> File | InvalidInput:
    """A file, or why nothing can be stored under its name."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        shown = path.as_posix().encode("utf-8", "backslashreplace").decode()
        return InvalidInput(f"{shown}: name of the file is not UTF-8: rename it")
    return File(path, name)
