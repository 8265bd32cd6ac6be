"""One open file, or a database in memory: its connections, whether it has changed, and its end.

After a fork it is closed in the child, where SQLite must not use it: https://www.sqlite.org/howtocorrupt.html, 2.6. Nor
would it do to leave it open there and to open it once more: SQLite takes the locks of the parent's connections for the
child's own, so that the last close in the parent removes the log that the child writes to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import RLock
from typing import Any
from weakref import WeakSet

import numpy as np
from sqlalchemy import Connection, Engine

from indexer import schema
from indexer.bits import Ids
from indexer.watch import Watch


class File:
    """What all views of one file share. Reads may come from several threads at once; writes take turns."""

    def __init__(self, path: str, engine: Engine) -> None:
        self.path = path
        self._engine = engine
        # A database in memory is one connection, which threads must share in turns.
        self._turn: AbstractContextManager[Any] = RLock() if path == schema.MEMORY else nullcontext()
        self.left = False  # in a forked child
        self._writes, self.opened = np.zeros(1, np.int64), np.ones(1, np.int64)  # by us; 0 once closed
        self._watch = None if path == schema.MEMORY else Watch(path)
        # Gives another value after anybody has written: cheap to ask for before every search.
        self.change: Callable[[], object] = self._watch.change if self._watch else self._writes.tobytes
        _FILES.add(self)

    @property
    def watched(self) -> Ids | None:
        """Numbers in memory, int64 (n,), of which `change` is made, if it is: only as long as the file is open."""
        return self._watch.watched if self._watch else self._writes

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view of the file."""
        with self._turn, schema.mapped(self.path), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, alone."""
        with self._turn, schema.mapped(self.path), schema.writing(self._engine) as connection:
            self._writes[0] += 1
            yield connection

    def rows(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]] | None:
        """All rows of a statement in little time; None where that cannot be, or fails."""
        return self._watch.rows(sql, values) if self._watch else None

    def close(self) -> None:
        """Let go of the file; its log is merged into it. What is asked afterwards raises `HashretError`."""
        self.opened[0] = 0
        if self._watch is not None:
            self._watch.close()
        schema.close(self._engine, self.path)

    def leave(self) -> None:
        """Let go of it in a process that did not open it: connections that a thread was using stay as they are."""
        if self._watch is not None and self.opened[0]:
            self.opened[0], self.left = 0, True
            self._watch.leave()
            schema.close(self._engine, self.path, schema.refuse_forked)


_FILES: WeakSet[File] = WeakSet()


def _leave_all() -> None:
    """Leave all that are open; in a child that has just begun."""
    for file in list(_FILES):
        file.leave()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_leave_all)
