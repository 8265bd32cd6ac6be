"""Searching: exact neighbours in Hamming distance, and the finer score that puts them in order.

With `rerank` (see `hashret.reranking`) they are put in the order of

- embeddings and images whose vectors are kept: their cosine with the query's;
- others: the asymmetric score of the query's real values against an entry's bits b in {-1, +1}: of logits z
  sum tanh(z) b / sum |tanh(z)|, from -1 to 1 (after Gordo et al. 2014), of embeddings that of `hashret.forward.settle`;
- texts: .2 of that and .8 of the cosine of their tf-idf rows (Salakhutdinov and Hinton 2009 rank a shortlist so).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeGuard

import numpy as np

from hashret.hasher import Hasher
from hashret.reranking import Places, Scores, by_codes, by_vectors, by_words, reach
from hashret.results import Explanation, Hit
from hashret.rows import Floats, Rows, Sparse
from hashret.scores import combined, cosines, sparse_cosines
from indexer.bits import Codes, Distances, Ids
from indexer.index import Index
from indexer.where import Every, Where, condition

_ANSWERS = 1 << 22  # of queries that are answered at once: 50 MB


class Asked(NamedTuple):
    """The keywords of a search."""

    k: int
    radius: int | None
    where: Where | None
    rerank: bool


@dataclass(frozen=True, slots=True)
class Searcher:
    """What a search reads: codes, the model that made them, and whether vectors are stored."""

    index: Index
    hasher: Hasher
    vectors: bool

    def find(self, codes: Codes, sides: Floats, rows: Rows, asked: Asked) -> list[list[Hit]]:
        """Hits of each query, given its code, side of the asymmetric score and, for stored vectors, its features."""
        if not asked.rerank:
            return plain(self.index, codes, asked)
        out = []
        for number, (ids, near) in enumerate(_nearest(self.index, codes, asked)):
            places, scores = self._finer(sides[number], rows, number, ids, asked)
            ids, near = ids[places], near[places]
            order = np.lexsort((ids, -scores))[: asked.k if asked.radius is None else None]
            out.append(hits(self.index, ids[order], near[order].tolist(), scores[order].tolist()))
        return out

    def explain(self, codes: Codes, sides: Floats, rows: Rows, asked: Asked) -> Explanation:
        """How `find` goes about the same, tried out."""
        plan = explained(self.index, codes, asked)
        if not asked.rerank:
            return plan
        start, compared, read = time.perf_counter(), 0, 0
        for number, (ids, _) in enumerate(_nearest(self.index, codes, asked)):
            compared += len(ids)
            read += len(self._finer(sides[number], rows, number, ids, asked)[0])
        measured = (time.perf_counter() - start) * 1e6
        if not (self._by_words(rows) or self._by_vectors(rows)):
            read = 0
        return Explanation(plan.plan, compared / len(codes), read / len(codes), measured)

    def _finer(self, side: Floats, rows: Rows, number: int, ids: Ids, asked: Asked) -> tuple[Places, Scores]:
        """Places among the ids of those that may be the best for one query, all of them in a ball; finer scores."""
        if asked.radius is not None:
            return np.arange(len(ids)), self.scores(side, rows, number, ids)
        codes, model, k = self.index.codes(ids), self.hasher.weights, asked.k
        if self._by_words(rows):
            return by_words(model, codes, side, k, lambda at, soft: self._with_words(rows, number, ids[at], soft))
        if self._by_vectors(rows):
            return by_vectors(model, codes, side, k, lambda at: self._cosines(rows, number, ids[at]))
        return by_codes(model, codes, side, k)

    def stored(self, key: str) -> tuple[Codes, Floats, Rows]:
        """A stored entry as a query: code, side of the asymmetric score, and row, or the side where none is stored."""
        ids = self.index.ids([key])
        codes = self.index.codes(ids)
        if self.vectors:
            rows = self.index.store.vectors(ids)
            return codes, self.hasher.weights.ask(rows)[1], rows
        sides = self.hasher.weights.ask_by_code(codes)
        if self.hasher.kind == "text":
            return codes, sides, self.hasher.rows([self.index.store.rows(ids)[0].content or ""])
        return codes, sides, sides

    def scores(self, side: Floats, rows: Rows, number: int, ids: Ids) -> Scores:
        """The finer score of some entries for one query; see the top of this file."""
        if self._by_vectors(rows):
            return self._cosines(rows, number, ids)
        soft = self.hasher.weights.scores(self.index.codes(ids), side)
        return self._with_words(rows, number, ids, soft) if self._by_words(rows) else soft

    def _by_words(self, rows: Rows) -> TypeGuard[Sparse]:
        """Whether the queries' rows are words that can be compared with those of stored texts."""
        return self.hasher.kind == "text" and isinstance(rows, Sparse)

    def _by_vectors(self, rows: Rows) -> TypeGuard[Floats]:
        """Whether the queries' rows can be compared with stored vectors."""
        return self.vectors and not isinstance(rows, Sparse)

    def _with_words(self, rows: Sparse, number: int, ids: Ids, soft: Floats) -> Scores:
        """The asymmetric scores of some entries and the cosine of their words with a query's as one."""
        theirs = self.hasher.rows([row.content or "" for row in self.index.store.rows(ids)])
        assert isinstance(theirs, Sparse)  # as texts are
        return combined(sparse_cosines(theirs, rows.take(np.array([number]))), soft)

    def _cosines(self, rows: Floats, number: int, ids: Ids) -> Scores:
        """The cosine of the stored vectors of some entries with a query's."""
        return cosines(self.index.store.vectors(ids), rows[number])


def conditions(index: Index, texts: Sequence[str]) -> Where | None:
    """Conditions as texts, all of which must hold, None for none; raises `NotFound` for a field that no entry has."""
    if not texts:
        return None
    found = Every(tuple(condition(text) for text in texts))
    index.check_fields(found)
    return found


def plain(index: Index, codes: Codes, asked: Asked) -> list[list[Hit]]:
    """Hits of each code by (distance, id); their score is the share of bits that are the same."""
    found, bits = ((ids, near.tolist()) for ids, near in _nearest(index, codes, asked)), index.bits
    return [hits(index, ids, near, (1 - away / bits for away in near)) for ids, near in found]


def explained(index: Index, codes: Codes, asked: Asked) -> Explanation:
    """How the index finds what `plain` gives, or, with reranking, what is put in order."""
    most = None if asked.radius is not None else reach(asked.k, index.bits) if asked.rerank else asked.k
    plan = index.explain(codes, k=most, radius=asked.radius, where=asked.where or None)
    return Explanation(plan, 0, 0, plan.measured or 0.0)


def _nearest(index: Index, codes: Codes, asked: Asked) -> Iterator[tuple[Ids, Distances]]:
    """Ids and distances of each query's exact neighbours, all in reach where they are to be reranked."""
    where = condition(asked.where) if asked.where else None
    if asked.radius is not None:
        found = index.within(codes, asked.radius, where=where)
        cuts = found.lims[1:-1]
        yield from zip(np.split(found.ids, cuts), np.split(found.distances, cuts), strict=True)
    else:
        most = reach(asked.k, index.bits) if asked.rerank else asked.k
        step = max(1, _ANSWERS // most)
        for at in range(0, len(codes), step):
            matches = index.search(codes[at : at + step], most, where=where)
            for ids, near in zip(matches.ids, matches.distances, strict=True):
                yield (ids, near) if ids[-1] >= 0 else (ids[ids >= 0], near[ids >= 0])


def hits(index: Index, ids: Ids, near: Iterable[int], scores: Iterable[float]) -> list[Hit]:
    """Hits of these ids."""
    found = zip(index.store.rows(ids), near, scores, strict=True)
    return [Hit(key, distance, score, content, meta) for (_, key, content, meta), distance, score in found]
