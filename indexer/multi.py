"""`Multi`: all codes of one model in memory as multi-index hashing tables, with what was written since.

It answers as `Scan` does, in microseconds: see `indexer.kernels`. Changes go to a small part that every search scans,
and entries that are no longer so are marked; `worn` says when it pays to lay everything out anew. Nothing here is ever
changed in place but the filter, which learns of more: any number of threads may search while another writes.

59 bytes an entry for codes of 64 bits, and 4 more for finding an entry by its id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import comb, sqrt
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer import tables
from indexer.bits import Codes, Distances, Ids, Words
from indexer.kernels.bloom import fill_bloom
from indexer.kernels.direct import Make, Watched, direct
from indexer.kernels.hits import ANSWERS, HITS, Space
from indexer.kernels.join import join, spread
from indexer.kernels.layout import Layout, as_codes, as_words, lay_out
from indexer.kernels.native import addresses
from indexer.kernels.search import MULTI, SCAN, search
from indexer.planner import Costs
from indexer.segments import SHIFT, Segment
from indexer.tables import Csr, Scan, distinct, fill_up

FEW, MANY = 1 << 12, 1 << 15  # hits that probing and a scan have room for at first
CHUNK = 1 << 20  # pairs that are found, and that are given out, at a time


@dataclass(frozen=True, slots=True)
class Multi:
    """Codes of `width` bytes as of `revision`; `stamps` are the revisions of the segments that they came from."""

    revision: int
    width: int
    layout: Layout
    by_id: NDArray[np.int32]  # (n,): places in `layout.ids`, ascending by id
    stamps: Mapping[int, int]
    costs: Costs | None = None  # as `indexer.calibrate` measured them
    scans: tuple[bool, ...] = (False,) * 257  # for each radius, whether a scan is cheaper than probing
    quick: int = -1  # the largest radius that takes microseconds
    parts: Ids = field(init=False, repr=False)  # the addresses of the layout's

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", addresses(self.layout))

    @classmethod
    def of(cls, scan: Scan) -> Multi:
        """The entries of a `Scan`, which is no longer needed."""
        return cls._of(scan.revision, scan.ids, scan.codes, {n: part.revision for n, part in scan.segments.items()})

    @classmethod
    def _of(cls, revision: int, ids: Ids, codes: Codes, stamps: Mapping[int, int]) -> Multi:
        """Entries with ascending ids."""
        layout, order = lay_out(ids, codes)
        by_id = np.empty(len(ids), np.int32)
        by_id[order] = np.arange(len(ids), dtype=np.int32)
        return cls(revision, codes.shape[1], layout, by_id, stamps)

    def __len__(self) -> int:
        """How many entries there are."""
        return len(self.by_id) - int(np.count_nonzero(self.layout.gone)) + len(self.layout.fresh_ids)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Different codes, chunks of a code, and bits of a chunk."""
        return self.layout.codes.shape[1], len(self.layout.shifts), (self.layout.offsets.shape[1] - 1).bit_length() - 1

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.by_id.nbytes + sum(part.nbytes for part in self.layout)

    @property
    def worn(self) -> bool:
        """Whether so much has changed that searches suffer."""
        return self._changes > 8 * sqrt(len(self.by_id)) + 1000

    @property
    def _changes(self) -> int:
        """Entries that came or went since the layout was made."""
        return len(self.layout.fresh_ids) + int(np.count_nonzero(self.layout.gone))

    def renewed(self) -> Multi:
        """The same entries laid out anew."""
        return self._of(self.revision, *self.entries(), self.stamps)

    def changed(self, revision: int, drop: Ids, ids: Ids, codes: Codes) -> Multi:
        """Without the entries of `drop`, with these entries put in or in place of their older selves."""
        layout = self.layout
        touched = np.concatenate((drop, ids))
        gone, places = layout.gone, self._places(touched)
        if len(places):
            gone = gone.copy() if len(gone) else np.zeros(len(self.by_id), np.bool_)
            gone[places] = True
        kept = ~np.isin(layout.fresh_ids, touched)
        fresh_ids = np.concatenate((layout.fresh_ids[kept], ids))
        words = np.ascontiguousarray(as_words(codes).T)
        fill_bloom(words, layout.parts, layout.bloom)
        fresh = np.concatenate((layout.fresh[:, kept], words), axis=1)
        order = np.argsort(fresh_ids)
        changed = layout._replace(gone=gone, fresh=np.ascontiguousarray(fresh[:, order]), fresh_ids=fresh_ids[order])
        stamps = {**self.stamps, **dict.fromkeys(np.unique(touched >> SHIFT).tolist(), revision)}
        return replace(self, revision=revision, layout=changed, stamps=stamps)

    def updated(self, revision: int, segments: Mapping[int, Segment]) -> Multi:
        """As of a later revision: `segments` are all, those that have not changed since may be empty."""
        table = self
        for number in self.stamps.keys() | segments.keys():
            none = Segment(revision, np.zeros(0, np.int64), np.zeros((0, self.width), np.uint8))
            now = segments.get(number, none)
            if now is none or now.revision != self.stamps.get(number):
                before = table.entries(number << SHIFT, (number + 1) << SHIFT)
                table = table.changed(now.revision, *_differences(*before, now.ids, now.codes))
        stamps = {number: segment.revision for number, segment in segments.items()}
        return replace(table, revision=revision, stamps=stamps)

    def entries(self, low: int = 0, high: int = 1 << 62) -> tuple[Ids, Codes]:
        """Entries with ids from `low` to below `high`, ascending, and their codes."""
        places = self.by_id[slice(*np.searchsorted(self.layout.ids, (low, high), sorter=self.by_id))]
        return self._at(places, slice(*np.searchsorted(self.layout.fresh_ids, (low, high))))

    def among(self, ids: Ids) -> Scan:
        """Only the entries with these ids, ascending; those that are not there are passed over."""
        wanted = distinct(ids)
        fresh = np.isin(self.layout.fresh_ids, wanted) if len(self.layout.fresh_ids) else np.zeros(0, np.bool_)
        return Scan(self.revision, *self._at(self._places(wanted), np.flatnonzero(fresh)), {})

    def _places(self, ids: Ids) -> Any:
        """Where in the layout these ids are, those left out that are not there."""
        every, count = self.layout.ids, len(self.by_id)
        if count and every[self.by_id[-1]] - every[self.by_id[0]] == count - 1:  # no number between is left out
            places = ids - every[self.by_id[0]]
        else:
            places = np.searchsorted(every, ids, sorter=self.by_id)
        inside = (places >= 0) & (places < count)
        found = self.by_id[places[inside]]
        return found[every[found] == ids[inside]]

    def _at(self, places: NDArray[Any], fresh: Any) -> tuple[Ids, Codes]:
        """The entries at some places of the layout, but for those gone, and of what is fresh, ascending by id."""
        layout = self.layout
        if len(layout.gone):
            places = places[~layout.gone[places]]
        codes = np.searchsorted(layout.starts, places, side="right") - 1
        ids = np.concatenate((layout.ids[places], layout.fresh_ids[fresh]))
        words = np.concatenate((layout.codes[:, codes], layout.fresh[:, fresh]), axis=1)
        order = np.argsort(ids, kind="stable")
        return ids[order], self.pack(words[:, order])

    def pack(self, words: Words) -> Codes:
        """Words (w, n) as codes."""
        return as_codes(words, self.width)

    def search(self, codes: Codes, k: int) -> tuple[Ids, Distances]:
        """The k nearest of each query, int64 and int32 (n, k), by (distance, id); -1 where there are fewer than k."""
        lims, ids, near = self.ask(codes, k, self.width * 8)[0]
        if len(ids) == len(codes) * k:
            return ids.reshape(-1, k), near.reshape(-1, k)
        return fill_up(lims, ids, k), fill_up(lims, near, k)

    def within(self, codes: Codes, radius: int) -> Csr:
        """All within `radius` bits (inclusive) of each query, each query's by (distance, id)."""
        return self.ask(codes, 0, radius, SCAN if self.scans[radius] else MULTI)[0]

    def ask(self, codes: Codes, k: int, radius: int, way: int = MULTI) -> tuple[Csr, Ids]:
        """The k nearest, or with k of 0 all within `radius`; and what it took, until this thread asks again.

        That is in the places which `indexer.kernels.hits` names.
        """
        count, first = len(codes), 0
        likely, guess = self.costs.reach(k) if k and self.costs else (radius, radius)
        lims = np.empty(count + 1, np.int64)
        room = self._room(count, k, radius, way)
        while (size := search(codes, lims, first, k, radius, way, likely, guess, room.held, self.parts)) < 0:
            first = ~size
            room = room.larger(int(lims[first]), first)
        return (lims, *room.given(size)), room.asked

    def _room(self, count: int, k: int, radius: int, way: int) -> _Room:
        """Room for as many answers as so many queries are likely to have."""
        if way == MULTI and count * max(k, 16) <= FEW:
            return _OWN.room
        if k or self.costs is None:
            return _OWN.having(count * min(k, len(self.by_id) + 1) + MANY)
        return _OWN.having(min(int(count * self.costs.results(radius)), MANY << 8) + MANY)

    def direct(self, watched: Watched, like: Any) -> Make | None:
        """What answers radii that take microseconds with nothing in between; see `indexer.kernels.direct`."""
        return direct(self.layout, watched, self.width, self.quick, like)

    def pairs(self, radius: int) -> Iterator[tuple[Ids, Ids, Distances]]:
        """Every pair within `radius` bits once, left < right, in chunks and in no order."""
        table = self if not self._changes else self.renewed()
        own = np.flatnonzero(np.diff(table.layout.starts) > 1).astype(np.int32)
        yield from table._spread(np.stack((own, own, np.zeros_like(own)), axis=1))
        layout, steps = table._to_join(radius)
        sizes = np.diff(layout.offsets, axis=1).astype(np.int64)
        order = np.argsort((sizes**2).sum(axis=1), kind="stable")
        found = np.empty((max(CHUNK, int(sizes.max())), 3), np.int32)
        state, parts = np.zeros(4, np.int64), addresses(layout)
        while state[0] < steps:
            count = join(radius, steps, order, state, found, parts)
            yield from table._spread(found[:count])

    def _to_join(self, radius: int) -> tuple[Layout, int]:
        """The layout to join and the steps to take: one bucket of all codes where that is not more to compare."""
        codes, chunks, width = self.shape
        level, rest = divmod(radius, chunks)
        sizes = np.sort((np.diff(self.layout.offsets, axis=1).astype(np.float64) ** 2).sum(axis=1))
        more = codes / 2**width * codes
        flipped = sum(
            comb(width, flips) * more * (chunks if flips < level else rest + 1) for flips in range(1, level + 1)
        )
        if level + 1 < len(self.layout.levels) and sizes[: radius + 1].sum() + flipped < float(codes) ** 2:
            return self.layout, radius + 1
        whole = np.tile(np.array((0, codes), np.int32), (len(self.layout.codes), 1))
        none = np.zeros(len(self.layout.codes), np.int64)
        levels = np.array((0, 1), np.int64)
        one = self.layout._replace(offsets=whole, places=np.arange(len(none)), shifts=none)
        return one._replace(masks=np.zeros(1, np.int32), levels=levels), 1

    def _spread(self, found: NDArray[np.int32]) -> Iterator[tuple[Ids, Ids, Distances]]:
        """The pairs of entries of pairs of codes, in chunks."""
        state = np.zeros(2, np.int64)
        while state[0] < len(found):
            left, right, near = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int32)
            count = spread(state, found, left, right, near, self.parts)
            if count:
                yield left[:count], right[:count], near[:count]


def _differences(ids: Ids, codes: Codes, new_ids: Ids, new_codes: Codes) -> tuple[Ids, Ids, Codes]:
    """Entries that are gone from some, and those that are new or have another code; all ids ascending."""
    _, here, there = np.intersect1d(ids, new_ids, assume_unique=True, return_indices=True)
    same = (codes[here] == new_codes[there]).all(axis=1)
    gone, new = np.ones(len(ids), np.bool_), np.ones(len(new_ids), np.bool_)
    gone[here[same]] = new[there[same]] = False
    return ids[gone], new_ids[new], new_codes[new]


class _Room:
    """A space to search in, and where it lies."""

    __slots__ = ("asked", "held", "ids", "near", "space")

    def __init__(self, answers: int, hits: int = 0) -> None:
        self.space = Space.of(answers, hits)
        self.asked, self.ids, self.near = self.space.asked, self.space.ids, self.space.near
        self.held = addresses(self.space)

    def given(self, size: int) -> tuple[Ids, Distances]:
        """So many answers, to have and to hold: copied if others are to come here."""
        ids, near = self.ids[:size], self.near[:size]
        kept = self is not _OWN.room and 2 * size > len(self.ids)
        return (ids, near) if kept else (ids.copy(), near.copy())

    def larger(self, answered: int, done: int) -> _Room:
        """With room for what there was none for, and the answers so far; raises `InvalidInput` if that is too much."""
        answers = answered + int(self.asked[ANSWERS])
        if answers > tables.MOST:
            raise tables.too_many(done)
        room = _Room(min(max(2 * len(self.ids), answers), tables.MOST), int(self.asked[HITS]))
        room.asked[:] = self.asked
        room.ids[: len(self.ids)], room.near[: len(self.near)] = self.ids, self.near
        return room


class _Own(local):
    """What each thread has for its searches."""

    def __init__(self) -> None:
        self.room = _Room(FEW)

    def having(self, answers: int) -> _Room:
        """Room for so many answers, which is kept unless that is very many."""
        room = self.room if answers <= len(self.room.ids) else _Room(answers)
        if answers <= 2 * MANY:
            self.room = room
        return room


_OWN = _Own()
