"""Near duplicates: entries whose codes are within a few bits and whose words, or vectors, are alike as well.

Codes propose, a second look decides (`likeness`). Every entry that is left out is within the limits of the one that is
kept for it (`cover`). With a target entries are linked, the closest pairs first, each of which spares one, until so
many groups are left (`forest`). Memory is bounded in pairs; nothing is written to the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hashret.duplicates.cover import ROOM, Pairs, cover
from hashret.duplicates.forest import Forest
from hashret.duplicates.likeness import Looks, likeness, looks, seen
from hashret.hasher import Hasher, Progress, silent
from hashret.results import Group, Hit, Pair
from hashret.rows import Floats
from indexer.bits import Codes, Distances, Ids, whole
from indexer.errors import InvalidInput
from indexer.index import Index
from indexer.rows import Row
from indexer.store import Store

KEEP = ("first", "longest")
SHARE, NEAR = 5, 300  # unless a radius is given: one bit in so many may differ; so many neighbours of an entry
SAMPLE = 64  # entries whose neighbours are counted for that
ALONE = 20  # one bit in so many where codes are all there is: topics lie within one in five
# Unless another is given. Texts: where precision and recall are balanced (benchmarks/dedup). Embeddings: as semhash has
# it. Images: pixels are never negative, so that any two pictures of shirts have nine tenths.
SIMILAR = {"text": 0.65, "vector": 0.9, "image": 0.98}
CLOSE = 1e-6  # what rounding may take from a cosine of 1
PAGE = 2048  # entries that are read at a time


@dataclass(frozen=True, slots=True)
class Limits:
    """Who is a duplicate: codes within `radius` bits and a cosine of at least `similar`, 0 for any.

    None is the usual: see `usual_radius`; `SIMILAR`, or 0 with a target or where codes are all there is. Of each group
    the `first` entry is kept or the `longest`. With `target` so many entries are kept, or a radius that is not given
    grows until they are.
    """

    radius: int | None = None
    similar: float | None = None
    keep: str = "first"
    target: int | None = None

    def checked(self, index: Index, hasher: Hasher) -> Limits:
        """The same with `similar` as it is for this file; raises `InvalidInput` for what cannot be."""
        text, count = hasher.kind == "text", len(index)
        target = self.target if self.target is None else whole("target", self.target, 0)
        if self.similar is not None and not isinstance(self.similar, int | float | np.floating):
            raise InvalidInput(f"similar is {self.similar!r}: give a cosine from 0 to 1")
        if self.similar is not None and not 0 <= self.similar <= 1:
            raise InvalidInput(f"similar is {self.similar}: give a cosine from 0 to 1")
        if self.similar and not seen(index.store, hasher):
            raise InvalidInput(f"similar compares texts or stored vectors: of each {hasher.kind} there is only a code")
        if self.keep not in KEEP or (self.keep == "longest" and not text):
            choice = "first or longest" if text else f"first, as longest is for texts and these are of {hasher.kind}s"
            raise InvalidInput(f"keep is {self.keep!r}: give {choice}")
        if target is not None and not 1 <= target <= count:
            raise InvalidInput(f"target is {target:,}: there are {count:,} entries, give 1 to so many")
        usual = SIMILAR[hasher.kind] if target is None and seen(index.store, hasher) else 0.0
        return replace(self, target=target, similar=usual if self.similar is None else float(self.similar))


@dataclass(frozen=True, slots=True)
class Found:
    """Of entries `ids` int64 (n,), ascending, the id of a near duplicate, `kept` int64 (n,), for some.

    `distances` int32 (n,) in bits and `similarities` float32 (n,) are to that one: cosines of texts or stored vectors
    if these were looked at, else 1 - distance / bits. `radius` and `similar` are the limits that were used. Entries
    themselves are read when they are asked for, as long as the file is open.
    """

    ids: Ids
    kept: Ids
    distances: Distances
    similarities: Floats
    radius: int
    similar: float
    _store: Store = field(repr=False, compare=False)
    _other: Store = field(repr=False, compare=False)  # where `kept` are

    def __len__(self) -> int:
        return int(np.count_nonzero(self.copies))

    @property
    def copies(self) -> NDArray[np.bool_]:
        """Which entries have a near duplicate that stands for them, bool (n,)."""
        return np.asarray((self.kept >= 0) & ((self.kept != self.ids) | (self._store is not self._other)))

    @property
    def ratio(self) -> float:
        """Share of the entries that are such copies."""
        return len(self) / max(1, len(self.ids))

    def rows(self) -> Iterator[Row]:
        """The entries that are not, in their order: the cleaned corpus."""
        ids = self.ids[~self.copies]
        for first in range(0, len(ids), PAGE):
            yield from self._store.rows(ids[first : first + PAGE])

    def keys(self) -> Iterator[str]:
        """Keys of those."""
        return (row.key for row in self.rows())

    def pairs(self) -> Iterator[Pair]:
        """Each copy, with what stands for it, in their order."""
        return self._pairs(np.flatnonzero(self.copies))

    def least(self, k: int = 10) -> list[Pair]:
        """The k copies that are least like what stands for them, least first: do the limits take too much in?"""
        k, places = whole("k", k, 1), np.flatnonzero(self.copies)
        order = np.lexsort((self.ids[places], -self.distances[places], self.similarities[places]))[:k]
        return list(self._pairs(places[order]))

    def _pairs(self, places: Ids) -> Iterator[Pair]:
        """The copies at these places."""
        for first in range(0, len(places), PAGE):
            some = places[first : first + PAGE]
            mine, theirs = self._store.rows(self.ids[some]), self._other.rows(self.kept[some])
            near, alike = self.distances[some].tolist(), self.similarities[some].tolist()
            for one, two, distance, similarity in zip(mine, theirs, near, alike, strict=True):
                yield Pair(one.key, two.key, distance, similarity, one.content, two.content)


class Duplicates(Found):
    """What `Engine.dedup` found: `kept` is the entry that is kept for each, itself if it is kept."""

    __slots__ = ()

    def groups(self) -> Iterator[Group]:
        """Each kept entry that has duplicates, and these: largest group first, then by id."""
        places = np.flatnonzero(self.copies)
        places = places[np.argsort(self.kept[places], kind="stable")]
        owners, starts, sizes = np.unique(self.kept[places], return_index=True, return_counts=True)
        order = np.lexsort((owners, -sizes))
        pages = np.searchsorted(np.cumsum(sizes[order] + 1), np.arange(PAGE, len(places) + len(owners), PAGE))
        for page in np.split(order, pages):
            yield from self._read([places[starts[number] : starts[number] + sizes[number]] for number in page.tolist()])

    def _read(self, groups: list[Ids]) -> Iterator[Group]:
        """Groups of the copies at these places, all read at once."""
        none = np.zeros(0, np.int64)
        ids = [np.append(self.kept[places[0]], self.ids[places]) for places in groups]
        rows = iter(self._store.rows(np.concatenate([none, *ids])))
        for places in groups:
            head = next(rows)
            figures = zip(self.distances[places].tolist(), self.similarities[places].tolist(), strict=True)
            yield Group(_hit(head, 0, 1.0), tuple(_hit(next(rows), *one) for one in figures))


def find(index: Index, hasher: Hasher, limits: Limits, progress: Progress = silent) -> Duplicates:
    """The duplicates in a file; raises `InvalidInput` for limits that cannot be, or that leave more than the target."""
    limits = limits.checked(index, hasher)
    ids, codes = index.entries()
    radius = usual_radius(codes, share=share(index, hasher, limits)) if limits.radius is None else limits.radius
    search = _Search(index, hasher, ids, codes, limits)
    while True:
        found = search.within(radius, progress)
        if limits.target is None or found is not None:
            break
        if limits.radius is not None or radius >= index.bits // 4:
            lower = ", or a lower similar" if limits.similar else ""
            raise InvalidInput(
                f"target is {limits.target:,}: {search.fewest:,} entries are left by all pairs within {radius} bits: "
                f"give more, {'' if lower else 'or '}a larger radius{lower}"
            )
        radius = min(2 * radius + 1, index.bits // 4)
    assert found is not None
    return found


@dataclass
class _Search:
    """The entries of one file as they are now."""

    index: Index
    hasher: Hasher
    ids: Ids
    codes: Codes
    limits: Limits
    fewest: int = 0  # entries that are left if all pairs of the last call of `within` are linked

    def within(self, radius: int, progress: Progress) -> Duplicates | None:
        """The duplicates, or None if more than the target are left."""
        pairs, look = self._near(radius, progress)
        if self.limits.target is None:
            heads = cover(self._order(look), pairs, partial(self._alike, look))
        else:
            forest = self._forest(pairs(), look)
            self.fewest = len(forest)
            if self.fewest > self.limits.target:
                return None
            heads = self._heads(forest.groups(self.limits.target), look)
        near = np.bitwise_count(self.codes ^ self.codes[heads]).sum(axis=1, dtype=np.int32)
        alike = (1 - near / self.index.bits).astype(np.float32)
        copies = np.flatnonzero(heads != np.arange(len(heads)))
        if look is not None and len(copies):
            alike[copies] = self._cosines(look, copies, heads[copies])
        similar = self.limits.similar or 0.0
        return Duplicates(self.ids, self.ids[heads], near, alike, radius, similar, self.index.store, self.index.store)

    def _near(self, radius: int, progress: Progress) -> tuple[Callable[[], Pairs], Looks | None]:
        """What gives all pairs of near codes, from memory if they fit, and what is compared of entries in them.

        The latter is None where codes decide, or are all there is.
        """
        near, count = np.zeros(len(self.ids), np.bool_), 0
        held: list[tuple[Ids, Ids, Distances]] = []
        for left, right, distances in self._pairs(radius, progress, "pair"):
            near[left] = near[right] = True
            count += len(left)
            if count > ROOM:
                held.clear()
            else:
                held.append((left, right, distances))
        wanted = self.limits.similar or self.limits.target is not None or self.limits.keep != "first"
        look = None
        if wanted and seen(self.index.store, self.hasher):
            look = looks(self.index.store, self.hasher, self.ids[near], progress)
        if count > ROOM:
            return partial(self._pairs, radius, progress, "compare"), look
        return partial(iter, held), look

    def _pairs(self, radius: int, progress: Progress, phase: str) -> Pairs:
        """Places of the two of each pair, and their distances; entries that came later are passed over."""
        places = np.zeros(int(self.ids[-1]) + 1 if len(self.ids) else 0, np.int64)
        places[self.ids] = np.arange(len(self.ids))
        done = 0
        for chunk in self.index.pairs(radius):
            kept = np.flatnonzero(chunk.right < len(places))
            yield places[chunk.left[kept]], places[chunk.right[kept]], chunk.distances[kept]
            done += len(chunk.left)
            progress(phase, done, 0)

    def _cosines(self, look: Looks, left: Ids, right: Ids) -> Floats:
        """What the second look says of pairs of places (m,)."""
        return likeness(look.rows, look.places(self.ids[left]), look.rows, look.places(self.ids[right]))

    def _alike(self, look: Looks | None, left: Ids, right: Ids) -> NDArray[np.bool_]:
        """Which pairs of near codes stand the second look."""
        if look is None or not self.limits.similar:
            return np.ones(len(left), np.bool_)
        return np.asarray(self._cosines(look, left, right) >= self.limits.similar - CLOSE)

    def _forest(self, pairs: Pairs, look: Looks | None) -> Forest:
        """The closest links among the pairs that stand the second look."""
        forest = Forest(len(self.ids))
        for left, right, near in pairs:
            costs = near.astype(np.float32)
            if look is not None:
                costs = 1 - self._cosines(look, left, right)
                kept = np.flatnonzero(costs <= 1 - (self.limits.similar or 0.0) + CLOSE)
                left, right, costs = left[kept], right[kept], costs[kept]
            kept = np.flatnonzero(forest.cheaper(left, right, costs))
            forest.add(left[kept], right[kept], costs[kept])
        return forest

    def _order(self, look: Looks | None) -> Ids:
        """Places, those to keep rather than others first."""
        lengths = np.zeros(len(self.ids), np.int64)
        if self.limits.keep == "longest" and look is not None:
            lengths[np.searchsorted(self.ids, look.ids)] = look.lengths
        return np.argsort(-lengths, kind="stable")

    def _heads(self, groups: Ids, look: Looks | None) -> Ids:
        """The place of the entry to keep for each, of groups named by one of their places."""
        order = self._order(look)
        heads = np.empty_like(groups)
        heads[groups[order[::-1]]] = order[::-1]  # the last that is written is the one preferred
        return heads[groups]


def share(index: Index, hasher: Hasher, limits: Limits) -> int:
    """One bit in so many may differ: few where nobody looks at a pair again."""
    return SHARE if limits.target is not None or seen(index.store, hasher) else ALONE


def usual_radius(codes: Codes, seed: int = 0, share: int = SHARE) -> int:
    """One bit in `share`; less where entries, by a sample, have over 300 neighbours within that on average."""
    most = codes.shape[1] * 8 // share
    drawn = np.random.default_rng(seed).permutation(len(codes))[:SAMPLE]
    counts = np.zeros(most + 1, np.int64)
    for number in drawn.tolist():
        near = np.bitwise_count(codes ^ codes[number]).sum(axis=1, dtype=np.int64)
        counts += np.bincount(near[near <= most], minlength=most + 1)
    means = np.cumsum(counts) / max(1, len(drawn)) - 1
    return max(0, int(np.searchsorted(means, NEAR, side="right")) - 1)


def _hit(row: Row, distance: int, score: float) -> Hit:
    """An entry of a group."""
    return Hit(row.key, distance, score, row.content, row.meta)
