"""`HashretStore`: a file of hashret as a vector store of LangChain, retriever included.

It wants no model of embeddings: without one the codes of the texts are learned from the texts. With one, any object of
LangChain's `Embeddings`, codes are learned of its vectors, which are kept to rank by their cosine. Ids are the keys of
entries, metadata is their meta, and `filter` is the `where` of `Engine.query`. What the first call adds is what codes
are learned from, so let that be much. Not here: what `Engine` does beyond that; it is at hand as `store.engine`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from threading import RLock
from typing import Any, Self
from uuid import uuid4

import numpy as np

from hashret.engine import Engine
from hashret.inputs import Entry
from hashret.results import Hit
from hashret.settings import Settings
from indexer.bits import distances
from indexer.errors import InvalidInput, NotFound, NotInstalled
from indexer.schema import holds

try:
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from langchain_core.vectorstores import VectorStore
except ImportError as error:
    raise NotInstalled("HashretStore is of LangChain: pip install 'hashret[langchain]'") from error


class HashretStore(VectorStore):
    """A vector store in one file, or in memory.

    path       the file, made by the first call that adds texts; ":memory:" for none
    embedding  LangChain's, or None for codes of the texts themselves
    settings   how codes are learned
    vectors    whether the vectors of an embedding are kept, as float16, to rank by them

    Scores are those of `Hit`: at most 1, higher is better.
    """

    def __init__(
        self,
        path: str = ":memory:",
        embedding: Embeddings | None = None,
        settings: Settings | None = None,
        vectors: bool = True,
    ) -> None:
        self.path = path
        self.settings = settings
        self._embedding = embedding
        self._vectors = vectors
        self._engine: Engine | None = None
        self._lock = RLock()  # the first two calls may come at once
        if holds(path):
            self._engine = Engine.open(path, embed=embedding)

    @property
    def engine(self) -> Engine:
        """The engine of the file; raises `NotFound` while nothing was added."""
        if self._engine is None:
            raise NotFound(f"{self.path}: holds nothing yet: add texts, from which codes are learned")
        return self._engine

    @property
    def embeddings(self) -> Embeddings | None:
        """The model of embeddings, if there is one."""
        return self._embedding

    def close(self) -> None:
        """Close the file; a store in memory is gone then."""
        if self._engine is not None:
            self._engine.close()

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings | None = None,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **options: Any,
    ) -> Self:
        """A store of these texts, from which codes are learned; `options` are those of the class."""
        store = cls(embedding=embedding, **options)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        **_: Any,
    ) -> list[str]:
        """Store texts, those of known ids in place of what was there; the ids. A text without an id gets a random one.

        Raises `InvalidInput` unless there are as many metadatas and ids as texts.
        """
        contents = list(texts)
        for name, given in (("metadatas", metadatas), ("ids", ids)):
            if given is not None and len(given) != len(contents):
                raise InvalidInput(f"there are {len(contents)} texts and {len(given)} {name}: give one a text")
        keys = [key or str(uuid4()) for key in ids or repeat(None, len(contents))]
        metas: Iterable[dict[str, Any]] = metadatas or repeat({}, len(contents))
        entries = [Entry(key, text, dict(meta)) for key, text, meta in zip(keys, contents, metas, strict=True)]
        if entries:
            with self._lock:
                self._store(entries)
        return keys

    def _store(self, entries: list[Entry]) -> None:
        """Store entries; the first ones are those from which codes are learned."""
        if self._engine is not None:
            self._engine.add(entries)
            return
        vectors = self._vectors and self._embedding is not None
        self._engine = Engine.fit(self.path, entries, self.settings, vectors=vectors, embed=self._embedding)

    def delete(self, ids: list[str] | None = None, **_: Any) -> bool:
        """Remove entries; ids that are not there are passed over. None removes all."""
        with self._lock:
            if self._engine is None:
                return True
            if ids is None:
                known = [row.key for page in self._engine.index.store.pages() for row in page]
            else:
                known = list(self._engine.index.store.digests(list(dict.fromkeys(ids))))
            self._engine.remove(known)
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The documents of these ids, in their order; those that are not there are left out."""
        if self._engine is None:
            return []
        known = self._engine.index.store.digests(list(dict.fromkeys(ids)))
        return [_document(self._engine.get(key)) for key in dict.fromkeys(ids) if key in known]

    def similarity_search(self, query: str, k: int = 4, **search: Any) -> list[Document]:
        """The k nearest documents; `filter` keeps those whose metadata has these values, `radius` bounds the bits."""
        return [document for document, _ in self.similarity_search_with_score(query, k, **search)]

    def similarity_search_with_score(self, query: str, k: int = 4, **search: Any) -> list[tuple[Document, float]]:
        """The same with their scores."""
        return [(_document(hit), hit.score) for hit in self._hits([query], k, **search)]

    def similarity_search_by_vector(self, embedding: list[float], k: int = 4, **search: Any) -> list[Document]:
        """The documents nearest to a vector; raises `InvalidInput` without a model of embeddings."""
        return [_document(hit) for hit in self._hits(_row(embedding), k, **search)]

    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **search: Any
    ) -> list[Document]:
        """Of the `fetch_k` nearest k that are near the query and, by their codes, unlike each other.

        `lambda_mult` weighs the two: 1 asks for nearness alone, 0 for difference (Carbonell and Goldstein 1998).
        """
        return self._diverse(self._hits([query], fetch_k, **search), k, lambda_mult)

    def max_marginal_relevance_search_by_vector(
        self, embedding: list[float], k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **search: Any
    ) -> list[Document]:
        """The same for a vector."""
        return self._diverse(self._hits(_row(embedding), fetch_k, **search), k, lambda_mult)

    def _hits(
        self,
        contents: Any,
        k: int,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - LangChain's name
        radius: int | None = None,
        **unknown: Any,
    ) -> list[Hit]:
        """What the engine finds for one query; nothing where nothing was added."""
        if unknown:
            raise InvalidInput(f"unknown keyword {next(iter(unknown))!r}: a search takes k, filter and radius")
        if self._engine is None:
            return []
        return self._engine.query(contents, k, radius, filter)[0][:k]

    def _diverse(self, hits: list[Hit], k: int, weight: float) -> list[Document]:
        """At most k of the hits, one by one the best that is left."""
        if not hits:
            return []
        index = self.engine.index
        codes = index.codes(index.ids([hit.key for hit in hits]))
        alike = 1 - 2 * distances(codes, codes) / index.bits
        near = np.array([hit.score for hit in hits])
        chosen: list[int] = []
        while len(chosen) < min(k, len(hits)):
            closest = alike[:, chosen].max(1, initial=-1.0) if chosen else np.zeros(len(hits))
            worth = weight * near - (1 - weight) * closest
            worth[chosen] = -np.inf
            chosen.append(int(worth.argmax()))
        return [_document(hits[place]) for place in chosen]

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        """Scores to the range from 0 to 1; below 0 is unlike."""
        return lambda score: min(1.0, max(0.0, score))


def _row(embedding: Sequence[float]) -> Any:
    """A vector as contents."""
    return np.asarray(embedding, dtype=np.float32)[None]


def _document(hit: Hit) -> Document:
    """A hit as LangChain has it."""
    return Document(page_content=hit.content or "", metadata=hit.meta, id=hit.key)
