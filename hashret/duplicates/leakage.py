"""Leakage: entries of one file, as a test set, that have a near duplicate in another, as the set of training."""

from __future__ import annotations

import numpy as np

from hashret.duplicates.dedup import CLOSE, PAGE, Found, Limits, share, usual_radius
from hashret.duplicates.likeness import likeness, looks, seen
from hashret.hasher import Hasher, Progress, silent
from hashret.rows import Floats
from indexer.bits import Codes, Ids
from indexer.errors import InvalidInput, Mismatch
from indexer.index import Index
from indexer.matches import RangeMatches
from indexer.store import Store

File = tuple[Index, Hasher]


class Leaks(Found):
    """What `Engine.leaks` found: `kept` is the nearest entry of the other file, -1 where none is near."""

    __slots__ = ()


def find(ours: File, theirs: File, limits: Limits, progress: Progress = silent) -> Leaks:
    """The entries of the first file that have a near duplicate in the second.

    Raises `InvalidInput` for limits that cannot be, `Mismatch` for codes that have nothing to do with each other.
    """
    limits = limits.checked(*theirs)
    _comparable(ours, theirs)
    ids, codes = ours[0].entries()
    radius = (
        usual_radius(theirs[0].entries()[1], share=share(*theirs, limits)) if limits.radius is None else limits.radius
    )
    kept, near, alike = np.full(len(ids), -1), np.full(len(ids), -1, np.int32), np.zeros(len(ids), np.float32)
    for first in range(0, len(ids), PAGE):
        some = slice(first, first + PAGE)
        asked = codes[some] if ours[1].digest == theirs[1].digest else _encoded(ours[0].store, theirs[1], ids[some])
        found = theirs[0].within(asked, radius)
        left, cosines = _alike(ours, theirs, ids[some], found)
        order = np.lexsort((found.ids, found.distances, -cosines, left))
        order = order[cosines[order] >= (limits.similar or 0.0) - CLOSE]
        best = order[np.append(True, np.diff(left[order]) > 0)] if len(order) else order
        places = first + left[best]
        kept[places], near[places], alike[places] = found.ids[best], found.distances[best], cosines[best]
        progress("compare", min(first + PAGE, len(ids)), len(ids))
    return Leaks(ids, kept, near, alike, radius, limits.similar or 0.0, ours[0].store, theirs[0].store)


def _comparable(ours: File, theirs: File) -> None:
    """Raise `Mismatch` unless both are of one model, or texts, which the second file's model can encode."""
    (index, hasher), (other, another) = ours, theirs
    if index.store is other.store or index.store.path == other.store.path != ":memory:":
        raise InvalidInput(f"{index.store.path}: would be compared with itself: name another file")
    if hasher.digest == another.digest or hasher.kind == another.kind == "text":
        return
    raise Mismatch(
        f"{index.store.path}: its codes are of model {hasher.digest[:12]} of {hasher.kind}s, those of "
        f"{other.store.path} of {another.digest[:12]} of {another.kind}s, and only texts can be encoded anew: "
        "store both with one model, as by Engine.create(path, hasher)"
    )


def _encoded(store: Store, hasher: Hasher, ids: Ids) -> Codes:
    """Codes that this model gives stored texts."""
    return hasher.encode([row.content or "" for row in store.rows(ids)])


def _alike(ours: File, theirs: File, ids: Ids, found: RangeMatches) -> tuple[Ids, Floats]:
    """Of each match, which entry it is of, and its cosine, or how like its code is."""
    left = np.repeat(np.arange(len(ids)), np.diff(found.lims))
    if not (seen(ours[0].store, ours[1]) and seen(theirs[0].store, theirs[1])):
        return left, (1 - found.distances / theirs[0].bits).astype(np.float32)
    there, places = np.unique(found.ids, return_inverse=True)
    asked = np.unique(left)
    mine, other = looks(ours[0].store, theirs[1], ids[asked]), looks(theirs[0].store, theirs[1], there)
    return left, likeness(mine.rows, np.searchsorted(asked, left), other.rows, places)
