"""Store: entries, codes, models and facts in one file, and the only SQL of the indexer.

Each change is one transaction: entry, code, segment and revision together or not at all. Hot paths hand tuples to the
driver (a Core insert of dicts is four times slower) and read whole results at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from indexer import schema, selection
from indexer.bits import Codes, Ids, check_bits
from indexer.errors import Corrupt, InvalidInput, Mismatch, NotFound, hint
from indexer.file import File
from indexer.rows import Batch, Model, Row, meta_text, row_of
from indexer.samples import like_key
from indexer.schema import buckets, models
from indexer.segments import Cache, Segment, Segments
from indexer.statements import blobs, fact, fact_number, ids_of, insert_codes, insert_rows, select_many, set_facts
from indexer.succession import Succession, check_complete, forget, insert_model, read_model
from indexer.vectors import FORMS, form_of, from_blobs, to_blobs
from indexer.where import Where, condition

BULK = 50_000  # a first load of so many builds its indexes afterwards: .7 against .15 million rows a second
FEW = 1000  # rows that are read without SQLAlchemy
NONE: Mapping[str, str] = MappingProxyType({})
GIVEN = 1  # row of `models` that a new file begins with


class Store:
    """One file by one of its models."""

    def __init__(self, file: File) -> None:
        self.path, self.file = file.path, file
        with file.reading() as connection:
            self.model_id = self._in_use = int(fact(connection, "model") or GIVEN)
            bits = connection.execute(select(models.c.bits).where(models.c.id == self.model_id)).scalar()
        if bits is None:
            raise Corrupt(f"{self.path}: its model is not there: restore the file from a copy")
        self.bits: int = bits

    @property
    def cache(self) -> Cache:
        """The segments of the model in use."""
        return Cache(self.model_id, self.bits // 8)

    @classmethod
    def create(
        cls, path: str, bits: int, held: tuple[str, bytes, str] | None = None, facts: Mapping[str, str] = NONE
    ) -> Self:
        """A new file for codes of this length, whole or not at all; raises `InvalidInput` if it exists.

        The model is `held`, its settings, weights and digest; without it codes are ready-made. `facts` are noted.
        """
        check_bits(bits)

        def fill(connection: Connection) -> None:
            insert_model(connection, GIVEN, bits, held)
            set_facts(connection, {"revision": 0, "entries": 0, "last_id": 0, "model": GIVEN, **facts})

        return cls(File(path, schema.create(path, fill)))

    @classmethod
    def open(cls, path: str) -> Self:
        """An existing file; raises `NotFound`, `InvalidInput`, `Corrupt` or `Mismatch`."""
        file = File(path, schema.open_file(path))
        try:
            return cls(file)
        except BaseException:
            file.close()
            raise

    @property
    def succession(self) -> Succession:
        """The models of the file, and how one follows another."""
        return Succession(self.path, self._read, self._write)

    def of(self, number: int) -> Self:
        """The same file by another of its models, over the same connections, which closing either closes.

        Only the model in use can be written by; one beside it is read while it is complete, else raises `Mismatch`.
        """
        other = copy(self)
        with self.file.reading() as connection:
            other.model_id, other._in_use = number, fact_number(connection, "model")
            bits = connection.execute(select(models.c.bits).where(models.c.id == number)).scalar()
        if bits is None:
            raise NotFound(f"{self.path}: has no model number {number}: it was dropped")
        other.bits = bits
        return other

    def close(self) -> None:
        """Let go of the file; its log is merged into it. What is asked afterwards raises `HashretError`."""
        self.file.close()

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        """One consistent view of the file; raises `Mismatch` if it is of another model by now."""
        with self.file.reading() as connection:
            self._same_model(connection)
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """One transaction, alone; raises `Mismatch` as `_read`."""
        with self.file.writing() as connection:
            self._same_model(connection)
            if self.model_id != self._in_use:
                raise Mismatch(f"{self.path}: is open by a model that is not in use: open it without one to write")
            yield connection

    def _same_model(self, connection: Connection) -> None:
        """Raise `Mismatch` unless the model in use is that of when the file was opened, and ours has all codes."""
        if fact_number(connection, "model") != self._in_use:
            raise Mismatch(f"{self.path}: was given another model since it was opened: open it again")
        if self.model_id != self._in_use:
            check_complete(connection, self.path, self.model_id)

    def fact(self, name: str) -> str | None:
        """A note about the file; None if there is none of this name."""
        with self._read() as connection:
            return fact(connection, name)

    def set_fact(self, name: str, value: str) -> None:
        """Note something about the file."""
        with self._write() as connection:
            set_facts(connection, {name: value})

    def drop_fact(self, name: str) -> None:
        """Take a note back; there need not be one."""
        with self._write() as connection:
            connection.exec_driver_sql("DELETE FROM facts WHERE name = ?", (name,))

    def __len__(self) -> int:
        return int(self.fact("entries") or 0)

    def model(self) -> Model | None:
        """The model of these codes, None for ready-made ones; raises `Corrupt` if its bytes are not of its digest."""
        with self._read() as connection:
            return read_model(connection, self.model_id, self.path)

    def add(self, batch: Batch) -> tuple[int, Ids]:
        """Store entries; a key that is there is updated and keeps its id. The revision; their ids, int64 (n,)."""
        with self._write() as connection:
            before, last, revision = (fact_number(connection, name) for name in ("entries", "last_id", "revision"))
            known = ids_of(connection, batch.keys) if before else {}
            fresh = len(batch.keys) - len(known)
            numbers = iter(range(last + 1, last + 1 + fresh))
            ids = [known.get(key) or next(numbers) for key in batch.keys] if known else list(numbers)
            self._delete(connection, known.values())
            bulk = (schema.by_key, schema.by_code) if before == 0 and fresh >= BULK else ()
            for index in bulk:
                index.drop(connection)
            self._insert(connection, batch, ids)
            selection.index_entries(connection, ids)
            for index in bulk:
                index.create(connection)
            new = np.array(ids, dtype=np.int64)
            self.cache.change(connection, before, revision + 1, new[:0], (new, batch.codes))
            facts = {"revision": revision + 1, "entries": before + fresh, "last_id": last + fresh}
            set_facts(connection, facts)
        return revision + 1, new

    def remove(self, keys: Sequence[str]) -> tuple[int, Ids]:
        """Remove entries; the revision, and the ids that are gone, ascending.

        Raises `NotFound` naming the first key that is not there, and then removes none.
        """
        with self._write() as connection:
            known = ids_of(connection, keys)
            _all_known(self.path, keys, known, "; nothing was removed")
            before, revision = (fact_number(connection, name) for name in ("entries", "revision"))
            self._delete(connection, known.values())
            ids = np.array(sorted(known.values()), dtype=np.int64)
            none = np.zeros((0, self.bits // 8), dtype=np.uint8)
            self.cache.change(connection, before, revision + 1, ids, (ids[:0], none))
            set_facts(connection, {"revision": revision + 1, "entries": before - len(ids)})
        return revision + 1, ids

    def _insert(self, connection: Connection, batch: Batch, ids: list[int]) -> None:
        """The rows of a batch."""
        metas = None if batch.metas is None else [meta_text(meta) for meta in batch.metas]
        columns = {"content": batch.contents, "meta": metas, "digest": batch.digests}
        filled = {name: column for name, column in columns.items() if column is not None}
        in_a_row = ids == list(range(ids[0], ids[0] + len(ids))) if ids else False
        if filled or not in_a_row or any("\0" in key for key in batch.keys):  # text of JSON ends at NUL
            insert_rows(connection, "entries", {"id": ids, "key": batch.keys, **filled})
        else:
            sql = "INSERT INTO entries (id, key) SELECT ? + key, value FROM json_each(?)"
            connection.exec_driver_sql(sql, (ids[0], json.dumps(batch.keys)))
        insert_codes(connection, self.model_id, ids, batch.codes)
        if batch.vectors is not None:
            vectors = to_blobs(batch.vectors, fact(connection, "vectors") or FORMS[0])
            insert_rows(connection, "vectors", {"entry": ids, "vector": vectors})

    def _delete(self, connection: Connection, ids: Iterable[int]) -> None:
        """The rows of these entries."""
        rows = [(number,) for number in ids]
        if rows:
            connection.exec_driver_sql("DELETE FROM entries WHERE id = ?", rows)
            connection.exec_driver_sql("DELETE FROM vectors WHERE entry = ?", rows)
            selection.forget_entries(connection, [number for (number,) in rows])
            connection.exec_driver_sql(f"DELETE FROM buckets WHERE model = {self.model_id} AND entry = ?", rows)
            forget(connection, np.array(rows, dtype=np.int64)[:, 0])

    def revision(self) -> int:
        """How many changes there were: what a reader compares with what it holds."""
        with self._read() as connection:
            return fact_number(connection, "revision")

    def segments(self, have: Mapping[int, Segment]) -> tuple[int, Segments]:
        """The revision, and all codes of the model as segments; those of `have` are used again if unchanged."""
        with self._read() as connection:
            revision, count = (fact_number(connection, name) for name in ("revision", "entries"))
            return revision, self.cache.load(connection, have, count, revision)

    def rows_of_codes(self) -> tuple[Ids, Codes]:
        """Every id, ascending, and its code, read row by row and not from the cache."""
        with self._read() as connection:
            return self.cache.rows(connection)

    def with_codes(self, codes: Codes) -> tuple[Ids, Codes]:
        """Ids of the entries that have one of these codes, and the code of each, in no order."""
        with self._read() as connection:
            sql = f"SELECT entry, code FROM buckets WHERE model = {self.model_id} AND code IN ({{}})"
            found = select_many(connection, sql, blobs(codes))
        ids = np.fromiter((row[0] for row in found), dtype=np.int64, count=len(found))
        return ids, np.frombuffer(b"".join(row[1] for row in found), dtype=np.uint8).reshape(-1, codes.shape[1])

    def ids(self, keys: Sequence[str]) -> Ids:
        """The id of each key, int64 (n,); raises `NotFound` naming the first key that is not there."""
        with self._read() as connection:
            known = ids_of(connection, keys)
        _all_known(self.path, keys, known)
        return np.array([known[key] for key in keys], dtype=np.int64)

    def codes(self, ids: Ids) -> Codes:
        """The code of each id, uint8 (n, b / 8); raises `NotFound`."""
        with self._read() as connection:
            sql = f"SELECT entry, code FROM buckets WHERE model = {self.model_id} AND entry IN ({{}})"
            found = dict(tuple(row) for row in select_many(connection, sql, ids.tolist()))
        return np.frombuffer(b"".join(_pick(self.path, found, ids)), dtype=np.uint8).reshape(-1, self.bits // 8)

    @property
    def keeps_vectors(self) -> bool:
        """Whether vectors are kept beside entries."""
        return form_of(self.fact("vectors")) in FORMS

    def vectors(self, ids: Ids) -> NDArray[np.float32]:
        """The stored vector of each id, float32 (n, d); raises `NotFound`."""
        with self._read() as connection:
            rows = select_many(connection, "SELECT entry, vector FROM vectors WHERE entry IN ({})", ids.tolist())
            form = fact(connection, "vectors") or FORMS[0]
        return from_blobs(_pick(self.path, dict(tuple(row) for row in rows), ids), form)

    def keys(self, ids: Ids) -> list[str]:
        """The key of each id; raises `NotFound`."""
        with self._read() as connection:
            found = dict(
                tuple(row)
                for row in select_many(connection, "SELECT id, key FROM entries WHERE id IN ({})", ids.tolist())
            )
        return _pick(self.path, found, ids)

    def rows(self, ids: Ids) -> list[Row]:
        """The entry of each id; raises `NotFound`."""
        sql = "SELECT id, key, content, meta FROM entries WHERE id IN ({})"
        wanted, rows = ids.tolist(), None
        if len(wanted) <= FEW:
            rows = self.file.rows(sql.format(",".join("?" * len(wanted))), tuple(wanted))
        if rows is None:
            with self._read() as connection:
                rows = select_many(connection, sql, wanted)
        found = {row[0]: row_of(row) for row in rows}
        return _pick(self.path, found, ids)

    def digests(self, keys: Sequence[str]) -> dict[str, bytes | None]:
        """The content digest of each key that is there."""
        with self._read() as connection:
            found = select_many(connection, "SELECT key, digest FROM entries WHERE key IN ({})", keys)
        return dict(tuple(row) for row in found)

    def pages(self, size: int = 2048) -> Iterator[list[Row]]:
        """All entries by ascending id, `size` at a time."""
        last = 0
        while True:
            with self._read() as connection:
                sql = "SELECT id, key, content, meta FROM entries WHERE id > ? ORDER BY id LIMIT ?"
                page = [row_of(row) for row in connection.exec_driver_sql(sql, (last, size))]
            if not page:
                return
            yield page
            last = page[-1].id

    def listed(self, prefix: str = "", after: str = "", size: int = 50, among: Ids | None = None) -> list[Row]:
        """Entries by their keys, at most `size`: those that begin with `prefix` and come after the key `after`.

        The order is that of Unicode's code points; with `among` only entries with these ids.
        """
        ids = None if among is None else json.dumps(among.tolist())
        sql = "SELECT id, key, content, meta FROM entries WHERE key >= ? AND key > ?"
        if ids is not None:
            sql += " AND id IN (SELECT value FROM json_each(?))"
        values = (prefix, after, size) if ids is None else (prefix, after, ids, size)
        with self._read() as connection:
            rows = [row_of(row) for row in connection.exec_driver_sql(f"{sql} ORDER BY key LIMIT ?", values)]
        return [row for row in rows if row.key.startswith(prefix)]

    def where(self, where: Where, among: Ids | None = None) -> Ids:
        """Ids, ascending, of the entries that a condition matches, see `indexer.where`; of all, or of these ids."""
        asked = condition(where)
        with self._read() as connection:
            return selection.select_ids(connection, asked, among)

    def index_field(self, name: str) -> None:
        """Index a field of meta, so that conditions on it read no metas; it stays so until `unindex_field`."""
        with self._write() as connection:
            selection.add_index(connection, name)

    def unindex_field(self, *names: str) -> None:
        """Drop the indexes of fields; raises `NotFound`, and drops none, if one has none."""
        with self._write() as connection:
            known = selection.indexed(connection)
            for name in dict.fromkeys(names):
                if not selection.drop_index(connection, name):
                    told = ", ".join(known) or "none"
                    raise NotFound(f"{self.path}: the field {name!r} is not indexed: there are {told}")

    def indexed(self) -> list[str]:
        """The fields that have an index."""
        with self._read() as connection:
            return selection.indexed(connection)

    def fields(self) -> dict[str, dict[str, int]]:
        """Every field of meta: the number of entries that have it as each type of JSON; reads all metas."""
        with self._read() as connection:
            return selection.field_kinds(connection)

    def has_field(self, name: str) -> bool:
        """Whether any entry has a field of this name."""
        with self._read() as connection:
            return selection.has_field(connection, name)

    def largest_bucket(self) -> tuple[int, int]:
        """How many different codes there are, and how many entries share the commonest."""
        sizes = select(func.count().label("size")).where(buckets.c.model == self.model_id).group_by(buckets.c.code)
        counted = sizes.subquery()
        with self._read() as connection:
            row = connection.execute(select(func.count(), func.coalesce(func.max(counted.c.size), 0))).one()
        return int(row[0]), int(row[1])

    def size(self) -> int:
        """Bytes of the database."""
        with self._read() as connection:
            pages, page = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "page_size")
            )
        return int(pages * page)

    def damage(self) -> list[str]:
        """What SQLite itself finds wrong with the file; empty if nothing."""
        with self._read() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check").scalars().all()
        return [line for line in found if line != "ok"]


def _all_known(path: str, keys: Sequence[str], known: Mapping[str, int], so: str = "") -> None:
    """Raise `NotFound` for the first key that is not known."""
    for key in keys:
        if key not in known:
            if not isinstance(key, str):
                raise InvalidInput(f"key {key!r} is no text: give the key of an entry")
            raise NotFound(f"{path}: no entry has the key {key!r}{so}{hint(key, like_key(path, key))}")


def _pick(path: str, found: Mapping[int, Any], ids: Ids) -> list[Any]:
    """The value of each id; raises `NotFound` for the first that has none."""
    try:
        return [found[number] for number in ids.tolist()]
    except KeyError as error:
        raise NotFound(f"{path}: no entry has the id {error.args[0]}") from error
