"""Engine = Hasher + Index: things in, their codes stored beside them in one file, and the nearest things out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np

from hashret import dedup, leakage
from hashret.features import Contents
from hashret.hasher import Hasher, Progress, errors, silent
from hashret.inputs import Entry
from hashret.results import Anomaly, Counts, Hit
from hashret.rows import Rows, Sparse
from hashret.searching import Asked, Searcher
from hashret.settings import Settings
from hashret.stream import batches, reservoir, total, watched
from indexer.bits import Ids
from indexer.check import Report
from indexer.errors import InvalidInput, Mismatch
from indexer.index import Index
from indexer.planner import Plan
from indexer.rows import Model, Row

BATCH = 2048  # entries a transaction
log = logging.getLogger(__name__)


class Engine:
    """Entries, their codes and the model that made them, in one file; a context manager.

    Made by `create`, `fit` or `open`. `index` searches its codes, `hasher` is its model, `counts` tells what the last
    `add` did.
    """

    def __init__(self, index: Index, hasher: Hasher) -> None:
        self.index = index
        self.hasher = hasher
        self.counts = Counts()
        self._vectors = index.store.fact("vectors") == "float16"

    @classmethod
    def create(cls, path: str, hasher: Hasher, *, vectors: bool = False) -> Self:
        """A new file (or ":memory:") for codes of this model; raises `InvalidInput` if it exists.

        With `vectors` it keeps the float16 features of images and embeddings, to rerank by their cosine.
        """
        if vectors and hasher.kind not in ("image", "vector"):
            raise InvalidInput(f"vectors are kept of images and embeddings, the model encodes {hasher.kind}")
        index = Index.create(path, bits=hasher.bits)
        try:
            index.store.set_model(*hasher.to_bytes(), hasher.digest)
            index.store.set_fact("vectors", "float16" if vectors else "none")
        except BaseException:  # Ctrl-C too: half a file would be in the way of the next try
            index.close()
            Path(path).unlink(missing_ok=True)
            raise
        return cls(index, hasher)

    @classmethod
    def fit(
        cls,
        path: str,
        entries: Iterable[Entry],
        settings: Settings | None = None,
        *,
        vectors: bool = False,
        progress: Progress = silent,
    ) -> Self:
        """Train on a random sample of the entries, create the file, and store them all.

        `entries` is read twice if it can be (a list, a `Source`), else kept in memory. No file is made before training
        is done, but for PATH.training, from which the same call goes on if this one is stopped. Raises `InvalidInput`
        for no entries or for more than one kind of them.
        """
        again = list(entries) if iter(entries) is entries else entries
        chosen = settings or Settings()
        contents = reservoir((entry.content for entry in watched(again, BATCH, progress)), chosen.sample, chosen.seed)
        checkpoint = None if path == ":memory:" else f"{path}.training"
        engine = cls.create(path, Hasher.fit(contents, chosen, progress, checkpoint), vectors=vectors)
        engine.add(again, progress)
        return engine

    @classmethod
    def open(cls, path: str, hasher: Hasher | None = None) -> Self:
        """An existing file with its own model.

        Raises `NotFound`, `Corrupt`, or `Mismatch` if it has no model or if `hasher` is another than its own.
        """
        index = Index.open(path)
        model = index.store.model()
        if model is None:
            index.close()
            raise Mismatch(f"{path}: holds codes without a model: open it with Index.open, or index into a new file")
        if hasher is not None and hasher.digest != model.digest:
            index.close()
            raise Mismatch(
                f"{path}: its codes are of model {model.digest[:12]}, not of {hasher.digest[:12]}: "
                "open it without a hasher, or call reencode with yours"
            )
        engine = cls(index, hasher or Hasher.from_bytes(model.settings, model.weights))
        kind, digest = engine.hasher.kind, model.digest[:12]
        log.info("%s: %d entries, codes of %d bits by the %s model %s", path, len(index), index.bits, kind, digest)
        return engine

    @property
    def _searcher(self) -> Searcher:
        """What searches with the present model."""
        return Searcher(self.index, self.hasher, self._vectors)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self.index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self.index)

    def get(self, key: str) -> Hit:
        """The entry of this key, at distance 0 of itself; raises `NotFound`."""
        return self._searcher.hits(self.index.ids([key]), [0], [1.0])[0]

    def add(self, entries: Iterable[Entry], progress: Progress = silent) -> Counts:
        """Store entries; the same key again is an update, and unchanged content (by SHA-256) is not encoded anew.

        One transaction for each batch of 2,048, or of what came in two seconds: whatever stops this, batches stored
        stay stored, and the same call goes on from there.
        """
        self.counts = Counts()
        done = 0
        progress("store", done, total(entries))
        for batch in batches(entries, BATCH):
            self.counts += self._add_batch(batch)
            done += len(batch)
            progress("store", done, total(entries))
        return self.counts

    def _add_batch(self, batch: list[Entry]) -> Counts:
        """One transaction."""
        latest = list({entry.key: entry for entry in batch}.values())
        known = self.index.store.digests([entry.key for entry in latest])
        digests = {entry.key: entry.digest() for entry in latest}
        fresh = [entry for entry in latest if known.get(entry.key) != digests[entry.key]]
        if fresh:
            contents = [entry.content for entry in fresh]
            rows = self.hasher.rows(contents)
            self.index.add(
                [entry.key for entry in fresh],
                self.hasher.weights.encode(rows),
                contents=[content if isinstance(content, str) else None for content in contents],
                metas=[entry.meta for entry in fresh],
                digests=[digests[entry.key] for entry in fresh],
                vectors=rows if self._vectors and not isinstance(rows, Sparse) else None,
            )
        updated = sum(entry.key in known for entry in fresh)
        return Counts(len(fresh) - updated, updated, len(latest) - len(fresh))

    def remove(self, keys: Iterable[str]) -> int:
        """Remove entries; raises `NotFound` if a key is not there, and then removes none."""
        return self.index.remove(list(keys))

    def query(
        self,
        contents: Contents,
        k: int = 10,
        radius: int | None = None,
        where: Mapping[str, Any] | None = None,
        rerank: bool = True,
    ) -> list[list[Hit]]:
        """The nearest entries of each query content, or of each code uint8 (n, bits / 8), which are not reranked.

        The k nearest in Hamming distance, or with `radius` all within so many bits (inclusive; 0 is the same code).
        `where` keeps entries whose meta has these values: always k of them, if there are k. With `rerank` the
        shortlist of max(30 k, 300) nearest is put in the order of the finer score, else order is (distance, id).
        """
        if not len(contents):
            return []
        if isinstance(contents, np.ndarray) and contents.ndim == 2 and contents.dtype == np.uint8:
            sides = np.zeros((len(contents), 0), np.float32)
            return self._searcher.find(contents, sides, sides, Asked(k, radius, where, rerank=False))
        rows = self.hasher.rows(contents)
        return self._searcher.find(*self.hasher.weights.ask(rows), rows, Asked(k, radius, where, rerank))

    def similar(
        self,
        key: str,
        k: int = 10,
        radius: int | None = None,
        where: Mapping[str, Any] | None = None,
        rerank: bool = True,
    ) -> list[Hit]:
        """The nearest entries of a stored one, itself left out; as `query`. Raises `NotFound`."""
        ids = self.index.ids([key])
        store = self.index.store
        codes = self.index.codes(ids)
        sides = self.hasher.weights.ask_by_code(codes)
        if self.hasher.kind == "text":
            rows: Rows = self.hasher.rows([store.rows(ids)[0].content or ""])
        else:
            rows = store.vectors(ids) if self._vectors else sides
        hits = self._searcher.find(codes, sides, rows, Asked(k + 1, radius, where, rerank))[0]
        others = [hit for hit in hits if hit.key != key]
        return others if radius is not None else others[:k]

    def duplicates(self, radius: int = 3) -> list[list[str]]:
        """Groups of keys: an entry and those within `radius` bits that `dedup` leaves out for it; largest first."""
        found = dedup.find(self.index, self.hasher, dedup.Limits(radius, similar=0))
        return [[group.kept.key, *(copy.key for copy in group.copies)] for group in found.groups()]

    def dedup(
        self,
        radius: int | None = None,
        similar: float | None = None,
        keep: str = "first",
        target: int | None = None,
        progress: Progress = silent,
    ) -> dedup.Duplicates:
        """Entries to leave out, each within the limits of one that is kept for it; see `dedup.Limits` and `cover`."""
        return dedup.find(self.index, self.hasher, dedup.Limits(radius, similar, keep, target), progress)

    def leaks(
        self, other: Engine, radius: int | None = None, similar: float | None = None, progress: Progress = silent
    ) -> leakage.Leaks:
        """Entries that have a near duplicate in another file, and the nearest one there; limits as those of `dedup`.

        Texts are encoded by the model of the other file where it has another. Raises `Mismatch` for other contents.
        """
        ours, theirs = (self.index, self.hasher), (other.index, other.hasher)
        return leakage.find(ours, theirs, dedup.Limits(radius, similar), progress)

    def anomalies(
        self,
        entries: Iterable[Entry] | None = None,
        k: int = 20,
        quantile: float = 0.0,
        progress: Progress = silent,
    ) -> list[Anomaly]:
        """The k entries that the model gives back worst, worst first, of those given or else of those stored.

        Only what comes back worse than the share `quantile` of the training entries. Raises `InvalidInput` if none are
        given and contents are not stored: of images and embeddings only vectors may be.
        """
        worst: list[Anomaly] = []
        done = 0
        for batch, rows in self._stored() if entries is None else self._given(entries):
            found = errors(self.hasher.weights, rows)
            shares = self.hasher.quantile(found)
            for one, error, share in zip(batch, found.tolist(), shares.tolist(), strict=True):
                if share >= quantile:
                    content = one.content if isinstance(one.content, str) else None
                    worst.append(Anomaly(one.key, error, share, content, dict(one.meta)))
            worst = sorted(worst, key=lambda one: -one.error)[:k]
            done += len(batch)
            progress("judge", done, len(self) if entries is None else total(entries))
        return worst

    def _given(self, entries: Iterable[Entry]) -> Iterator[tuple[Sequence[Entry | Row], Rows]]:
        """Entries and what the network reads of them, a batch at a time."""
        for batch in batches(entries, BATCH):
            yield batch, self.hasher.rows([entry.content for entry in batch])

    def _stored(self) -> Iterator[tuple[Sequence[Entry | Row], Rows]]:
        """The same of the entries stored: of their texts, or of their vectors."""
        if self.hasher.kind != "text" and not self._vectors:
            raise InvalidInput(f"contents of kind {self.hasher.kind} are not stored: work on their files instead")
        for page in self.index.store.pages():
            if self._vectors:
                yield page, self.index.store.vectors(np.array([row.id for row in page], dtype=np.int64))
            else:
                yield page, self.hasher.rows([row.content or "" for row in page])

    def reencode(self, hasher: Hasher) -> None:
        """Give every entry the code of another model, which takes the place of this one, in one transaction.

        Raises `InvalidInput` if the model encodes another kind, or if contents are not stored (see `anomalies`).
        """
        if hasher.kind != self.hasher.kind:
            raise InvalidInput(f"the new model encodes {hasher.kind}, the entries are of kind {self.hasher.kind}")
        revision = self.index.store.revision()
        parts = [(ids, hasher.encode(contents)) for ids, contents in self._contents()]
        ids = np.concatenate([part[0] for part in parts] or [np.zeros(0, dtype=np.int64)])
        codes = np.concatenate([part[1] for part in parts] or [np.zeros((0, hasher.bits // 8), dtype=np.uint8)])
        model = Model(0, hasher.bits, hasher.digest, *hasher.to_bytes())
        self.index.store.replace_model(model, ids, codes, revision)
        self.hasher = hasher

    def explain(self, contents: Contents, k: int = 10, radius: int | None = None) -> Plan:
        """How `query` searches for these contents, why, and how long that takes."""
        asked = {"k": k} if radius is None else {"radius": radius}
        return self.index.explain(self.hasher.encode(contents), **asked)

    def check(self, sample: int = 32) -> Report:
        """Prove a sample of answers by brute force, and the caches against the rows."""
        return self.index.check(sample)

    def info(self) -> dict[str, Any]:
        """What the file holds: counts, buckets, bytes, and the model's kind, digest and settings."""
        stats = self.index.stats()
        vectors = "float16" if self._vectors else "none"
        model = {"kind": self.hasher.kind, "model": self.hasher.digest, "settings": asdict(self.hasher.settings)}
        return {**stats, "vectors": vectors, **model}

    def _contents(self) -> Iterator[tuple[Ids, list[str]]]:
        """All stored texts with their ids, a page at a time."""
        if self.hasher.kind != "text":
            raise InvalidInput(f"contents of kind {self.hasher.kind} are not stored: work on their files instead")
        for page in self.index.store.pages():
            yield np.array([row.id for row in page], dtype=np.int64), [row.content or "" for row in page]
