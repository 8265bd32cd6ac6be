"""CSV and TSV with a header, quoted as spreadsheets do: rows to entries by the rules of `records`.

Columns of CSV are parted by what parts the names of the header: commas, or semicolons or tabs as spreadsheets write
them in many countries. Not here: tables without a header, types: every value of a row is text.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import chain

from hashret.inputs.entry import File, Items, ReadOptions
from hashret.inputs.records import choose, entry, missing
from hashret.inputs.text import fault, lines
from indexer.errors import InvalidInput

# Long documents are welcome; what an unclosed quote can swallow is bounded all the same.
_FIELD_LIMIT = 1 << 26

_SEPARATORS = ",;\t"  # of as many the first

_Row = tuple[int, list[str] | InvalidInput]


def read_table(file: File, options: ReadOptions) -> Items:
    """A table as one entry a row, a row's place being its first line; blank lines are no entries.

    Raises `InvalidInput` for a header that is missing, broken, names a column twice or has no text column.
    """
    with closing(_rows(file, options)) as rows:  # an error of the header holds on to them
        yield from _entries(rows, file, options)


def _entries(rows: Iterator[_Row], file: File, options: ReadOptions) -> Items:
    """The entries of rows whose first is the header."""
    first = next(rows, None)
    if first is None:
        return
    start, names = first
    header = _header(names, f"{file.shown}:{start}")
    fields = choose(dict.fromkeys(header, ""), f"{file.shown}:{start}", options)
    for name, flag in ((fields.text, "--text-field"), (fields.key, "--id-field")):
        if name is not None and name not in header:
            raise missing(f"{file.shown}:{start}", name, header, flag)
    for start, row in rows:
        try:
            place = f"{file.shown}:{start}"
            yield start, entry(_record(row, header, place), fields, place, f"{file.name}:{start}")
        except InvalidInput as error:
            yield start, error


def _rows(file: File, options: ReadOptions) -> Generator[_Row]:
    """Rows with their first line; a row that cannot be read comes as its problem, and reading goes on after it."""
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD_LIMIT))
    undecoded: list[InvalidInput] = []
    feed = _feed(file, options, undecoded)
    head: list[str] = []  # blank lines, and the first that is not
    while not "".join(head).strip() and (line := next(feed, None)) is not None:
        head.append(line)
    tabs = file.name.lower().removesuffix(".gz").endswith(".tsv")
    separator = "\t" if tabs or not head else _separator(head[-1])
    reader = csv.reader(chain(head, feed), delimiter=separator, strict=True)
    while True:
        start = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            advice = "close every quote, double the quotes inside quotes"
            if "new-line character" in str(error):  # as csv calls a carriage return by itself
                error, advice = csv.Error("a carriage return without a newline"), "convert the ends of its lines"
            yield start, InvalidInput(f"{file.shown}:{start}: broken row ({error}): {advice}")
            continue
        if row is None:
            return
        if undecoded:
            yield start, undecoded[0]
            undecoded.clear()
        elif row:
            yield start, row


def _separator(header: str) -> str:
    """What parts the names of a header: the commonest outside quotes, a comma if there is none."""
    bare = re.sub('"[^"]*"', "", header)
    return max(_SEPARATORS, key=bare.count)


def _feed(file: File, options: ReadOptions, undecoded: list[InvalidInput]) -> Iterator[str]:
    """The lines for csv; one that was not decoded is fed repaired and noted, so that rows still end where they end."""
    for _, text, problem in lines(file, options):
        if problem is not None:
            undecoded.append(problem)
        yield text


def _header(names: list[str] | InvalidInput, place: str) -> list[str]:
    """The names of the columns; one without a name, as an index column has, is called by its number."""
    if isinstance(names, InvalidInput):
        raise names
    header = [name.strip() or f"column {number}" for number, name in enumerate(names, 1)]
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(f"{place}: two columns are called {twice!r}: rename one")
    return header


def _record(row: list[str] | InvalidInput, header: list[str], place: str) -> dict[str, str]:
    """A row by names; raises `InvalidInput` if it does not fit the header or cannot be stored."""
    if isinstance(row, InvalidInput):
        raise row
    if len(row) != len(header):
        raise InvalidInput(
            f"{place}: row of {len(row)} columns under a header of {len(header)}: quote values that hold the separator"
        )
    for value in row:
        if reason := fault(value):
            raise InvalidInput(f"{place}: {reason}")
    return dict(zip(header, row, strict=True))
