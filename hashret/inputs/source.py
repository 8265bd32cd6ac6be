"""`Source`: paths to one stream of entries, whatever their format, and the rules that hold across files.

- A folder is read with its sub-folders, sorted, without hidden files and without following links to folders; files of
  unknown type in it are passed over. A file given by itself must be of a known type.
- Keys of files are paths relative to the folder given, or the path as it was given.
- One run holds one kind (text, image or vector), vectors of one length, and each key once.
- stdin (-) is one text a line, or JSON lines if its first line is a JSON object or a field was named.

Not here: the formats, each in its own chapter.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from hashret.inputs.entry import Entry, File, Items, ReadOptions
from hashret.inputs.images import read_image
from hashret.inputs.records import parse, read_records
from hashret.inputs.tables import read_table
from hashret.inputs.text import lines, read_document, read_lines
from hashret.inputs.vectors import read_matrix
from indexer.errors import InvalidInput, NotFound

_KEPT_PROBLEMS = 100
_STDIN_IN_MEMORY = 1 << 24  # bytes; the rest of a longer stdin waits in a temporary file


class _Format(NamedTuple):
    """A kind of content, its reader, and how a place in such a file is written (path, row)."""

    kind: str
    read: Callable[[File, ReadOptions], Items]
    place: str


_DOCUMENT = _Format("text", read_document, "{0}")
_LINES = _Format("text", read_lines, "{0}:{1}")
_RECORDS = _Format("text", read_records, "{0}:{1}")
_TABLE = _Format("text", read_table, "{0}:{1}")
_IMAGE = _Format("an image", read_image, "{0}")
_MATRIX = _Format("a matrix", read_matrix, "{0} row {1}")

_PACKABLE = {
    ".jsonl": _RECORDS,
    ".ndjson": _RECORDS,
    ".csv": _TABLE,
    ".tsv": _TABLE,
    ".txt": _DOCUMENT,
    ".md": _DOCUMENT,
}
_FORMATS = {
    **_PACKABLE,
    **{f"{suffix}.gz": form for suffix, form in _PACKABLE.items()},
    **dict.fromkeys((".png", ".jpg", ".jpeg"), _IMAGE),
    **dict.fromkeys((".npy", ".npz"), _MATRIX),
}
_KNOWN = ".jsonl, .ndjson, .csv, .tsv, .txt, .md (also with .gz), .png, .jpg, .jpeg, .npy or .npz"


class Source:
    """The entries of some files and folders; "-" is stdin.

    Each `iter()` reads afresh (stdin is read once and kept), one iteration at a time, with memory for one file's blocks
    and the keys seen, some 150 bytes a key. After or during an iteration, `skipped` counts the entries left out under
    `on_error="skip"`, and `problems` holds the first 100 of their messages.

    Raises, while iterating, `NotFound` for a path that is not there, and `InvalidInput` naming file and line or row for
    everything that cannot be read; `on_error="skip"` passes over single entries, never over whole tables or matrices.
    """

    def __init__(self, paths: tuple[str | Path, ...], options: ReadOptions | None = None) -> None:
        self.paths = tuple(paths)
        self.options = options or ReadOptions()
        self.skipped = 0
        self.problems: list[InvalidInput] = []
        self._stdin: IO[bytes] | None = None

    def __iter__(self) -> Iterator[Entry]:
        self.skipped, self.problems = 0, []
        run = _Run()
        for file, form in self._files():
            if isinstance(file, InvalidInput):
                self._pass_over(file)
                continue
            run.enter(file.shown, form)
            empty = True
            for row, item in form.read(file, self.options):
                empty = False
                problem = item if isinstance(item, InvalidInput) else run.problem(item, row)
                if problem is not None:
                    self._pass_over(problem)
                elif isinstance(item, Entry):
                    yield item
            if empty:
                self._pass_over(InvalidInput(f"{file.shown}: has no entries: leave it out or fill it"))

    def _pass_over(self, problem: InvalidInput) -> None:
        """Raise a problem, or count it and go on, as the options say."""
        if self.options.on_error == "fail":
            raise problem
        self.skipped += 1
        if len(self.problems) < _KEPT_PROBLEMS:
            self.problems.append(problem)

    def _files(self) -> Iterator[tuple[File | InvalidInput, _Format]]:
        """Every file to read with its format; a file or folder of a folder that cannot be read comes as a problem."""
        for path in map(Path, self.paths):
            if str(path) == "-":
                yield self._read_stdin()
            elif path.is_dir():
                yield from _folder(path, self.options)
            elif not path.exists():
                raise NotFound(f"{path.as_posix()}: no such file or folder: check the path")
            else:
                form = _format(path, self.options)
                if form is None:
                    raise InvalidInput(f"{path.as_posix()}: unknown type of file: give {_KNOWN}, or a folder of them")
                yield File(path, path.as_posix()), form

    def _read_stdin(self) -> tuple[File, _Format]:
        """stdin, kept for the next time, with its format."""
        if self._stdin is None:
            kept = tempfile.SpooledTemporaryFile(_STDIN_IN_MEMORY)  # noqa: SIM115 - lives as long as this source
            shutil.copyfileobj(sys.stdin.buffer, kept)
            weakref.finalize(self, kept.close)
            self._stdin = kept
        file = File(Path("stdin"), "stdin", self._stdin)
        if self.options.lines:
            return file, _LINES
        named = self.options.text_field or self.options.id_field
        return file, _RECORDS if named or _has_records(file, self.options) else _LINES


def _has_records(file: File, options: ReadOptions) -> bool:
    """Whether the first line that is not blank is a JSON object."""
    for _, text, _ in lines(file, options):
        if text.strip():
            try:
                return bool(parse(text, "stdin"))
            except InvalidInput:
                return False
    return False


def _format(path: Path, options: ReadOptions) -> _Format | None:
    """The format that a name tells; None if unknown."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    ending = "".join(suffixes[-2:] if suffixes[-1:] == [".gz"] else suffixes[-1:])
    form = _FORMATS.get(ending)
    return _LINES if form is _DOCUMENT and options.lines else form


def _folder(root: Path, options: ReadOptions) -> Iterator[tuple[File | InvalidInput, _Format]]:
    """The files of a folder; raises `InvalidInput` if it has none of a known type."""
    ids = Path(options.ids).resolve() if options.ids else None
    closed: list[OSError] = []
    found = False
    for place, folders, names in os.walk(root, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            form = None if name.startswith(".") else _format(path, options)
            if form is None or (ids is not None and path.resolve() == ids):
                continue
            found = True
            yield _regular(path, path.relative_to(root).as_posix()), form
    # os.walk goes on past a folder that it cannot open, so these come last.
    for error in closed:
        yield InvalidInput(f"{Path(error.filename).as_posix()}: folder cannot be opened: change its mode"), _DOCUMENT
    if not found:
        raise InvalidInput(f"{root.as_posix()}: nothing to read in this folder: it needs files of type {_KNOWN}")


def _regular(path: Path, name: str) -> File | InvalidInput:
    """A file of a folder, or why it is none that can be read and stored under its name."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        shown = path.as_posix().encode("utf-8", "backslashreplace").decode()
        return InvalidInput(f"{shown}: name of the file is not UTF-8: rename it")
    if not path.is_file():
        return InvalidInput(f"{path.as_posix()}: is a broken link or no regular file: remove it")
    return File(path, name)


class _Run:
    """What one iteration has seen: where each key was, and the kind and length of the first entries."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._files: list[tuple[str, _Format]] = []
        self._length: tuple[int, str] | None = None

    def enter(self, shown: str, form: _Format) -> None:
        """Begin a file; raises `InvalidInput` if its kind is not that of the files before it."""
        if self._files and self._files[0][1].kind != form.kind:
            before, other = self._files[0]
            raise InvalidInput(f"{shown}: is {form.kind}, but {before} is {other.kind}: give one kind at a time")
        self._files.append((shown, form))

    def problem(self, entry: Entry, row: int) -> InvalidInput | None:
        """What is wrong with an entry beside those before it; raises if its vector is of another length."""
        if isinstance(entry.content, np.ndarray) and entry.content.ndim == 1:
            self._check_length(len(entry.content), self._place(len(self._files) - 1, row))
        here = (len(self._files) - 1) << 40 | row
        first = self._places.setdefault(entry.key, here)
        if first == here:
            return None
        place, before = self._place(here >> 40, row), self._place(first >> 40, first & ((1 << 40) - 1))
        return InvalidInput(f"{place}: id {entry.key!r} was used before, at {before}: give every entry its own id")

    def _check_length(self, length: int, place: str) -> None:
        """Raise `InvalidInput` unless vectors are as long as the first."""
        self._length = self._length or (length, place)
        wanted, first = self._length
        if length != wanted:
            raise InvalidInput(f"{place}: has {length} numbers, but {first} has {wanted}: give one length at a time")

    def _place(self, number: int, row: int) -> str:
        """How messages call a row of the file of that number."""
        shown, form = self._files[number]
        return form.place.format(shown, row)
