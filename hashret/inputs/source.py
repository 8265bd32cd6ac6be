"""`Source`: paths to one stream of entries, whatever their format, and the rules that hold across files.

- Keys of files are paths relative to the folder given, or the path as it was given.
- One run holds one kind (text, image or vector), vectors of one length, and each key once.
- stdin (-) is one text a line, or JSON lines if its first line is a JSON object or a field was named.

Not here: the formats, each in its own chapter, and which files there are (`files`).
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Container, Iterator
from contextlib import closing
from itertools import accumulate
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from hashret.inputs.entry import Entry, File, Items, ReadOptions
from hashret.inputs.files import LINES, RECORDS, Format, Found, files_of
from hashret.inputs.records import parse
from hashret.inputs.text import lines, standard_input
from indexer.errors import InvalidInput

_KEPT_PROBLEMS = 100
_STDIN_IN_MEMORY = 1 << 24  # bytes; the rest of a longer stdin waits in a temporary file


class Source:
    """The entries of some files and folders; "-" is stdin.

    Each `iter()` reads afresh (stdin is read once and kept), one iteration at a time, with memory for one file's
    blocks, the names of the files and the keys seen, some 150 bytes a key. After or during an iteration, `skipped`
    counts the entries left out under `on_error="skip"`, `problems` holds the first 100 of their messages,
    `nameless` counts those whose keys are not known, and `keys` has all other keys, of what was read or left out.

    Raises, while iterating, `NotFound` for a path that is not there, and `InvalidInput` naming file and line or row for
    everything that cannot be read; `on_error="skip"` passes over single entries, never over whole tables or matrices.
    """

    def __init__(self, paths: tuple[str | Path, ...], options: ReadOptions | None = None) -> None:
        self.paths = tuple(paths)
        self.options = options or ReadOptions()
        self.skipped = 0
        self.problems: list[InvalidInput] = []
        self.nameless = 0
        self.keys: Container[str] = ()
        self._left: set[str] = set()
        self._stdin: IO[bytes] | None = None
        self._way = _Way([])
        self._given = 0
        self._known = 0

    def __iter__(self) -> Iterator[Entry]:
        self.skipped, self.problems, self.nameless, self._given = 0, [], 0, 0
        run = _Run()
        self._left, self.keys = set(), ()
        found = list(self._files())
        self._way = _Way(found)
        for file, form in found:
            self._way.enter(file)
            if isinstance(file, InvalidInput):
                self._pass_over(file)
                continue
            run.enter(file.shown, form)
            with closing(form.read(file, self.options)) as items:
                yield from self._checked(items, run, file.name if form.single else "")
            if run.empty:
                self._pass_over(InvalidInput(f"{file.shown}: has no entries: leave it out or fill it"))
        self._known, self.keys = self._given, self._left | run.places.keys()

    def _checked(self, items: Items, run: _Run, name: str) -> Iterator[Entry]:
        """The entries of a file that go with those before; `name` is its key if it is one entry."""
        for row, item in items:
            problem = item if isinstance(item, InvalidInput) else run.problem(item, row)
            run.empty = False
            if problem is not None:
                self._pass_over(problem, item.key if isinstance(item, Entry) else name)
            elif isinstance(item, Entry):
                self._given += 1
                yield item

    def expected(self) -> int:
        """How many entries the iteration that goes on will give, rounded up to three digits; 0 if that is not known.

        Judged by the share of the bytes, rows or files that was read, or by what an iteration before this one gave.
        """
        if self._known >= max(self._given, 1):
            return self._known
        share = self._way.share()
        if not share:
            return 0
        total = max(round(self._given / share), self._given)
        grain = int(10 ** max(len(str(total)) - 3, 0)) if share < 1 and not self._way.single else 1
        return -(-total // grain) * grain

    def _pass_over(self, problem: InvalidInput, key: str = "") -> None:
        """Raise a problem, or count it and go on, as the options say."""
        if self.options.on_error == "fail":
            if self._way.single:  # one bad file among many; a wrong --text-field would leave out every row
                problem.add_note("--on-error skip leaves out what cannot be read, and goes on.")
            raise problem
        self.skipped += 1
        self.nameless += not key
        self._left.add(key)
        if len(self.problems) < _KEPT_PROBLEMS:
            self.problems.append(problem)

    def _files(self) -> Iterator[Found]:
        """Every file to read with its format; a file or folder of a folder that cannot be read comes as a problem."""
        if self.options.glob and not any(Path(path).is_dir() for path in self.paths):
            raise InvalidInput(f"--glob {', '.join(self.options.glob)}: none of the paths is a folder: give one")
        for path in map(Path, self.paths):
            if str(path) == "-":
                yield self._read_stdin()
            else:
                yield from files_of(path, self.options)

    def _read_stdin(self) -> tuple[File, Format]:
        """stdin, kept for the next time, with its format."""
        if self.options.sql is not None:
            raise InvalidInput("-: --sql asks a SQLite file, not standard input: give the file")
        if self._stdin is None:
            piped = standard_input("a path")
            kept = tempfile.SpooledTemporaryFile(_STDIN_IN_MEMORY)  # noqa: SIM115 - lives as long as this source
            shutil.copyfileobj(piped, kept)
            weakref.finalize(self, kept.close)
            self._stdin = kept
        file = File(Path("stdin"), "stdin", self._stdin)
        if self.options.lines:
            return file, LINES
        named = self.options.text_field or self.options.id_field
        return file, RECORDS if named or _has_records(file, self.options) else LINES


def _has_records(file: File, options: ReadOptions) -> bool:
    """Whether the first line that is not blank is a JSON object."""
    for _, text, _ in lines(file, options):
        if text.strip():
            try:
                return bool(parse(text, "stdin"))
            except InvalidInput:
                return False
    return False


class _Way:
    """How far an iteration is through its files: by their number if each is one entry, else by their bytes."""

    def __init__(self, found: list[Found]) -> None:
        self.single = all(form.single for _, form in found)
        sizes = (1 if self.single or isinstance(file, InvalidInput) else _size(file) for file, _ in found)
        self._ends = list(accumulate(sizes, initial=0))
        self._file: File | InvalidInput = File(Path(), "")
        self._number = -1

    def enter(self, file: File | InvalidInput) -> None:
        """Begin the next file."""
        self._file = file
        self._number += 1

    def share(self) -> float:
        """From 0 to 1."""
        if self._number < 0 or not self._ends[-1]:
            return 0.0
        part = 1.0 if self.single or isinstance(self._file, InvalidInput) else self._file.meter.share()
        start, end = self._ends[self._number : self._number + 2]
        return (start + part * (end - start)) / self._ends[-1]


def _size(file: File) -> int:
    """The bytes of a file; 0 for one that is gone."""
    try:
        return file.path.stat().st_size if file.stream is None else 1
    except OSError:
        return 0


class _Run:
    """What one iteration has seen: where each key was, and the kind and length of the first entries."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self._files: list[tuple[str, Format]] = []
        self._kind: tuple[str, str] | None = None
        self._length: tuple[int, int, str] | None = None
        self.empty = True

    def enter(self, shown: str, form: Format) -> None:
        """Begin a file."""
        self._files.append((shown, form))
        self.empty = True

    def problem(self, entry: Entry, row: int) -> InvalidInput | None:
        """What is wrong with an entry beside those before it; raises if its file is of another kind or length."""
        self._check_kind(_kind(entry.content))
        if isinstance(entry.content, np.ndarray) and entry.content.ndim == 1:
            problem = self._other_length(len(entry.content), row)
            if problem is not None:
                return problem
        here = (len(self._files) - 1) << 40 | row
        first = self.places.setdefault(entry.key, here)
        if first == here:
            return None
        place, before = self._place(here >> 40, row), self._place(first >> 40, first & ((1 << 40) - 1))
        return InvalidInput(f"{place}: id {entry.key!r} was used before, at {before}: give every entry its own id")

    def _check_kind(self, kind: str) -> None:
        """Raise `InvalidInput` unless entries are of the kind of the first."""
        shown = self._files[-1][0]
        self._kind = self._kind or (kind, shown)
        wanted, before = self._kind
        if kind != wanted:
            one, other = Path(before).suffix, Path(shown).suffix
            how = f", of a folder by --glob '**/*{one}' or '**/*{other}'" if one != other else ""
            raise InvalidInput(f"{shown}: is {kind}, but {before} is {wanted}: give one kind at a time{how}")

    def _other_length(self, length: int, row: int) -> InvalidInput | None:
        """What is wrong with a vector that is not as long as the first; raises if that is of a file before."""
        number = len(self._files) - 1
        place = self._place(number, row)
        wanted, of, first = self._length = self._length or (length, number, place)
        if length == wanted:
            return None
        problem = InvalidInput(f"{place}: has {length} numbers, but {first} has {wanted}: give one length at a time")
        if of != number:
            raise problem
        return problem

    def _place(self, number: int, row: int) -> str:
        """How messages call a row of the file of that number."""
        shown, form = self._files[number]
        return form.place.format(shown, row)


def _kind(content: str | NDArray[np.generic]) -> str:
    """What a content is, as messages call it."""
    if isinstance(content, str):
        return "text"
    return "a matrix" if content.ndim == 1 else "an image"
