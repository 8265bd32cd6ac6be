"""Storing: a model learned from what comes in, and entries encoded and put into the file a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hashret.contents import kind_of
from hashret.embed import Embedder
from hashret.generations import Beside
from hashret.hasher import Hasher, Progress
from hashret.inputs import Entry
from hashret.results import Counts
from hashret.rows import Sparse
from hashret.searching import Searcher
from hashret.settings import Settings
from indexer.errors import InvalidInput


def learn(
    contents: Sequence[Any], settings: Settings, embed: Any, progress: Progress, checkpoint: str | None
) -> Hasher:
    """A model of these contents, or of the vectors that `embed` makes of them, which it has at hand for storing."""
    if embed is None:
        return Hasher.fit(contents, settings, progress, checkpoint)
    embedder = Embedder.of(embed, kind_of(contents))
    made = embedder.vectors(contents, progress=progress)
    return replace(Hasher.fit(made, settings, progress, checkpoint), embed=embedder.knowing(contents, made))


def store(now: Searcher, beside: Beside, batch: list[Entry]) -> Counts:
    """Put those of the entries that are not there unchanged into the file, in one transaction."""
    latest = list({entry.key: entry for entry in batch}.values())
    known = now.index.store.digests([entry.key for entry in latest])
    digests = {entry.key: entry.digest() for entry in latest}
    fresh = [entry for entry in latest if known.get(entry.key) != digests[entry.key]]
    if fresh:
        contents = [entry.content for entry in fresh]
        try:
            rows = now.hasher.rows(contents)
        except InvalidInput as error:
            raise InvalidInput(f"from entry {fresh[0].key!r} on: {error}") from error
        names = [digests[entry.key] for entry in fresh]
        ids = now.index.add(
            [entry.key for entry in fresh],
            now.hasher.weights.encode(rows),
            contents=[content if isinstance(content, str) else None for content in contents],
            metas=[entry.meta for entry in fresh],
            digests=names,
            vectors=rows if now.vectors and not isinstance(rows, Sparse) else None,
        )
        beside.encode(ids, contents, names)
    updated = sum(entry.key in known for entry in fresh)
    return Counts(len(fresh) - updated, updated, len(latest) - len(fresh))
