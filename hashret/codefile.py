"""CodeFile: ready-made codes with keys in one file, and what `Engine` answers that needs no model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from hashret.exchange.export import Export
from hashret.exchange.formats import export as write
from hashret.exchange.ready import Ready
from hashret.hasher import Progress, silent
from hashret.opened import Opened
from hashret.results import Explanation, Hit
from hashret.searching import Asked, explained, plain
from indexer.bits import Codes
from indexer.errors import Mismatch
from indexer.index import Index
from indexer.where import Where

BATCH = 1_000_000  # codes a transaction


class CodeFile(Opened):
    """Codes without a model, made by whoever made them; a context manager. Made by `open` or `create`."""

    kind = "codes"

    def __init__(self, index: Index) -> None:
        self._index = index

    @classmethod
    def create(cls, path: str, bits: int) -> Self:
        """A new file (or ":memory:") for codes of so many bits; raises `InvalidInput` if it exists."""
        return cls(Index.create(path, bits))

    @classmethod
    def open(cls, path: str) -> Self:
        """An existing file; raises as `Index.open`, and `Mismatch` if it has a model, whose codes others are not."""
        index = Index.open(path)
        if index.store.model() is not None:
            index.close()
            raise Mismatch(f"{path}: has a model, by which all its codes are: put ready-made codes into a new file")
        return cls(index)

    @property
    def index(self) -> Index:
        """The codes."""
        return self._index

    @property
    def bits(self) -> int:
        """Length of a code in bits."""
        return self.index.bits

    def add(self, ready: Ready, progress: Progress = silent) -> tuple[int, int]:
        """Store codes; how many are new and how many are updates of keys that were there."""
        before = len(self)
        for start in range(0, len(ready.keys), BATCH):
            part = slice(start, start + BATCH)
            contents, metas = ready.contents and ready.contents[part], ready.metas and ready.metas[part]
            self.index.add(ready.keys[part], ready.codes[part], contents=contents, metas=metas)
            progress("store", min(start + BATCH, len(ready.keys)), len(ready.keys))
        added = len(self) - before
        return added, len(ready.keys) - added

    def query(
        self,
        contents: Codes,
        k: int = 10,
        radius: int | None = None,
        where: Where | None = None,
        rerank: bool = False,
    ) -> list[list[Hit]]:
        """The nearest entries of each code uint8 (n, bits / 8), by (distance, id); there is nothing to rerank by."""
        if not len(contents):
            return []
        return plain(self.index, contents, Asked.of(k, radius, where, rerank=False))

    def similar(
        self,
        key: str,
        k: int = 10,
        radius: int | None = None,
        where: Where | None = None,
        rerank: bool = False,
    ) -> list[Hit]:
        """The nearest entries of a stored one, itself left out; as `query`. Raises `NotFound`."""
        codes = self.index.codes(self.index.ids([key]))
        found = plain(self.index, codes, Asked.of(k, radius, where, rerank=False).besides())[0]
        others = [hit for hit in found if hit.key != key]
        return others if radius is not None else others[:k]

    def explain(
        self,
        contents: Codes,
        k: int = 10,
        radius: int | None = None,
        where: Where | None = None,
        rerank: bool = False,
    ) -> Explanation:
        """How `query` goes about the same, why, and how long that takes: it is tried out."""
        return explained(self.index, contents, Asked.of(k, radius, where, rerank=False))

    def explain_similar(
        self,
        key: str,
        k: int = 10,
        radius: int | None = None,
        where: Where | None = None,
        rerank: bool = False,
    ) -> Explanation:
        """How `similar` goes about the same. Raises `NotFound`."""
        codes = self.index.codes(self.index.ids([key]))
        return explained(self.index, codes, Asked.of(k, radius, where, rerank=False).besides())

    def export(
        self, path: str | Path, codes: bool = True, where: Where | None = None, progress: Progress = silent
    ) -> int:
        """Write entries with their codes as `Engine.export`; how many."""
        return write(Export(self.index, True, where, progress), path)

    def info(self) -> dict[str, Any]:
        """What the file holds: counts, buckets and bytes."""
        return {**self.index.stats(), "kind": self.kind}
