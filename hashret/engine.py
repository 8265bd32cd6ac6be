"""Engine = Hasher + Index: things in, their codes stored beside them in one file, and the nearest things out."""

from __future__ import annotations

import logging
import os
from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any, Self, TypeGuard

import numpy as np

from hashret import anomalies, curve, generations, storing
from hashret.contents import Contents
from hashret.duplicates import dedup, leakage
from hashret.embed import PART
from hashret.exchange.export import Export
from hashret.exchange.formats import export as write
from hashret.hasher import Hasher, Progress, silent
from hashret.inputs import Entry, Frame, is_table
from hashret.meaning import bits
from hashret.meaning.why import Why, why, why_similar
from hashret.opened import Opened
from hashret.results import Anomaly, Counts, Explanation, Hit
from hashret.searching import Asked, Searcher, anew, explained, plain
from hashret.settings import Settings
from hashret.stream import WANTED, batches, reservoir, total, watched
from indexer.bits import Codes
from indexer.errors import InvalidInput, Mismatch, NotFound
from indexer.index import Index
from indexer.rows import Generation
from indexer.store import Store
from indexer.vectors import FACTS, FORMS, form_of
from indexer.where import Where

BATCH = 2048  # entries a transaction
log = logging.getLogger(__name__)


class NoModel(Mismatch):
    """A file of ready-made codes: see `hashret.codefile`."""


class Engine(Opened):
    """Entries, their codes and the model that made them, in one file; a context manager.

    Made by `create`, `fit` or `open`. `index` searches its codes, `hasher` is its model, `counts` tells what the last
    `add` did. A second model may stand beside that one: `reencode`, `promote`, `drop`.
    """

    def __init__(self, index: Index, hasher: Hasher) -> None:
        # One attribute, so that threads see codes and the model that made them change together.
        self._searcher = Searcher(index, hasher, index.store.keeps_vectors)
        self._beside = generations.Beside(index.store, hasher.embed)
        self._promotion = Lock()
        self.counts = Counts()
        self._meaning: tuple[object, bits.Meaning] | None = None

    @classmethod
    def create(cls, path: str, hasher: Hasher, *, vectors: bool | str = False) -> Self:
        """A new file (or ":memory:") for codes of this model; raises `InvalidInput` if it exists.

        With `vectors` it keeps the features of images and embeddings, to rerank by their cosine: as "float16", which
        True stands for, or as "int8" in little more than half the bytes.
        """
        form = vectors if isinstance(vectors, str) else FORMS[0] if vectors else "none"
        if form not in (*FORMS, "none"):
            raise InvalidInput(f"vectors is {vectors!r}: give {' or '.join(FORMS)}")
        if form != "none" and hasher.kind not in ("image", "vector"):
            raise InvalidInput(f"vectors are kept of images and embeddings, the model encodes {hasher.kind}")
        facts = {"vectors": FACTS.get(form, form), **curve.facts(hasher.digest, hasher.curve)}
        store = Store.create(path, hasher.bits, (*hasher.to_bytes(), hasher.digest), facts)
        return cls(Index(store), hasher)

    @classmethod
    def fit(
        cls,
        path: str,
        entries: Iterable[Entry],
        settings: Settings | None = None,
        *,
        vectors: bool | str = False,
        progress: Progress = silent,
        embed: Any = None,
    ) -> Self:
        """Train on a random sample of the entries, create the file, and store them all.

        `entries` is read twice if it can be (a list, a `Source`, a table: see `hashret.entries`), else kept in memory.
        No file is made before training is done, but for PATH.training, from which the same call goes on if this one is
        stopped. With `embed`, see `hashret.embed`, codes are learned of the vectors that it makes of texts or images.
        Raises `InvalidInput` for no entries, for more than one kind of them, or for a folder that cannot be written to,
        `NotFound` if PATH's folder is missing.
        """
        if path != ":memory:" and not Path(path).absolute().parent.is_dir():
            raise NotFound(f"{path}: there is no folder {Path(path).parent.as_posix()}: make it first")
        if path != ":memory:" and not os.access(Path(path).absolute().parent, os.W_OK):
            raise InvalidInput(f"{path}: its folder cannot be written to: change its mode, or choose another")
        entries = _entries(entries)
        again = list(entries) if iter(entries) is entries else entries
        chosen = settings or Settings()
        contents = reservoir((entry.content for entry in watched(again, BATCH, progress)), chosen.sample, chosen.seed)
        checkpoint = None if path == ":memory:" else f"{path}.training"
        hasher = storing.learn(contents, chosen, embed, progress, checkpoint)
        engine = cls.create(path, hasher, vectors=vectors)
        engine.add(again, progress)
        if hasher.embed is not None:
            hasher.embed.forget()
        return engine

    @classmethod
    def open(cls, path: str, hasher: Hasher | None = None, *, model: str | None = None, embed: Any = None) -> Self:
        """An existing file by the model in use, or by another that it holds, named by how its digest begins.

        `model="beside"` is the one not in use; a file opened by that can be searched and not changed. `embed` is the
        function that it was made with. Raises `NotFound`, `Corrupt`, or `Mismatch` if it has no model, if that has not
        encoded every entry yet, or if `hasher` or `embed` is another.
        """
        index = Index.open(path)
        try:
            if model is not None:
                index = Index(index.store.of(generations.find(index.store, model).id))
            held = index.store.model()
            if held is None:
                raise NoModel(
                    f"{path}: holds codes without a model, which this needs: index into a new file (codes alone are "
                    "searched by `hashret query`, and in Python by Index.open)"
                )
            if hasher is not None and hasher.digest != held.digest:
                raise Mismatch(
                    f"{path}: its codes are of model {held.digest[:12]}, not of {hasher.digest[:12]}: "
                    "open it without a hasher, or call reencode with yours"
                )
            chosen = hasher or Hasher.from_bytes(held.settings, held.weights)
            kind, digest = chosen.kind, held.digest[:12]
            log.info("%s: %d entries, codes of %d bits by the %s model %s", path, len(index), index.bits, kind, digest)
            return cls(index, chosen if embed is None else chosen.with_embed(embed))
        except BaseException:
            index.close()
            raise

    @property
    def index(self) -> Index:
        """The codes."""
        return self._searcher.index

    @property
    def hasher(self) -> Hasher:
        """The model that made them."""
        return self._searcher.hasher

    @property
    def _both(self) -> tuple[Index, Hasher]:
        """Codes and their model at one moment."""
        return self._searcher.index, self._searcher.hasher

    @property
    def kind(self) -> str:
        """What it holds: text, image, vector or matrix."""
        return self.hasher.kind

    def add(self, entries: Iterable[Entry], progress: Progress = silent) -> Counts:
        """Store entries; the same key again is an update, and unchanged content (by SHA-256) is not encoded anew.

        One transaction for each batch of 2,048 (with `embed` of 256), or of what came in two seconds: whatever stops
        this, batches stored stay stored, and the same call goes on from there.
        """
        self.counts = Counts()
        entries = _entries(entries)
        done = 0
        progress("store", done, total(entries))
        for batch in batches(entries, BATCH if self.hasher.embed is None else PART):
            self.counts += storing.store(self._searcher, self._beside, batch)
            done += len(batch)
            progress("store", done, total(entries))
        return self.counts

    def index_field(self, name: str) -> None:
        """Index a field of meta, so that `where` on it reads no metas; what is added later is indexed with it."""
        self.index.index_field(name)

    def unindex_field(self, *names: str) -> None:
        """Drop the indexes of fields; raises `NotFound`, and drops none, if one has none."""
        self.index.unindex_field(*names)

    def prune(self, keep: Container[str]) -> int:
        """Remove the entries whose keys are none of these, in one transaction; how many."""
        return self.index.remove([key for key in self.index.keys(self.index.entries()[0]) if key not in keep])

    @anew
    def query(
        self,
        contents: Contents,
        k: int = 10,
        radius: int | None = None,
        where: Where | None = None,
        rerank: bool = True,
    ) -> list[list[Hit]]:
        """The nearest entries of each query content, or of each code uint8 (n, bits / 8), which are not reranked.

        The k nearest in Hamming distance, or with `radius` all within so many bits (inclusive; 0 is the same code).
        `where` keeps entries whose meta matches, a mapping or a text, see `indexer.where`: always k of them, if there
        are k. With `rerank` the order is that of the finer score, and the best k of it are looked for among the 10,000
        nearest codes, see `hashret.reranking`; else it is (distance, id).
        """
        now = self._searcher
        if not len(contents):
            return []
        if _are_codes(contents):
            return plain(now.index, contents, Asked.of(k, radius, where, rerank=False))
        rows = now.hasher.rows(contents, query=True)
        return now.find(*now.hasher.weights.ask(rows), rows, Asked.of(k, radius, where, rerank))

    @anew
    def similar(
        self,
        key: str,
        k: int = 10,
        radius: int | None = None,
        where: Where | None = None,
        rerank: bool = True,
    ) -> list[Hit]:
        """The nearest entries of a stored one, itself left out; as `query`. Raises `NotFound`."""
        now = self._searcher
        found = now.find(*now.stored(key), Asked.of(k, radius, where, rerank).besides())[0]
        others = [hit for hit in found if hit.key != key]
        return others if radius is not None else others[:k]

    @anew
    def explain(
        self,
        contents: Contents,
        k: int = 10,
        radius: int | None = None,
        where: Where | None = None,
        rerank: bool = True,
    ) -> Explanation:
        """How `query` goes about the same, why, and how long that takes: it is tried out."""
        now = self._searcher
        if not len(contents):
            contents = np.zeros((0, now.index.bits // 8), np.uint8)
        if _are_codes(contents):
            return explained(now.index, contents, Asked.of(k, radius, where, rerank=False))
        rows = now.hasher.rows(contents, query=True)
        return now.explain(*now.hasher.weights.ask(rows), rows, Asked.of(k, radius, where, rerank))

    @anew
    def explain_similar(
        self,
        key: str,
        k: int = 10,
        radius: int | None = None,
        where: Where | None = None,
        rerank: bool = True,
    ) -> Explanation:
        """How `similar` goes about the same. Raises `NotFound`."""
        now = self._searcher
        return now.explain(*now.stored(key), Asked.of(k, radius, where, rerank).besides())

    def meaning(self, progress: Progress = silent) -> bits.Meaning:
        """What each bit means, by a sample of the entries; remembered, but not in the file, until entries change."""
        now = self._searcher
        state = now.index.store.revision(), now.hasher.digest
        if self._meaning is None or self._meaning[0] != state:
            self._meaning = state, bits.meaning(now.index, now.hasher, now.vectors, progress=progress)
        return self._meaning[1]

    def why(self, content: Any, hits: Sequence[Hit]) -> list[Why]:
        """Why each hit is one for this content, of `query`: bits that differ and what they mean, words they share."""
        return why(self._searcher, self.meaning(), content, hits)

    def why_similar(self, key: str, hits: Sequence[Hit]) -> list[Why]:
        """The same for hits of `similar`. Where its contents are not stored, all bits of an entry weigh as much."""
        return why_similar(self._searcher, self.meaning(), key, hits)

    def duplicates(self, radius: int = 3) -> list[list[str]]:
        """Groups of keys: an entry and those within `radius` bits that `dedup` leaves out for it; largest first."""
        found = dedup.find(*self._both, dedup.Limits(radius, similar=0))
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
        return dedup.find(*self._both, dedup.Limits(radius, similar, keep, target), progress)

    def leaks(
        self, other: Engine, radius: int | None = None, similar: float | None = None, progress: Progress = silent
    ) -> leakage.Leaks:
        """Entries that have a near duplicate in another file, and the nearest one there; limits as those of `dedup`.

        Texts are encoded by the model of the other file where it has another. Raises `Mismatch` for other contents.
        """
        return leakage.find(self._both, other._both, dedup.Limits(radius, similar), progress)

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
        return anomalies.worst(self._searcher, entries, k, quantile, progress)

    def reencode(
        self,
        model: Hasher | Settings | None = None,
        entries: Iterable[Entry] | None = None,
        progress: Progress = silent,
    ) -> Generation:
        """Put a new model beside the one in use, trained on what is stored, and encode every entry by it.

        Takes a `Hasher` as it is, else trains one by these settings, None for those of the model in use. The old one
        goes on answering, and what is added meanwhile is encoded by both. Whatever stops this, the same call goes on.
        `entries` are for images and embeddings whose vectors are not kept: those stored just so are encoded. The answer
        tells how many entries have a code. Raises `InvalidInput` for a model that does not fit, `Mismatch` for another
        than the one beside.
        """
        return generations.reencode(self._searcher, model, entries, progress)

    def promote(self, progress: Progress = silent) -> None:
        """Use the model beside, in one transaction, once it has encoded every entry; the other stays beside.

        So the next call goes back. Who has the file open must open it again, but for this engine: what other threads
        ask it meanwhile is asked anew. Raises `NotFound` without a model beside, `InvalidInput` if entries that lack
        its code are not stored.
        """
        with self._promotion:
            self._searcher = generations.promote(self._searcher, progress)
            self._beside = generations.Beside(self.index.store, self.hasher.embed)

    def beside(self) -> Self:
        """The same file by the model beside, to search and not to change; closing either closes both.

        Raises `NotFound` if there is none, `Mismatch` if it has not encoded every entry.
        """
        store = generations.beside(self.index.store)
        return type(self)(Index(store), generations.hasher_of(store.succession, store.model_id, self.hasher.embed))

    def drop(self) -> None:
        """Remove the model that is not in use and its codes, in one transaction; raises `NotFound` without one."""
        store = self.index.store
        gone = [one.digest for one in self.models() if not one.in_use]
        store.succession.drop(store.succession.beside())
        for digest in gone:
            curve.forget(store, digest)

    def models(self) -> list[Generation]:
        """The models of the file, the one in use first."""
        return self.index.store.succession.generations()

    def export(
        self, path: str | Path, codes: bool = False, where: Where | None = None, progress: Progress = silent
    ) -> int:
        """Write entries, all or those that `where` matches, to .jsonl, .parquet, .npy or .npz; how many.

        `hashret index` reads the first two again; `codes` adds the code of each. The others have codes and keys alone.
        Written beside first: what was there before stays until all is written. Raises `InvalidInput`.
        """
        return write(Export(self.index, codes, where, progress), path)

    @property
    def curve(self) -> curve.Curve:
        """How the training of its model went; empty if that is not known."""
        return curve.kept(self.index.store, self.hasher.digest)

    def info(self) -> dict[str, Any]:
        """What the file holds: counts, buckets, bytes, and the model's kind, digest and settings."""
        stats = self.index.stats()
        model = {"kind": self.hasher.kind, "model": self.hasher.digest, "settings": asdict(self.hasher.settings)}
        named = ("digest", "bits", "created", "encoded", "share", "in_use")
        models = [{name: getattr(one, name) for name in named} for one in self.models()]
        embed = {} if self.hasher.embed is None else {"embed": self.hasher.embed.name}
        return {**stats, "vectors": form_of(self.index.store.fact("vectors")), **embed, **model, "models": models}


def _are_codes(contents: Contents) -> TypeGuard[Codes]:
    """Whether these are codes uint8 (n, bits / 8)."""
    return isinstance(contents, np.ndarray) and contents.ndim == 2 and contents.dtype == np.uint8


def _entries(entries: Any) -> Iterable[Entry]:
    """Entries as they are, or those of a table; raises `InvalidInput` for what cannot be asked for any."""
    if is_table(entries):
        return Frame(entries)
    if not isinstance(entries, Iterable):
        raise InvalidInput(f"entries are of type {type(entries).__name__}: {WANTED}")
    return entries
