"""Streams of entries, of which nobody may know the length: in batches, watched, counted, sampled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from time import monotonic
from typing import Any

import numpy as np

from hashret.hasher import Progress
from hashret.inputs import Entry, Frame, Source
from indexer.errors import InvalidInput

WANTED = "give Entry(key, content), or a table: a list of dicts, a data frame or a dataset"
PATIENCE = 2.0  # seconds: pages and images come slowly, and what came is to be stored and seen


def batches(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """Entries in order, `size` at a time, or those that came in `PATIENCE` seconds.

    Raises `InvalidInput` for what is no entry.
    """
    batch: list[Entry] = []
    start = monotonic()
    for number, entry in enumerate(entries):
        if not isinstance(entry, Entry):
            raise InvalidInput(f"entry {number} is of type {type(entry).__name__}: {WANTED}")
        batch.append(entry)
        if len(batch) >= size or monotonic() - start > PATIENCE:
            yield batch
            batch, start = [], monotonic()
    if batch:
        yield batch


def watched(entries: Iterable[Entry], size: int, progress: Progress) -> Iterator[Entry]:
    """The same entries, while `progress` is told of their reading, batch by batch."""
    done = 0
    progress("read", done, total(entries))
    for batch in batches(entries, size):
        yield from batch
        done += len(batch)
        progress("read", done, total(entries))


def total(entries: Iterable[Entry]) -> int:
    """How many entries there are, judged by what is read so far where nobody has counted; 0 if that is not known."""
    if isinstance(entries, Source | Frame):
        return entries.expected()
    return len(entries) if isinstance(entries, Sequence) else 0


def reservoir(contents: Iterable[Any], size: int, seed: int) -> list[Any]:
    """A random sample of a stream, in its order (Vitter 1985, algorithm R)."""
    rng = np.random.default_rng(seed)
    kept: dict[int, tuple[int, Any]] = {}
    for number, content in enumerate(contents):
        place = number if number < size else int(rng.integers(0, number + 1))
        if place < size:
            kept[place] = (number, content)
    return [content for _, content in sorted(kept.values(), key=lambda pair: pair[0])]
