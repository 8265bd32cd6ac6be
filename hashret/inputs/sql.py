"""Rows of a query on a SQLite file as entries, by the rules of `records`; a row's number counts from 0, as OFFSET does.

The file is opened for reading only. Not here: other databases, and values that JSON does not know: leave BLOB columns
out of the query.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import closing
from math import isfinite
from typing import TYPE_CHECKING, Any

from hashret.inputs.entry import File, Items, ReadOptions
from hashret.inputs.records import choose, entry
from hashret.inputs.text import unreadable
from indexer.errors import InvalidInput

if TYPE_CHECKING:
    import sqlite3

_OURS = int.from_bytes(b"HSHR")  # application_id of a file of hashret
_MAGIC = b"SQLite format 3\0"
_PAGE = 512  # bytes: no SQLite file is smaller
_SHOWN = 8  # tables that a message names


def is_sqlite(file: File) -> bool:
    """Whether a file is SQLite's."""
    return _application(file) is not None


def _application(file: File) -> int | None:
    """The application_id of a SQLite file, 0 of one that cannot be read now; None for another file.

    Asked through SQLite, for this process may have the file open: if anything else opened and closed it, all locks that
    SQLite holds on it would be gone, https://www.sqlite.org/howtocorrupt.html#posix_close_bug.
    """
    import sqlite3

    try:
        if file.path.stat().st_size < _PAGE:  # too short to be in use
            return 0 if file.path.read_bytes().startswith(_MAGIC) else None
        if not os.access(file.path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise unreadable(file, error) from error
    try:
        with closing(_connect(file)) as connection:
            return int(connection.execute("PRAGMA application_id").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return None if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB else 0


def advice(file: File) -> InvalidInput:
    """What to say of a SQLite file that is given without a query."""
    if _application(file) == _OURS:
        query, what = "SELECT key AS id, content AS text FROM entries", "is a file of hashret"
        return InvalidInput(f'{file.shown}: {what}: to read its entries, give --sql "{query}"')
    import sqlite3

    with closing(_connect(file)) as connection:
        try:
            names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        except sqlite3.Error:
            names = []
    listed = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    return InvalidInput(
        f'{file.shown}: is a SQLite file: say what to read, as --sql "SELECT id, body AS text FROM notes"; '
        f"its tables are {listed or 'none'}"
    )


def _connect(file: File) -> sqlite3.Connection:
    """The file, for reading only; bytes that are not UTF-8 come as surrogates, so that other rows are still read."""
    import sqlite3

    connection = sqlite3.connect(f"{file.path.resolve().as_uri()}?mode=ro", uri=True)
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return connection


def read_query(file: File, options: ReadOptions) -> Items:
    """Each row of `options.sql` as an entry.

    Raises `InvalidInput` for a file that is not SQLite's, for a query that fails, names a column twice or gives no
    rows by its nature, and if no column is the text.
    """
    if not is_sqlite(file):
        raise InvalidInput(f"{file.shown}: --sql asks a SQLite file, and this is none: leave --sql out")
    fields = None
    for row, record in enumerate(_rows(file, str(options.sql))):
        place = f"{file.shown} row {row}"
        fields = fields or choose(record, place, options)
        try:
            for name, value in record.items():
                if reason := _fault(value):
                    raise InvalidInput(f"{place}: column {name!r} {reason}")
            yield row, entry(record, fields, place, f"{file.name}:{row}")
        except InvalidInput as error:
            yield row, error


def _rows(file: File, query: str) -> Iterator[dict[str, Any]]:
    """The rows of a query by the names of its columns."""
    import sqlite3

    try:
        with closing(_connect(file)) as connection:
            cursor = connection.execute(query)
            if cursor.description is None:
                raise InvalidInput(f"{file.shown}: --sql {query!r} gives no rows: write a SELECT")
            names = [column[0] for column in cursor.description]
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise InvalidInput(f"{file.shown}: two columns are called {twice!r}: rename one with AS")
            for row in cursor:
                yield dict(zip(names, row, strict=True))
    except (sqlite3.Error, sqlite3.Warning, UnicodeEncodeError) as error:
        text = f"{file.shown}: SQLite says {str(error)!r} to --sql {query!r}: correct the query or the file"
        raise InvalidInput(text) from error


def _fault(value: object) -> str | None:
    """Why a value cannot be text, id or meta, with what to do; None if it can."""
    if isinstance(value, bytes):
        return "is a BLOB: leave it out of the query, or CAST it AS TEXT"
    if isinstance(value, float) and not isfinite(value):
        return "is infinite: leave it out of the query"
    if isinstance(value, str) and "\0" in value:
        return "holds a NUL character: repair the row or leave it out of the query"
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return "is not UTF-8: repair the row or leave it out of the query"
    return None
