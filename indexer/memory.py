"""What an index keeps in memory, as of the newest revision: nothing, then a `Scan`, then a `Multi`.

The first question of a process is answered by a scan of all codes with FAISS, which is there at once. With the second
a thread begins to import numba and lay out the tables; until they are ready questions go on being scanned. What this
process writes is put into the tables as it is written; what others write is found by comparing the segments that have
changed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.bits import Codes, Ids
from indexer.errors import HashretError
from indexer.planner import pays_off
from indexer.segments import Segment
from indexer.store import Store
from indexer.tables import Scan

if TYPE_CHECKING:
    from indexer.multi import Multi

plans = logging.getLogger("indexer.index")
FEWEST = 10_000  # entries that tables are made for unasked
NO_NUMBA = "numba is not installed"


class Memory:
    """The codes of one store; see above. Any number of threads may ask for `table`.

    `direct(ordinary, named)` gives what answers small radii in the place of a method, by answers like the empty one
    that is handed in, or None. It is another one once there are other tables.
    """

    def __init__(self, store: Store, like: Any) -> None:
        self._store = store
        self._like = like
        self._look = store.file.change
        self._lock = Lock()
        self._held: tuple[object, Scan | Multi | None] = None, None  # as of which change; read and set at once
        self.direct: Callable[[Any, Any], Any] = _nothing
        self._open = store.file.opened
        self._asked = 0
        self._worker: Thread | None = None

    @property
    def table(self) -> Scan | Multi | None:
        """What is held now, of whatever revision."""
        return self._held[1]

    def close(self) -> None:
        """Forget everything, and what is still being made too: the file must not be looked at from now on."""
        with self._lock:
            self._held, self.direct = (None, None), _nothing

    def current(self, queries: int = 1) -> Scan | Multi:
        """All codes as of the store's revision, for so many queries."""
        change = self._look()
        seen, table = self._held
        if table is None or change != seen:
            table = self._refresh(change)
        if isinstance(table, Scan):
            table = self._heat(table, queries)
        return table

    def _heat(self, table: Scan, queries: int) -> Scan | Multi:
        """Make tables if these queries pay for them, or begin to if more are likely to come."""
        self._asked += 1
        if not can_compile():
            return table
        if pays_off(len(table.ids), table.width * 8, queries):
            self.warm()
            return self.current()
        again = self._asked & (self._asked - 1) == 0  # the second time, and rarely after that if it failed
        if self._asked > 1 and again and len(table.ids) >= FEWEST:
            self._begin(self.warm)
        return table

    def _begin(self, work: Callable[[], None]) -> None:
        """Do something in the background, unless that is busy; what fails there the next question tells."""

        def quietly() -> None:
            with suppress(HashretError):
                work()

        if self._worker is None or not self._worker.is_alive():
            self._worker = Thread(target=quietly, name="hashret", daemon=True)
            self._worker.start()

    def _renew(self) -> None:
        """Lay the tables out anew, as of now; what is written meanwhile is found afterwards by its segments."""
        from indexer.calibrate import calibrated

        table = self.table
        if table is not None and not isinstance(table, Scan):
            made = calibrated(table.renewed())
            with self._lock:
                if self._open[0]:
                    self._held, self.direct = (None, made), _nothing

    def warm(self) -> None:
        """Make the tables now, unless they are there or numba is not."""
        change = self._look()
        table = self._refresh(change)
        if not isinstance(table, Scan) or not can_compile():
            return
        from indexer.calibrate import calibrated
        from indexer.multi import Multi

        made = calibrated(Multi.of(table))
        direct = self._directly(change, made)
        with self._lock:
            if self._open[0]:
                self._held, self.direct = (change, made), direct

    def wrote(self, revision: int, drop: Ids, ids: Ids, codes: Codes) -> None:
        """Take over what this process has just written as `revision`: entries that are gone, and new ones."""
        with self._lock:
            table = self.table
            if table is not None and not isinstance(table, Scan) and table.revision == revision - 1:
                self._held, self.direct = (None, table.changed(revision, drop, ids, codes)), _nothing

    def _directly(self, change: object, table: Scan | Multi) -> Callable[[Any, Any], Any]:
        """What `direct` is, for tables as of some change. Where every plan is to be told it gives none."""
        watched, told = self._store.file.watched, plans.isEnabledFor(logging.INFO)
        if not self._open[0] or told or isinstance(table, Scan) or watched is None or not isinstance(change, bytes):
            return _nothing
        return table.direct((watched, np.frombuffer(change, np.int64), self._open), self._like) or _nothing

    def _refresh(self, change: object) -> Scan | Multi:
        """Bring what is held up to the store's revision."""
        with self._lock:
            table, revision, width = self.table, self._store.revision(), self._store.bits // 8
            if table is None or isinstance(table, Scan):
                if table is None or table.revision != revision:
                    table = Scan.of(*self._store.segments(table.segments if table else {}), width)
            elif table.revision != revision:
                none = np.zeros(0, np.int64), np.zeros((0, width), np.uint8)
                have = {number: Segment(stamp, *none) for number, stamp in table.stamps.items()}
                table = table.updated(*self._store.segments(have))
            self._held, self.direct = (change, table), self._directly(change, table)
        if not isinstance(table, Scan) and table.worn:
            self._begin(self._renew)
        return table


def _nothing(ordinary: object, named: object) -> None:
    """In place of the ordinary way there is nothing."""


def can_compile() -> bool:
    """Whether numba is there."""
    return find_spec("numba") is not None
