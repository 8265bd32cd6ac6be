"""Segments: the codes of one model packed 65,536 entries a row, so that a million load in milliseconds.

Segment s holds the entries with ids from s * 65,536 on, ascending, as two blobs: int64 little-endian ids and the bytes
of their codes. It is a cache of the rows of `buckets`, changed in the same transaction, and stamped with the
revision of its last change, so that a reader loads only what is new to it. A segment that is missing or cannot be
read is made anew from the rows: by a reader in memory, by the next writer in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, and_, delete, func, insert, select

from indexer.bits import Codes, Ids
from indexer.errors import Corrupt
from indexer.schema import segments

SHIFT = 16  # 2**16 entries a segment: 1 MB at 64 bits, 3 ms to rewrite


@dataclass(frozen=True, slots=True)
class Segment:
    """Ids int64 (n,) ascending and codes uint8 (n, b / 8), as of `revision`."""

    revision: int
    ids: Ids
    codes: Codes

    def changed(self, revision: int, drop: Ids, ids: Ids, codes: Codes) -> Segment:
        """Without the entries of `drop`, with these entries put in or in place of their older selves."""
        kept = ~np.isin(self.ids, np.concatenate((drop, ids)))
        return pack(revision, np.concatenate((self.ids[kept], ids)), np.concatenate((self.codes[kept], codes)))


Segments = dict[int, Segment]


def pack(revision: int, ids: Ids, codes: Codes) -> Segment:
    """A segment of entries in any order."""
    order = np.argsort(ids)
    return Segment(revision, ids[order], codes[order])


@dataclass(frozen=True, slots=True)
class Cache:
    """The stored segments of one model whose codes are `width` bytes long."""

    model: int
    width: int

    def load(self, connection: Connection, have: Mapping[int, Segment], entries: int, revision: int) -> Segments:
        """All segments as of now, those of `have` used again where they have not changed."""
        columns = (segments.c.number, segments.c.revision, segments.c.size)
        stored = connection.execute(select(*columns).where(segments.c.model == self.model)).all()
        if sum(row.size for row in stored) != entries:
            return split(revision, *self.rows(connection))
        fresh = {row.number for row in stored if row.number not in have or have[row.number].revision != row.revision}
        loaded = self._stored(connection, fresh, revision)
        return {row.number: loaded.get(row.number) or have[row.number] for row in stored}

    def change(self, connection: Connection, before: int, revision: int, drop: Ids, new: tuple[Ids, Codes]) -> None:
        """Bring the file up to date after its rows were changed; `before` is the number of entries before that."""
        ids, codes = new
        size = select(func.coalesce(func.sum(segments.c.size), 0)).where(segments.c.model == self.model)
        if connection.execute(size).scalar_one() != before:
            self.replace(connection, split(revision, *self.rows(connection)))
            return
        held = self._stored(connection, set(np.unique(np.concatenate((drop, ids)) >> SHIFT).tolist()), revision)
        added = split(revision, ids, codes)
        none = Segment(revision, ids[:0], codes[:0])
        for number in held.keys() | added.keys():
            mine = added.get(number, none)
            self._put(connection, number, held.get(number, none).changed(revision, drop, mine.ids, mine.codes))

    def replace(self, connection: Connection, parts: Segments) -> None:
        """Put these segments in place of all that are stored."""
        connection.execute(delete(segments).where(segments.c.model == self.model))
        for number, segment in parts.items():
            self._put(connection, number, segment)

    def rows(self, connection: Connection, low: int = 0, high: int = 2**62) -> tuple[Ids, Codes]:
        """Ids from `low` to `high` and their codes, from the rows of `buckets`: the truth that this caches."""
        sql = "SELECT entry, code FROM buckets WHERE model = ? AND entry BETWEEN ? AND ? ORDER BY entry"
        found = connection.exec_driver_sql(sql, (self.model, low, high)).all()
        ids = np.fromiter((row[0] for row in found), dtype=np.int64, count=len(found))
        odd = next((row[0] for row in found if len(row[1]) != self.width), None)
        if odd is not None:
            raise Corrupt(f"the code of entry {odd} is not {self.width} bytes long: restore the file from a copy")
        codes = np.frombuffer(b"".join(row[1] for row in found), dtype=np.uint8)
        return ids, codes.reshape(-1, self.width)

    def _stored(self, connection: Connection, numbers: Iterable[int], revision: int) -> Segments:
        """These segments as far as they are stored; one that cannot be read is made from its rows."""
        where = and_(segments.c.model == self.model, segments.c.number.in_(sorted(numbers)))
        out = {}
        for row in connection.execute(select(segments).where(where)):
            segment = _read(row.revision, row.ids, row.codes, self.width)
            if segment is None or len(segment.ids) != row.size or (segment.ids >> SHIFT != row.number).any():
                low = row.number << SHIFT
                segment = Segment(revision, *self.rows(connection, low, low + (1 << SHIFT) - 1))
            out[row.number] = segment
        return out

    def _put(self, connection: Connection, number: int, segment: Segment) -> None:
        """Store one segment; an empty one is removed."""
        where = and_(segments.c.model == self.model, segments.c.number == number)
        connection.execute(delete(segments).where(where))
        if len(segment.ids):
            blobs = {"ids": segment.ids.astype("<i8").tobytes(), "codes": segment.codes.tobytes()}
            values = {"revision": segment.revision, "size": len(segment.ids), **blobs}
            connection.execute(insert(segments).values(model=self.model, number=number, **values))


def split(revision: int, ids: Ids, codes: Codes) -> Segments:
    """Entries in any order as segments."""
    numbers = ids >> SHIFT
    return {
        number: pack(revision, ids[mine], codes[mine])
        for number in np.unique(numbers).tolist()
        for mine in (numbers == number,)
    }


def _read(revision: int, ids: bytes, codes: bytes, width: int) -> Segment | None:
    """A segment as it was stored; None if its blobs cannot be one."""
    if type(ids) is not bytes or type(codes) is not bytes or len(ids) % 8 or len(codes) != len(ids) // 8 * width:
        return None
    numbers = np.frombuffer(ids, dtype="<i8").astype(np.int64, copy=False)
    if (np.diff(numbers) <= 0).any():
        return None
    return Segment(revision, numbers, np.frombuffer(codes, dtype=np.uint8).reshape(-1, width))
