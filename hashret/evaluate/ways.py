"""Every way to rank all stored entries for some queries, as blocks of distances: smaller is nearer.

codes, Hamming; asymmetric, the real-valued query against stored bits; reranked, what `Engine.query` looks at last by
its finer score and the rest by Hamming; float, exact cosine of the features; and the baselines at the same number of
bits. Float and baselines need features: of texts they are made anew, of images and embeddings they must have been kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashret.engine import Engine
from hashret.evaluate.baselines import Projection
from hashret.evaluate.judged import Columns, Labels, labels_of
from hashret.evaluate.rows import Cosines, joined, taken
from hashret.reranking import Places, Scores, by_both, by_vectors, reach
from hashret.rows import Floats, Rows
from hashret.scores import CODES, combined
from indexer.bits import Codes, distances

Distances = NDArray[Any]
Way = Callable[[slice], Distances]  # a block of queries -> (q, n)
_PAGE = 2048


@dataclass(frozen=True, slots=True)
class Stored:
    """What a file holds, in the order of its ids: a column of every table of distances is an entry here.

    `rows` are the features, None where they are neither kept nor can be made; `fields` the names in any meta.
    """

    keys: list[str]
    codes: Codes
    rows: Rows | None
    labels: list[Labels]
    fields: list[str]

    @classmethod
    def of(cls, engine: Engine, label: str = "") -> Stored:
        """Everything of an engine, in memory; `labels` by the field `label`."""
        store = engine.index.store
        ids, codes = store.rows_of_codes()
        keys: list[str] = []
        labels: list[Labels] = []
        fields: dict[str, None] = {}
        parts: list[Rows] = []
        for page in store.pages(_PAGE):
            keys += [row.key for row in page]
            labels += [labels_of(row.meta, label) for row in page]
            fields.update(dict.fromkeys(name for row in page for name in row.meta))
            if engine.hasher.kind == "text":
                parts.append(engine.hasher.rows([row.content or "" for row in page]))
        if store.keeps_vectors:
            parts = [store.vectors(ids[start : start + _PAGE]) for start in range(0, len(ids), _PAGE)]
        return cls(keys, codes, joined(parts) if parts else None, labels, list(fields))


@dataclass(frozen=True, slots=True)
class Asked:
    """Queries as codes, and as their side of the asymmetric score and as features where there are any."""

    codes: Codes
    sides: Floats | None
    rows: Rows | None

    @classmethod
    def of(cls, engine: Engine, contents: list[Any]) -> Asked:
        """Contents that are not stored."""
        rows = engine.hasher.rows(contents, query=True)
        return cls(*engine.hasher.weights.ask(rows), rows)

    @classmethod
    def among(cls, engine: Engine, stored: Stored, columns: Columns) -> Asked:
        """Stored entries."""
        rows = None if stored.rows is None else taken(stored.rows, columns)
        sides = None if rows is None else engine.hasher.weights.ask(rows)[1]
        return cls(stored.codes[columns], sides, rows)


def ways(engine: Engine, stored: Stored, asked: Asked, k: int, baselines: Mapping[str, Projection]) -> dict[str, Way]:
    """All ways that there are, by name; `k` decides how much is reranked."""
    found: dict[str, Way] = {"codes": hamming(asked.codes, stored.codes)}
    finer = None if asked.sides is None else _asymmetric(engine.hasher.weights.answer(stored.codes), asked.sides)
    if finer is not None:
        found["asymmetric"] = lambda part: -finer(part)
    if stored.rows is None or asked.rows is None:
        return found
    cosine = _cosine(Cosines(engine.hasher.compared(stored.rows)), engine.hasher.compared(asked.rows))
    if asked.sides is not None:
        found["reranked"] = _reranked(engine, stored.codes, asked.sides, cosine, found["codes"], k)
    found["float"] = lambda part: 1 - cosine(part)
    for name, baseline in baselines.items():
        found[name] = hamming(baseline.encode(asked.rows), baseline.encode(stored.rows))
    return found


def hamming(queries: Codes, codes: Codes) -> Way:
    """Plain distance of codes."""
    return lambda part: distances(queries[part], codes)


def blocks(queries: int, entries: int, cells: int = 1 << 22) -> list[slice]:
    """Slices of the queries whose tables of distances stay near so many cells."""
    step = max(1, cells // max(entries, 1))
    return [slice(start, min(start + step, queries)) for start in range(0, queries, step)]


def _cosine(cosines: Cosines, rows: Rows) -> Way:
    """Cosine of the features; higher is nearer."""
    return lambda part: cosines(taken(rows, np.arange(part.start, part.stop)))


def _asymmetric(answers: Floats, sides: Floats) -> Way:
    """The score of the engine for many queries at once; higher is nearer."""
    return lambda part: sides[part] @ answers.T


def _reranked(engine: Engine, codes: Codes, sides: Floats, cosine: Way, plain: Way, k: int) -> Way:
    """What the engine looks at last for the best k, in the order of that score, the others after them by distance."""
    model, within = engine.hasher.weights, reach(k, engine.hasher.bits)

    def best(own: NDArray[Any], away: Distances, side: Floats) -> tuple[Places, Scores]:
        near = np.argsort(away, kind="stable")[:within]
        if engine.hasher.kind in CODES:
            kind = engine.hasher.kind
            places, scores = by_both(model, codes[near], side, k, lambda at, soft: combined(kind, own[near[at]], soft))
        else:
            places, scores = by_vectors(model, codes[near], side, k, lambda at: own[near[at]])
        return near[places], scores

    def merged(part: slice) -> Distances:
        away = plain(part).astype(np.float64)
        for row, (own, side) in enumerate(zip(cosine(part), sides[part], strict=True)):
            places, scores = best(own, away[row], side)
            away[row, places] = -2 - scores  # which are above -2
        return away

    return merged
