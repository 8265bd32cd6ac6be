"""What is asked, and the right answers to it: everything within a radius ("r3") or the k nearest ("k10").

The right answers come from NumPy alone: every distance is counted, then cut and ordered. Answers of others are judged
by distances counted anew from the ids they name, so that among ties at the k-th place any choice is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from indexer.bits import Codes, distances

WIDEST, MOST = 8, 100  # the largest radius and k that are asked
_BLOCK = 1 << 24  # distances counted at a time


@dataclass(frozen=True)
class Question:
    """Everything within `size` bits if `way` is "r", the `size` nearest if it is "k"."""

    way: str
    size: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The question that `str` of it names."""
        return cls(text[0], int(text[1:]))

    def __str__(self) -> str:
        return f"{self.way}{self.size}"


ALL = tuple(Question.parse(text) for text in ("r0", "r1", "r2", "r3", "r4", "r8", "k1", "k10", "k100"))


@dataclass(frozen=True)
class Answers:
    """Query i has `ids` and `distances`, both int64, from `lims[i]` to `lims[i + 1]`; ids are rows from 0."""

    lims: NDArray[np.int64]
    ids: NDArray[np.int64]
    distances: NDArray[np.int64]

    @classmethod
    def of(cls, lims: NDArray, ids: NDArray, far: NDArray) -> Self:
        """The same in int64."""
        return cls(*(np.asarray(array).astype(np.int64).reshape(-1) for array in (lims, ids, far)))

    @classmethod
    def rows(cls, ids: NDArray, far: NDArray) -> Self:
        """From the k nearest of each query (n, k), where -1 is no entry."""
        kept = ids >= 0
        return cls.of(np.concatenate(([0], np.cumsum(kept.sum(1)))), ids[kept], far[kept])

    @classmethod
    def lists(cls, found: Sequence[Sequence[tuple[int, int]]]) -> Self:
        """From a list of (id, distance) for each query."""
        flat = np.array([pair for some in found for pair in some], dtype=np.int64).reshape(-1, 2)
        return cls.of(np.concatenate(([0], np.cumsum([len(some) for some in found]))), flat[:, 0], flat[:, 1])

    def __len__(self) -> int:
        return len(self.lims) - 1

    def ordered(self) -> Answers:
        """Each query's by (distance, id)."""
        owner = np.repeat(np.arange(len(self)), np.diff(self.lims))
        order = np.lexsort((self.ids, self.distances, owner))
        return Answers(self.lims, self.ids[order], self.distances[order])

    def query(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Ids and distances of one query."""
        mine = slice(self.lims[number], self.lims[number + 1])
        return self.ids[mine], self.distances[mine]

    def cut(self, question: Question) -> Answers:
        """What a smaller question has of this one, if this one is in order."""
        places = np.arange(len(self.ids)) - np.repeat(self.lims[:-1], np.diff(self.lims))
        kept = self.distances <= question.size if question.way == "r" else places < question.size
        lims = np.concatenate(([0], np.cumsum(kept)))[self.lims]
        return Answers(lims, self.ids[kept], self.distances[kept])


class Truth:
    """The right answers to all questions for some queries uint8 (q, w) over codes uint8 (n, w)."""

    def __init__(self, codes: Codes, queries: Codes) -> None:
        self.codes, self.queries = codes, queries
        found: dict[str, list[list[NDArray]]] = {"r": [], "k": []}
        for query in queries:
            far = np.concatenate([distances(query[None], block)[0] for block in _blocks(codes)])
            near = np.flatnonzero(far <= WIDEST)
            bound = np.partition(far, min(MOST, len(far)) - 1)[min(MOST, len(far)) - 1]
            first = np.flatnonzero(far <= bound)
            first = first[np.argsort(far[first], kind="stable")][:MOST]
            found["r"].append([near, far[near]])
            found["k"].append([first, far[first]])
        self._all = {way: joined(lists).ordered() for way, lists in found.items()}

    def answers(self, question: Question) -> Answers:
        """In the order (distance, id)."""
        return self._all[question.way].cut(question)

    def wrong(self, question: Question, given: Answers, strict: bool) -> int:
        """How many queries were answered wrongly.

        `strict` wants the very ids in their order (distance, id); else ids and distances have to be true, and for the k
        nearest the distances to be the k smallest.
        """
        right = self.answers(question)
        return sum(not self._is_right(question, right, given, strict, number) for number in range(len(given)))

    def recall(self, question: Question, given: Answers) -> float:
        """Share of what should be found that is: of those within the radius, or no farther than the k-th nearest."""
        right, hits, all_of_them = self.answers(question), 0, 0
        for number, (low, high) in enumerate(pairwise(right.lims[: len(given) + 1])):
            bound = question.size if question.way == "r" else right.distances[high - 1]
            hits += int((self._far(number, np.unique(given.query(number)[0])) <= bound).sum())
            all_of_them += int(high - low)
        return hits / all_of_them if all_of_them else 1.0

    def _is_right(self, question: Question, right: Answers, given: Answers, strict: bool, number: int) -> bool:
        """Whether one query was answered as it should be."""
        ids, near = given.query(number)
        right_ids, right_near = right.query(number)
        if strict or question.way == "r":
            return np.array_equal(ids, right_ids) and np.array_equal(near, right_near)
        true = len(set(ids.tolist())) == len(ids) and np.array_equal(self._far(number, ids), near)
        return true and np.array_equal(np.sort(near), right_near)

    def _far(self, number: int, ids: NDArray[np.int64]) -> NDArray:
        """Distances of some rows from a query, counted anew."""
        return distances(self.queries[number : number + 1], self.codes[ids])[0]


def _blocks(codes: Codes) -> list[Codes]:
    """Parts of the codes whose distances fit into memory with ease."""
    return [codes[first : first + _BLOCK] for first in range(0, len(codes), _BLOCK)]


def joined(lists: Sequence[Sequence[NDArray]]) -> Answers:
    """The answers to many queries from ids and distances of each."""
    lims = np.concatenate(([0], np.cumsum([len(ids) for ids, _ in lists])))
    return Answers.of(lims, np.concatenate([ids for ids, _ in lists]), np.concatenate([far for _, far in lists]))
