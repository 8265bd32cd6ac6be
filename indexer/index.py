"""Index: codes in, ids out. A store, a table in memory, and a planner that chooses between them.

Every answer is complete and in the order (distance, id), whichever way found it. Small radii are answered by the
database with nothing loaded; everything else by a scan of all codes, which memory holds as of the store's revision.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from types import NoneType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from indexer.bits import Codes, Ids, as_codes, as_ids, ball_size, distances, flip_masks, whole
from indexer.check import Nearest, Report, Ways, prove
from indexer.errors import InvalidInput, NotFound
from indexer.filtered import Filtered
from indexer.matches import Matches, Pairs, RangeMatches, empty
from indexer.memory import NO_NUMBA, Memory, can_compile
from indexer.planner import Plan, plan, plan_tables, table_bytes
from indexer.rows import Batch, Field
from indexer.store import Store
from indexer.tables import MOST, Csr, Scan, too_many
from indexer.where import Where, comparisons, condition

if TYPE_CHECKING:
    from indexer.multi import Multi

TYPES = {  # of JSON, as SQLite calls them
    "text": "text",
    "integer": "number",
    "real": "number",
    "true": "boolean",
    "false": "boolean",
    "array": "list",
    "object": "object",
    "null": "null",
}
MANY = 100  # codes that are read from memory, where they are: the database takes 2 us for each
log = logging.getLogger(__name__)


class Index:
    """Binary codes of one length with keys, in one file; a context manager.

    Made by `create` or `open`. Any number of threads and processes may search while one writes.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._memory = Memory(store, empty(store))
        self._filtered = Filtered(store, self._memory)
        self._direct: object = None  # of the memory, and what it made
        self._short: Callable[[Any, Any], RangeMatches] | None = None

    @classmethod
    def create(cls, path: str, bits: int = 64) -> Self:
        """A new file (or ":memory:") for codes of 8 to 256 bits, a multiple of 8.

        Raises `InvalidInput` for another length or if the file exists.
        """
        return cls(Store.create(path, bits))

    @classmethod
    def open(cls, path: str) -> Self:
        """An existing file.

        Raises `NotFound`, `InvalidInput` if it is not ours, `Corrupt`, or `Mismatch` if a newer hashret wrote it.
        """
        return cls(Store.open(path))

    def close(self) -> None:
        """Let go of file and memory."""
        self._short = None
        vars(self).pop("within", None)
        self.store.close()
        if not self.store.file.left:  # a thread that a forked child does not have may be making tables for ever
            self._memory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    @property
    def bits(self) -> int:
        """Length of a code in bits."""
        return self.store.bits

    def __len__(self) -> int:
        return len(self.store)

    def add(
        self,
        keys: Sequence[str],
        codes: Codes,
        *,
        contents: Sequence[str | None] | None = None,
        metas: Sequence[Mapping[str, Any]] | None = None,
        digests: Sequence[bytes] | None = None,
        vectors: NDArray[np.floating[Any]] | None = None,
    ) -> Ids:
        """Store codes uint8 (n, bits / 8) under keys, with what else is known of them, in one transaction.

        A key that is there is updated, all its columns anew, and keeps its id. Returns ids int64 (n,). Raises
        `InvalidInput` for keys that are no text, empty or given twice, and for columns of another length.
        """
        codes = as_codes(codes, self.bits)
        columns = {"codes": codes, "contents": contents, "metas": metas, "digests": digests, "vectors": vectors}
        for name, kind in (("contents", str), ("digests", bytes)):
            odd = set(map(type, columns[name] or ())) - {kind, NoneType}
            if odd:
                raise InvalidInput(f"{name} hold {odd.pop().__name__}: give {kind.__name__} or None for each")
        for name, column in columns.items():
            if column is not None and len(column) != len(keys):
                raise InvalidInput(f"{len(keys)} keys but {len(column)} {name}: give one for each")
        _check_keys(keys)
        revision, ids = self.store.add(Batch(keys, codes, contents, metas, digests, vectors))
        self._memory.wrote(revision, ids[:0], ids, codes)
        return ids

    def remove(self, keys: Sequence[str]) -> int:
        """Remove entries; their number. Raises `NotFound` if a key is not there, and then removes none."""
        revision, ids = self.store.remove(keys)
        self._memory.wrote(revision, ids, ids[:0], np.zeros((0, self.bits // 8), np.uint8))
        return len(ids)

    def index_field(self, name: str) -> None:
        """Index a field of meta, for conditions on it; what is added later is indexed with it."""
        if not isinstance(name, str) or name.encode("utf-8", "replace").decode() != name:
            raise InvalidInput(f"the name of a field is {name!r}: give a text that UTF-8 can write")
        self.store.index_field(name)

    def unindex_field(self, *names: str) -> None:
        """Drop the indexes of fields; raises `NotFound`, and drops none, if one has none."""
        self.store.unindex_field(*names)

    def fields(self) -> list[Field]:
        """The fields that metas have or that are indexed, by name: what a condition can be on. Reads all metas."""
        found, indexed = self.store.fields(), self.store.indexed()
        counts = {name: found.get(name, {}) for name in sorted({*found, *indexed})}
        types = {name: tuple(dict.fromkeys(TYPES[kind] for kind in kinds)) for name, kinds in counts.items()}
        return [
            Field(name, sum(kinds.values()) - kinds.get("null", 0), types[name], name in indexed)
            for name, kinds in counts.items()
        ]

    def check_fields(self, where: Where) -> None:
        """Raise `NotFound` if a condition is on a field that no entry has, with the name that may be meant.

        A search itself takes such a field for missing in every entry.
        """
        for name in dict.fromkeys(test.field for test in comparisons(condition(where))) if len(self) else ():
            if not self.store.has_field(name):
                names = list(self.store.fields())
                close = get_close_matches(name, names, 1)
                meant = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names) or 'none'}"
                raise NotFound(f"{self.store.path}: no entry has the field {name!r}: {meant}")

    def warm(self) -> None:
        """Make the tables that searches in memory are quickest with, and wait for them: seconds for millions of codes.

        Without this they are made in the background once a process has asked twice. Without numba it does nothing.
        """
        self._memory.warm()
        self._shorten()

    def search(self, codes: Codes, k: int = 10, *, among: Ids | None = None, where: Where | None = None) -> Matches:
        """The k nearest codes of each query, exactly; with `among` only entries with these ids, ascending.

        With `where` only entries whose meta matches, see `indexer.where`: always k of them, if there are k.
        Raises `InvalidInput` for k below 1, and for room for more than 100 million answers.
        """
        codes = as_codes(codes, self.bits)
        k = whole("k", k, 1)
        if len(codes) * k > MOST:
            raise too_many(0)
        if where is not None:
            _not_both(among)
            return Matches(*self._filtered.search(codes, k, condition(where)), self.store)
        self._tell(len(codes), k, None)
        return Matches(*self._table(len(codes), among).search(codes, k), self.store)

    def within(
        self, codes: Codes, radius: int, *, among: Ids | None = None, where: Where | None = None
    ) -> RangeMatches:
        """Every code within `radius` bits (inclusive) of each query, exactly; `among` and `where` as in `search`.

        Raises `InvalidInput` if that is more than 100 million answers.
        """
        short = self._short
        if short is not None and among is None and where is None:
            return short(codes, radius)
        return self._within(codes, radius, among=among, where=where)

    def _within(
        self, codes: Codes, radius: int, *, among: Ids | None = None, where: Where | None = None
    ) -> RangeMatches:
        """The ordinary way to do it."""
        bits = self.store.bits
        codes = as_codes(codes, bits)
        radius = min(whole("radius", radius, 0), bits)
        if where is not None:
            _not_both(among)
            every = self.within(codes, radius)
            passed = self._filtered.within((every.lims, every.ids, every.distances), condition(where))
            return RangeMatches(*passed, self.store)
        self._tell(len(codes), None, radius)
        if self._memory.table is not None or self._plan(len(codes), None, radius).way == "scan":
            found = RangeMatches(*self._table(len(codes), among).within(codes, radius), self.store)
            self._shorten()
            return found
        lims, ids, near = self._look_up(codes, radius)
        if among is not None:
            kept = np.isin(ids, as_ids(among))
            lims = np.concatenate(([0], np.cumsum(kept)))[lims]
            ids, near = ids[kept], near[kept]
        return RangeMatches(lims, ids, near, self.store)

    def _shorten(self) -> None:
        """Have what asks the present tables directly in the place of `within`, whose frame would cost as much again.

        What is not one code and a small radius it hands on.
        """
        direct = self._memory.direct
        if direct is not self._direct:
            self._short = direct(partial(self._hand_on, direct), Index.within)
            self._direct = direct
            vars(self).pop("within", None)
            if self._short is not None and type(self).within is Index.within:
                vars(self)["within"] = self._short

    def _hand_on(self, direct: object, *given: Any, **named: Any) -> RangeMatches:
        """Answer in place of what was made so: somebody may have kept it, and there may be a newer one."""
        newer = self._short if direct is not self._direct else None
        return (newer or self._within)(*given, **named)

    def bucket(self, code: Codes) -> Ids:
        """Ids, ascending, of the entries that have this very code."""
        codes = as_codes(code, self.bits)
        if len(codes) != 1:
            raise InvalidInput(f"{len(codes)} codes were given: give one")
        return self._look_up(codes, 0)[1]

    def pairs(self, radius: int) -> Iterator[Pairs]:
        """Every pair of entries within `radius` bits once, in chunks and in no order: all near duplicates."""
        chunks = self._table(len(self), None).pairs(min(whole("radius", radius, 0), self.bits))
        return (Pairs(left, right, near) for left, right, near in chunks if len(left))

    def explain(
        self, codes: Codes, *, k: int | None = None, radius: int | None = None, where: Where | None = None
    ) -> Plan:
        """How `search` (with k) or `within` (with radius) answers these queries and why, and how long it took."""
        if (k is None) == (radius is None):
            raise InvalidInput("give k or radius, one of the two")
        if radius is None:
            k = whole("k", k, 1)
        else:
            radius = min(whole("radius", radius, 0), self.bits)
        codes = as_codes(codes, self.bits)
        foreseen = self._plan(len(codes), k, radius)
        start = time.perf_counter()
        _ = self.within(codes, radius, where=where) if radius is not None else self.search(codes, k or 1, where=where)
        measured = (time.perf_counter() - start) * 1e6
        if where is not None:  # how that went is known only now
            foreseen = self._plan_filtered(codes, k, radius, where)
        return replace(foreseen, measured=measured)

    def _plan_filtered(self, codes: Codes, k: int | None, radius: int | None, where: Where) -> Plan:
        """How queries with a condition are answered, once they were."""
        if radius is None:
            return self._filtered.plan_search(
                len(codes), k or 1, condition(where), lambda more: self._plan(len(codes), more, None)
            )
        found = len(np.unique(self.within(codes, radius).ids))
        return self._filtered.plan_within(condition(where), found, self._plan(len(codes), None, radius))

    def _tell(self, queries: int, k: int | None, radius: int | None) -> None:
        """Tell the plan of a search to whoever listens; who begins to between two changes, from the second on."""
        if log.isEnabledFor(logging.INFO):
            log.info("search: %s", self._plan(queries, k, radius))

    def _plan(self, queries: int, k: int | None, radius: int | None) -> Plan:
        """How so many queries would be answered."""
        table = self._memory.table
        if isinstance(table, Scan) or table is None or table.costs is None:
            why = "" if can_compile() else f"; {NO_NUMBA}, so this is how it stays"
            found = plan(len(self), self.bits, queries, radius, resident=table is not None)
            return replace(found, why=found.why + why)
        return plan_tables(table.costs, table.shape, queries, k, radius)

    def keys(self, ids: Ids) -> list[str]:
        """The key of each id; raises `NotFound`."""
        return self.store.keys(as_ids(ids))

    def ids(self, keys: Sequence[str]) -> Ids:
        """The id of each key, int64 (n,); raises `NotFound`."""
        return self.store.ids(keys)

    def codes(self, ids: Ids) -> Codes:
        """The code of each id, uint8 (n, bits / 8); raises `NotFound`."""
        ids = as_ids(ids)
        if len(ids) < MANY or self._memory.table is None:
            return self.store.codes(ids)
        some = self._memory.current().among(ids)
        places = np.searchsorted(some.ids, ids)
        if not len(some.ids) or (some.ids[places.clip(max=len(some.ids) - 1)] != ids).any():
            return self.store.codes(ids)  # which tells who is not there
        return some.codes[places]

    def entries(self) -> tuple[Ids, Codes]:
        """All ids, int64 (n,) ascending, and their codes, uint8 (n, bits / 8)."""
        scan = Scan.of(*self.store.segments({}), self.bits // 8)
        return scan.ids, scan.codes

    def check(self, sample: int = 32, seed: int = 0) -> Report:
        """Prove a sample of answers of every way by brute force over the rows, and the caches against the rows."""
        sample, seed = whole("sample", sample, 1), whole("seed", seed, 0)
        scan = Scan.of(*self.store.segments({}), self.bits // 8)  # as a fresh reader would load it
        flips = 2 if ball_size(self.bits, 2) <= 3000 else 1
        ways: Ways = {"bucket": (self._look_up, 0), "flips": (self._look_up, flips)}
        ways["scan"] = scan.within, self.bits // 4
        nearest: Nearest = {"search": scan.search}
        if can_compile():
            from indexer.multi import Multi

            table = Multi.of(scan)
            ways["multi-index"] = (lambda codes, radius: table.ask(codes, 0, radius)[0]), min(4, self.bits // 4)
            nearest["search by multi-index"] = table.search
        return prove(self.store, scan, (ways, nearest), sample, seed)

    def stats(self) -> dict[str, int | str]:
        """Entries, bits, revision, different codes, entries in the largest bucket, bytes of the file, and `memory`.

        That is how many bytes its codes take in a process that searches them, and how they are searched there.
        """
        codes, largest = self.store.largest_bucket()
        held = table_bytes(len(self), self.bits, codes), "multi-index tables"
        if not can_compile():
            held = len(self) * (8 + 2 * self.bits // 8), f"scanned with FAISS: {NO_NUMBA}"
        memory = f"{held[0]:,} bytes, {held[0] / max(1, len(self)):.0f} an entry, {held[1]}"
        counts = {"entries": len(self), "bits": self.bits, "revision": self.store.revision(), "codes": codes}
        return {**counts, "largest bucket": largest, "bytes": self.store.size(), "memory": memory}

    def _table(self, queries: int, among: Ids | None) -> Scan | Multi:
        """All codes, or those of some entries, in memory as of the store's revision."""
        table = self._memory.current(queries)
        return table if among is None else table.among(as_ids(among))

    def _look_up(self, codes: Codes, radius: int) -> Csr:
        """What `Scan.within` answers, by looking up every code within the radius in the database."""
        masks = flip_masks(self.bits, radius)
        lims, ids, near = [0], [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int32)]
        for code in codes:
            found, theirs = self.store.with_codes(masks ^ code)
            away = distances(code[None], theirs)[0]
            order = np.lexsort((found, away))
            lims.append(lims[-1] + len(found))
            ids.append(found[order])
            near.append(away[order])
        return np.array(lims, dtype=np.int64), np.concatenate(ids), np.concatenate(near)


def _check_keys(keys: Sequence[str]) -> None:
    """Raise `InvalidInput` unless keys are texts that a database can hold, not empty, and all different."""
    if isinstance(keys, str):
        raise InvalidInput("keys are one text: give a list of keys")
    if set(map(type, keys)) - {str} or "" in keys:
        number, key = next((n, key) for n, key in enumerate(keys) if type(key) is not str or not key)
        raise InvalidInput(f"key {number} is {key!r}: give a text that is not empty")
    try:
        "".join(keys).encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"a key holds {error.object[error.start]!r}, which UTF-8 cannot: give another") from error
    if len(set(keys)) != len(keys):
        first: dict[str, int] = {}
        for number, key in enumerate(keys):
            if first.setdefault(key, number) != number:
                raise InvalidInput(f"keys {first[key]} and {number} are both {key!r}: give each key once")


def _not_both(among: Ids | None) -> None:
    """Raise `InvalidInput` for `among` where there is `where` too."""
    if among is not None:
        raise InvalidInput("among and where are both given: give one of the two")
