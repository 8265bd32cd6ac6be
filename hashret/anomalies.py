"""Anomalies: the entries that a model gives back worst, beside those that it learned from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from hashret.hasher import Progress, errors
from hashret.inputs import Entry
from hashret.results import Anomaly
from hashret.rows import Rows
from hashret.searching import Searcher
from hashret.stream import batches, total
from indexer.bits import whole
from indexer.errors import InvalidInput
from indexer.rows import Row

BATCH = 2048  # entries that are judged at a time

Batches = Iterator[tuple[Sequence[Entry | Row], Rows]]


def worst(now: Searcher, entries: Iterable[Entry] | None, k: int, quantile: float, progress: Progress) -> list[Anomaly]:
    """The k of the entries given, or else stored, that come back worst: worse than the share `quantile` of training.

    Raises `InvalidInput` if none are given and contents are not stored.
    """
    k = whole("k", k, 1)
    if not 0 <= quantile <= 1:
        raise InvalidInput(f"quantile is {quantile}: give a share from 0 to 1")
    found: list[Anomaly] = []
    done = 0
    for batch, rows in _stored(now) if entries is None else _given(now, entries):
        wrong = errors(now.hasher.weights, rows)
        shares = now.hasher.quantile(wrong)
        for one, error, share in zip(batch, wrong.tolist(), shares.tolist(), strict=True):
            if share >= quantile:
                content = one.content if isinstance(one.content, str) else None
                found.append(Anomaly(one.key, error, share, content, dict(one.meta)))
        found = sorted(found, key=lambda one: -one.error)[:k]
        done += len(batch)
        progress("judge", done, len(now.index) if entries is None else total(entries))
    return found


def _given(now: Searcher, entries: Iterable[Entry]) -> Batches:
    """Entries and what the network reads of them, a batch at a time."""
    for batch in batches(entries, BATCH):
        yield batch, now.hasher.rows([entry.content for entry in batch])


def _stored(now: Searcher) -> Batches:
    """The same of the entries stored: of their texts, or of their vectors."""
    if now.hasher.reads != "text" and not now.vectors:
        raise InvalidInput(f"contents of kind {now.hasher.kind} are not stored: work on their files instead")
    for page in now.index.store.pages():
        if now.vectors:
            yield page, now.index.store.vectors(np.array([row.id for row in page], dtype=np.int64))
        else:
            yield page, now.hasher.rows([row.content or "" for row in page])
