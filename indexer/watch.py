"""A connection that only looks: has the file changed, at no cost to speak of, and a few rows, in twenty microseconds.

SQLAlchemy's connections cost more than a search in memory does.
"""

from __future__ import annotations

import ctypes
import os
import sqlite3
from threading import Lock
from typing import Any
from urllib.parse import urlencode

import numpy as np

from indexer.bits import Ids
from indexer.schema import reading, refuse_closed, refuse_forked

HEADER = 48  # bytes of the index of the write-ahead log that every transaction changes
MAPS = "/proc/self/maps"
_BUSY: list[sqlite3.Connection] = []  # of a thread that a child does not have: never closed there


class Watch:
    """One read-only connection to a SQLite file, which threads share in turns."""

    def __init__(self, path: str) -> None:
        self._lock = Lock()
        self._path, self._refuse = path, refuse_closed
        place, query = reading(path)
        uri = f"{place}?{urlencode(query)}"
        self._connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        self._header = self._mapped(f"{path}-shm")

    def _mapped(self, path: str) -> memoryview | None:
        """The head of the log's index where SQLite itself has it in memory, as long as this connection is open.

        None for a file or a system that has none. We must not open that index: to close it again would let go of all
        locks that SQLite holds on it in this process, https://www.sqlite.org/howtocorrupt.html#posix_close_bug.
        """
        try:
            self._connection.execute("SELECT 1 FROM sqlite_master").fetchall()
            address = _address(path)
        except (OSError, ValueError, sqlite3.Error):
            return None
        return None if address is None else memoryview((ctypes.c_char * HEADER).from_address(address))

    @property
    def watched(self) -> Ids | None:
        """That head as numbers, int64 (6,), if it is there: to be looked at only as long as this is open."""
        return None if self._header is None else np.frombuffer(self._header, np.int64)

    def change(self) -> object:
        """A value that is another one after anybody has written to the file.

        The header of the log's index, https://www.sqlite.org/walformat.html#the_wal_index_file_format, or where there
        is none a number, https://www.sqlite.org/pragma.html#pragma_data_version: 2 microseconds.
        """
        if self._header is not None:
            return self._header.tobytes()
        with self._lock:
            try:
                return self._connection.execute("PRAGMA data_version").fetchone()[0]
            except sqlite3.ProgrammingError:
                self._refuse(self._path)

    def rows(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]] | None:
        """All rows of a statement; None if the database fails at it, which is the caller's to find out why."""
        try:
            with self._lock:
                return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error:
            return None

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._header = None  # SQLite gives that memory back
            self._connection.close()

    def leave(self) -> None:
        """Let go of it in a child of the process that opened it; see `file`."""
        self._header, self._refuse = None, refuse_forked
        turn, self._lock = self._lock, Lock()
        if not turn.acquire(blocking=False):
            _BUSY.append(self._connection)
            self._connection = sqlite3.connect(":memory:")
        self._connection.close()


def _address(path: str) -> int | None:
    """Where the first page of a file is in the memory of this process; None if it is not.

    Files on two devices may have one number. On some file systems the device is told otherwise; then the name tells.
    """
    stat, names = os.stat(path), {path, os.path.realpath(path)}
    device = f"{os.major(stat.st_dev):02x}:{os.minor(stat.st_dev):02x}"
    with open(MAPS, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            span, _, offset, where, number, *name = line.split(maxsplit=5)
            ours = number == str(stat.st_ino) and (where == device or (name and name[0].rstrip("\n") in names))
            if ours and int(offset, 16) == 0:
                return int(span.split("-")[0], 16)
    return None
