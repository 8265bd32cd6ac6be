"""Searching: exact neighbours in Hamming distance, and the finer score that puts them in order.

With `rerank` (see `hashret.reranking`) they are put in the order of

- embeddings whose vectors are kept: their cosine with the query's;
- others: the asymmetric score of the query's real values against an entry's bits b in {-1, +1}: of logits z
  sum tanh(z) b / sum |tanh(z)|, from -1 to 1 (after Gordo et al. 2014), of embeddings that of `hashret.forward.settle`;
- texts: .2 of that and .8 of the cosine of their tf-idf rows (Salakhutdinov and Hinton 2009 rank a shortlist so);
- images whose vectors are kept: half of that and half of the cosine of their pixels.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeGuard, TypeVar

import numpy as np

from hashret.hasher import Hasher
from hashret.reranking import Places, Scores, by_both, by_codes, by_vectors, reach
from hashret.results import Explanation, Hit
from hashret.rows import Floats, Rows, Sparse
from hashret.scores import CODES, combined, cosines, sparse_cosines
from indexer.bits import Codes, Distances, Ids, whole
from indexer.errors import Mismatch, NotFound
from indexer.index import Index
from indexer.where import Every, Where, condition

_ANSWERS = 1 << 22  # of queries that are answered at once: 50 MB
_MANY = 10_000  # answers of a query: for more it is asked whether there are so many entries
_TRIES = 20
Answer = TypeVar("Answer")
P = ParamSpec("P")


def anew(search: Callable[P, Answer]) -> Callable[P, Answer]:
    """A search of an engine, asked again where another thread promotes another model in the middle of it."""

    @wraps(search)
    def asked(*words: P.args, **named: P.kwargs) -> Answer:
        engine: Any = words[0]
        while True:
            now = engine._searcher
            try:
                return search(*words, **named)
            except Mismatch:
                with engine._promotion:  # which may have changed the file, and not yet the engine
                    if engine._searcher is now:
                        raise

    return asked


class Asked(NamedTuple):
    """The keywords of a search."""

    k: int
    radius: int | None
    where: Where | None
    rerank: bool

    @classmethod
    def of(cls, k: int, radius: int | None, where: Where | None, rerank: bool) -> Asked:
        """As they were given; raises `InvalidInput` for what is no number of answers, if that is what is asked for."""
        return cls(k if radius is not None else whole("k", k, 1), radius, where, rerank)

    def besides(self) -> Asked:
        """The same for one more answer, where one of them will be left out."""
        return self._replace(k=self.k + 1)


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

        def ordered(number: int, ids: Ids, near: Distances) -> list[Hit]:
            places, scores = self._finer(sides[number], rows, number, ids, asked)
            ids, near = ids[places], near[places]
            order = np.lexsort((ids, -scores))[: asked.k if asked.radius is None else None]
            return hits(self.index, ids[order], near[order].tolist(), scores[order].tolist())

        return list(_answered(self.index, codes, asked, ordered))

    def explain(self, codes: Codes, sides: Floats, rows: Rows, asked: Asked) -> Explanation:
        """How `find` goes about the same, tried out."""
        plan = explained(self.index, codes, asked)
        if not asked.rerank or not len(codes):
            return plan

        def counted(number: int, ids: Ids, near: Distances) -> tuple[int, int]:
            return len(ids), len(self._finer(sides[number], rows, number, ids, asked)[0])

        start = time.perf_counter()
        compared, read = np.mean(list(_answered(self.index, codes, asked, counted)), axis=0).tolist()
        measured = (time.perf_counter() - start) * 1e6
        return Explanation(plan.plan, compared, read if self._by_both(rows) or self._by_vectors(rows) else 0, measured)

    def _finer(self, side: Floats, rows: Rows, number: int, ids: Ids, asked: Asked) -> tuple[Places, Scores]:
        """Places among the ids of those that may be the best for one query, all of them in a ball; finer scores."""
        if asked.radius is not None:
            return np.arange(len(ids)), self.scores(side, rows, number, ids)
        codes, model, k = self.index.codes(ids), self.hasher.weights, asked.k
        if self._by_both(rows):
            return by_both(model, codes, side, k, lambda at, soft: self._both(rows, number, ids[at], soft))
        if self._by_vectors(rows):
            return by_vectors(model, codes, side, k, lambda at: self._cosines(rows, number, ids[at]))
        return by_codes(model, codes, side, k)

    def stored(self, key: str) -> tuple[Codes, Floats, Rows]:
        """A stored entry as a query: code, side of the asymmetric score, and row, or the side where none is stored."""
        try:
            return self._stored(key)
        except NotFound:  # or somebody stored it anew in the middle
            return self._stored(key)

    def _stored(self, key: str) -> tuple[Codes, Floats, Rows]:
        """The same, unless somebody removes it meanwhile."""
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
        return self._both(rows, number, ids, soft) if self._by_both(rows) else soft

    def _by_both(self, rows: Rows) -> bool:
        """Whether what is stored of texts or images can be compared with the queries' rows, and counts beside codes."""
        return self.hasher.kind in CODES and (self.vectors or isinstance(rows, Sparse))

    def _by_vectors(self, rows: Rows) -> TypeGuard[Floats]:
        """Whether the queries' rows can be compared with stored vectors, and these count alone."""
        return self.vectors and not isinstance(rows, Sparse) and self.hasher.kind not in CODES

    def _both(self, rows: Rows, number: int, ids: Ids, soft: Floats) -> Scores:
        """The asymmetric scores of some entries and the cosine of what is stored of them with a query's as one."""
        own = self._of_words(rows, number, ids) if isinstance(rows, Sparse) else self._cosines(rows, number, ids)
        return combined(self.hasher.kind, own, soft)

    def _of_words(self, rows: Sparse, number: int, ids: Ids) -> Scores:
        """The cosine of the words of some entries with a query's."""
        theirs = self.hasher.rows([row.content or "" for row in self.index.store.rows(ids)])
        ours, theirs = (self.hasher.compared(part) for part in (rows.take(np.array([number])), theirs))
        assert isinstance(ours, Sparse)
        assert isinstance(theirs, Sparse)
        return sparse_cosines(theirs, ours)

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
    bits = index.bits

    def ordered(number: int, ids: Ids, near: Distances) -> list[Hit]:
        distances = near.tolist()
        return hits(index, ids, distances, (1 - away / bits for away in distances))

    return list(_answered(index, codes, asked, ordered))


def explained(index: Index, codes: Codes, asked: Asked) -> Explanation:
    """How the index finds what `plain` gives, or, with reranking, what is put in order."""
    most = _most(index, asked)
    plans = [index.explain(codes[part], k=most, radius=asked.radius, where=asked.where) for part in _parts(codes, most)]
    measured = sum(plan.measured or 0.0 for plan in plans)
    plan = replace(plans[0], cost=sum(plan.cost for plan in plans), measured=measured)
    return Explanation(plan, 0, 0, measured)


def _answered(
    index: Index, codes: Codes, asked: Asked, answer: Callable[[int, Ids, Distances], Answer]
) -> Iterator[Answer]:
    """What `answer` makes of the number and the neighbours of each query.

    Entries may be removed between the search and what is read of those found: `NotFound` of that has them searched for
    anew, and stands only if it comes again and again.
    """
    for number, found in enumerate(_nearest(index, codes, asked)):
        for _ in range(_TRIES):
            try:
                out = answer(number, *found)
                break
            except NotFound:
                found = next(_nearest(index, codes[number : number + 1], asked))
        else:
            out = answer(number, *found)
        yield out


def _nearest(index: Index, codes: Codes, asked: Asked) -> Iterator[tuple[Ids, Distances]]:
    """Ids and distances of each query's exact neighbours, all in reach where they are to be reranked."""
    where = None if asked.where is None else condition(asked.where)
    most = _most(index, asked)
    if most is None:
        found = index.within(codes, asked.radius or 0, where=where)
        cuts = found.lims[1:-1]
        yield from zip(np.split(found.ids, cuts), np.split(found.distances, cuts), strict=True)
        return
    for part in _parts(codes, most):
        matches = index.search(codes[part], most, where=where)
        for ids, near in zip(matches.ids, matches.distances, strict=True):
            yield (ids, near) if len(ids) and ids[-1] >= 0 else (ids[ids >= 0], near[ids >= 0])


def _most(index: Index, asked: Asked) -> int | None:
    """How many of the nearest codes are looked for; None for all within a radius."""
    if asked.radius is not None:
        return None
    most = reach(asked.k, index.bits) if asked.rerank else asked.k
    return most if most <= _MANY else max(1, min(most, len(index)))


def _parts(codes: Codes, most: int | None) -> list[slice]:
    """Queries that are answered at once: all of a radius, else so many that their answers are not too many."""
    step = len(codes) if most is None else max(1, _ANSWERS // most)
    return [slice(at, at + step) for at in range(0, len(codes), max(1, step))] or [slice(0, 0)]


def hits(index: Index, ids: Ids, near: Iterable[int], scores: Iterable[float]) -> list[Hit]:
    """Hits of these ids."""
    found = zip(index.store.rows(ids), near, scores, strict=True)
    return [Hit(key, distance, score, content, meta) for (_, key, content, meta), distance, score in found]
