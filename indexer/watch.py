"""A connection that only looks: has the file changed, in two microseconds, and a few rows, in twenty.

SQLAlchemy's connections cost more than a search in memory does.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from threading import Lock
from typing import Any


class Watch:
    """One read-only connection to a SQLite file, which threads share in turns."""

    def __init__(self, path: str) -> None:
        self._lock = Lock()
        uri = f"{Path(path).absolute().as_uri()}?mode=ro"
        self._connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)

    def change(self) -> int:
        """A number that is another one after anybody has written to the file.

        https://www.sqlite.org/pragma.html#pragma_data_version
        """
        with self._lock:
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def rows(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """All rows of a statement."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
