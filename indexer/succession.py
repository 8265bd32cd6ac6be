"""Succession: a model beside the one in use, whose codes are made while the other goes on answering.

Which model that is, and how many entries have its code, stand in the facts `beside` and `encoded`. A change of entries
takes back their codes by it in the same transaction, so that each of its codes is of what its entry holds now; as many
codes as entries means that it is complete, and may be asked or take over. The number of a model is never given again:
who has opened a file by a model that is gone is not answered by another.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

import numpy as np
from sqlalchemy import Connection, delete, insert, select

from indexer.bits import Codes, Ids
from indexer.errors import Corrupt, InvalidInput, Mismatch, NotFound
from indexer.rows import Generation, Lacking, Model
from indexer.schema import buckets, models, segments
from indexer.segments import Cache
from indexer.statements import fact, fact_number, insert_codes, select_many, set_facts
from indexer.vectors import from_blobs

BESIDE, ENCODED, LAST = "beside", "encoded", "last_model"  # names of facts
Transaction = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class Succession:
    """The models of one file: at most one beside the one in use. Every method is one transaction."""

    path: str
    _reading: Transaction
    _writing: Transaction

    def generations(self) -> list[Generation]:
        """All models, the one in use first."""
        columns = (models.c.id, models.c.digest, models.c.bits, models.c.created)
        with self._reading() as connection:
            rows = connection.execute(select(*columns)).all()
            in_use, encoded, entries = (fact_number(connection, name) for name in ("model", ENCODED, "entries"))
        found = [
            Generation(row.id, row.digest or "", row.bits, row.created, entries if mine else encoded, entries, mine)
            for row in rows
            for mine in (row.id == in_use,)
        ]
        return sorted(found, key=lambda one: not one.in_use)

    def beside(self) -> int:
        """The number of the model beside; 0 if there is none."""
        with self._reading() as connection:
            return fact_number(connection, BESIDE)

    def model(self, number: int) -> Model:
        """A model by its number, complete or not; raises `NotFound`, or `Corrupt` as `read_model`."""
        with self._reading() as connection:
            found = read_model(connection, number, self.path)
        if found is None:
            raise NotFound(f"{self.path}: has no model number {number}: it was dropped")
        return found

    def begin(self, model: Model) -> int:
        """Put a model beside the one in use, without codes; its number. One that is there already is left as it is.

        Raises `InvalidInput` if another stands there, or if it is the one in use.
        """
        with self._writing() as connection:
            rows = connection.execute(select(models.c.id, models.c.digest)).all()
            digests: dict[int, str | None] = {row.id: row.digest for row in rows}
            beside, in_use = (fact_number(connection, name) for name in (BESIDE, "model"))
            if beside and digests[beside] == model.digest:
                return beside
            if beside:
                there = (digests[beside] or "")[:12] or "(ready-made codes)"
                raise InvalidInput(f"{self.path}: model {there} stands beside already: promote or drop it first")
            if digests[in_use] == model.digest:
                raise InvalidInput(
                    f"{self.path}: model {model.digest[:12]} is in use already: the same settings, seed and entries "
                    "give the same model"
                )
            number = max([fact_number(connection, LAST), *digests]) + 1
            insert_model(connection, number, model.bits, (model.settings, model.weights, model.digest))
            set_facts(connection, {BESIDE: number, ENCODED: 0, LAST: number})
        return number

    def lacking(self, after: int, size: int) -> list[Lacking]:
        """At most `size` entries without a code by the model beside, ascending, those with ids above `after`."""
        sql = (
            "SELECT entry FROM buckets AS one WHERE model = ? AND entry > ? AND NOT EXISTS"
            " (SELECT 1 FROM buckets WHERE model = ? AND entry = one.entry) ORDER BY entry LIMIT ?"
        )
        with self._reading() as connection:
            in_use, beside = (fact_number(connection, name) for name in ("model", BESIDE))
            wanted = connection.exec_driver_sql(sql, (in_use, after, beside, size)).scalars().all()
            columns = "id, entries.key, digest, content, vector"
            held = f"SELECT {columns} FROM entries LEFT JOIN vectors ON entry = id WHERE id IN ({{}})"
            form = fact(connection, "vectors") or "none"
            return sorted(_lacking(form, *row) for row in select_many(connection, held, wanted))

    def lacking_keys(self, keys: Sequence[str]) -> dict[str, tuple[int, bytes | None]]:
        """Id and digest of those of these keys that are there and have no code by the model beside."""
        with self._reading() as connection:
            beside = fact_number(connection, BESIDE)
            sql = (
                "SELECT key, id, digest FROM entries WHERE key IN ({}) AND NOT EXISTS"
                f" (SELECT 1 FROM buckets WHERE model = {beside} AND entry = id)"
            )
            return {row[0]: (row[1], row[2]) for row in select_many(connection, sql, keys)}

    def put(self, number: int, ids: Sequence[int], digests: Sequence[bytes | None], codes: Codes) -> bool:
        """Store codes that this model beside gave entries as they were at these digests; False if it is gone.

        Entries that have changed since, or have a code by now, are passed over.
        """
        with self._writing() as connection:
            if fact_number(connection, BESIDE) != number:
                return False
            there = select_many(connection, "SELECT id, digest FROM entries WHERE id IN ({})", ids)
            now = {row[0]: row[1] for row in there}
            sql = f"SELECT entry FROM buckets WHERE model = {number} AND entry IN ({{}})"
            coded = {row[0] for row in select_many(connection, sql, ids)}
            fits = [
                place
                for place, (one, digest) in enumerate(zip(ids, digests, strict=True))
                if one in now and now[one] == digest and one not in coded
            ]
            kept = np.array([ids[place] for place in fits], dtype=np.int64)
            if len(kept):
                insert_codes(connection, number, kept.tolist(), codes[fits])
                _count(connection, (number, codes.shape[1]), kept[:0], (kept, codes[fits]))
        return True

    def promote(self, number: int) -> bool:
        """Use this model beside, and keep the other beside it; False if it has not encoded every entry.

        Raises `NotFound` if it is not there.
        """
        with self._writing() as connection:
            self._check_beside(connection, number)
            in_use, encoded, entries = (fact_number(connection, name) for name in ("model", ENCODED, "entries"))
            if encoded == entries:
                set_facts(connection, {"model": number, BESIDE: in_use})
        return encoded == entries

    def drop(self, number: int) -> None:
        """Remove this model beside and its codes; raises `NotFound` if it is not there."""
        with self._writing() as connection:
            self._check_beside(connection, number)
            for table in (buckets, segments):
                connection.execute(delete(table).where(table.c.model == number))
            connection.execute(delete(models).where(models.c.id == number))
            connection.exec_driver_sql("DELETE FROM facts WHERE name IN (?, ?)", (BESIDE, ENCODED))

    def _check_beside(self, connection: Connection, number: int) -> None:
        """Raise `NotFound` unless this is the number of a model, and that stands beside."""
        if not number or fact_number(connection, BESIDE) != number:
            raise NotFound(f"{self.path}: no model stands beside the one in use: make one by `hashret reencode`")


def forget(connection: Connection, ids: Ids) -> None:
    """Take back the codes of entries by the model beside, within the transaction that changes these entries."""
    number = fact_number(connection, BESIDE)
    if number:
        bits = connection.execute(select(models.c.bits).where(models.c.id == number)).scalar_one()
        sql = "DELETE FROM buckets WHERE model = ? AND entry IN (SELECT value FROM json_each(?))"
        gone = connection.exec_driver_sql(sql, (number, json.dumps(ids.tolist()))).rowcount
        if gone:
            none = np.zeros((0, bits // 8), dtype=np.uint8)
            _count(connection, (number, bits // 8), ids, (ids[:0], none), gone)


def check_complete(connection: Connection, path: str, number: int) -> None:
    """Raise `Mismatch` unless this model stands beside the one in use and has a code of every entry."""
    beside, encoded, entries = (fact_number(connection, name) for name in (BESIDE, ENCODED, "entries"))
    if beside != number:
        raise Mismatch(f"{path}: its model was dropped since it was opened: open it again")
    if encoded != entries:
        digest = connection.execute(select(models.c.digest).where(models.c.id == number)).scalar_one() or ""
        raise Mismatch(
            f"{path}: model {digest[:12]} has codes of {encoded:,} of {entries:,} entries: "
            "`hashret reencode` makes the others"
        )


def insert_model(connection: Connection, number: int, bits: int, held: tuple[str, bytes, str] | None = None) -> None:
    """A row of `models`: settings, weights and digest as they are `held`, or none for ready-made codes."""
    values = dict(zip(("settings", "weights", "digest"), held or (), strict=bool(held)))
    created = datetime.now(UTC).isoformat(timespec="seconds")
    connection.execute(insert(models).values(id=number, bits=bits, created=created, **values))


def read_model(connection: Connection, number: int, path: str) -> Model | None:
    """A model, None for ready-made codes; raises `Corrupt` if its bytes are not those of its digest."""
    row = connection.execute(select(models).where(models.c.id == number)).one_or_none()
    if row is None or row.digest is None:
        return None
    if model_digest(row.settings, row.weights) != row.digest:
        raise Corrupt(f"{path}: model {row.digest[:12]} is damaged: restore the file from a copy")
    return Model(row.id, row.bits, row.digest, row.settings, row.weights)


def model_digest(settings: str, weights: bytes) -> str:
    """SHA-256 in hexadecimal of settings and weights: the name of a model."""
    return sha256(settings.encode() + b"\n" + weights).hexdigest()


def _count(
    connection: Connection, generation: tuple[int, int], drop: Ids, new: tuple[Ids, Codes], gone: int = 0
) -> None:
    """Bring segments and the count of codes up to date after rows of `buckets` were changed.

    Segments are stamped with the revision at which entries were last changed. Two changes of codes may share it, but
    no reader is between them: only a complete model is read, and of that a revision has one.
    """
    encoded = fact_number(connection, ENCODED)
    revision = fact_number(connection, "revision") + bool(gone)
    Cache(*generation).change(connection, encoded, revision, drop, new)
    set_facts(connection, {ENCODED: encoded + len(new[0]) - gone})


def _lacking(
    form: str, number: int, key: str, digest: bytes | None, content: str | None, vector: bytes | None
) -> Lacking:
    """An entry of its columns, its vector stored in this form."""
    values = None if vector is None else from_blobs([vector], form)[0]
    return Lacking(number, key, digest, content, values)
