"""Two models of one file: how the answers by the one beside differ from those in use, and whether they are better.

Answers are what `Engine.query` lists: the first k, in finer order where there are features, else by codes. They are
compared by `hashret.evaluate.answers`. Whether they are better is the mean of a paired difference with its bootstrap
interval: of P@k where there are judgements; else of the share of the k nearest by exact cosine that are among the first
10 k by codes. Those cosines are of the stored vectors, or of the words of the stored texts, weighed by neither model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from hashret.engine import Engine
from hashret.evaluate.answers import Lists, first, overlap, rank_biased_overlap
from hashret.evaluate.judged import Judged, Judgements
from hashret.evaluate.metrics import Scores, bootstrap
from hashret.evaluate.quality import quality
from hashret.evaluate.report import (
    Figure,
    Measure,
    Neighbours,
    Options,
    asked_by,
    facts_of,
    judged_by,
    measured,
    without_own,
)
from hashret.evaluate.rows import Cosines, joined, taken
from hashret.evaluate.ways import Stored, Way, blocks, ways
from hashret.features import Text
from hashret.hasher import Progress, silent
from hashret.rows import Rows
from hashret.settings import Settings
from hashret.stream import reservoir
from indexer.errors import InvalidInput, Mismatch

SIDES = ("in use", "beside")
DIFFERENCE, BOTH = "difference", "both"
BY_CODES = " by codes"
LEARNED = 50_000  # texts that weigh the words of all
WORDS = 100_000  # at most so many: more than either model is likely to know
NOTHING = "nothing tells which is better: neither contents nor vectors are stored; judge by --label FIELD"
_PAGE = 2048


@dataclass(frozen=True, slots=True)
class Change:
    """A query, the share of its answers that both models give, and the keys that only one gives, best first."""

    key: str
    content: str | None
    overlap: float
    lost: tuple[str, ...]
    gained: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` found.

    figures  of methods both, in use, beside, and difference (beside less in use); facts about codes have no interval
    changed  every query, that whose answers changed most first
    verdict  one sentence that names the metric
    """

    figures: tuple[Figure, ...]
    queries: int
    changed: tuple[Change, ...]
    verdict: str
    notes: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """One flat dict a figure."""
        return [asdict(figure) for figure in self.figures]


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two models: what is stored by it, and its two ways to rank that for the queries."""

    stored: Stored
    codes: Way
    answers: Way

    @classmethod
    def of(cls, engine: Engine, stored: Stored, judged: Judged, k: int) -> _Side:
        """With the finest way that there is."""
        every = ways(engine, stored, asked_by(engine, stored, judged), k, {})
        return cls(stored, every["codes"], every.get("reranked") or every["codes"])

    @property
    def bits(self) -> int:
        """Length of a code."""
        return int(self.stored.codes.shape[1] * 8)

    def listed(self, judged: Judged, k: int) -> tuple[Lists, Scores]:
        """The first k answers to each query, and their mean distance by codes as a share of the bits, float64 (q,)."""
        lists, near = [], []
        for part in blocks(len(judged), len(self.stored.keys)):
            best = first(without_own(self.answers(part), judged.own[part], self.bits), k)
            lists.append(best)
            near.append(np.take_along_axis(self.codes(part), best, axis=1).mean(1) / self.bits)
        return np.concatenate(lists), np.concatenate(near)

    def scores(self, measure: Callable[[Way], Mapping[Measure, Scores]]) -> dict[str, Scores]:
        """A measure of rankings, of answers and by codes."""
        found = {name: scores for (name, radius), scores in measure(self.answers).items() if radius is None}
        by_codes = measure(self.codes) if self.answers is not self.codes else {}
        return found | {name + BY_CODES: scores for (name, radius), scores in by_codes.items() if radius is None}


def compare(
    engine: Engine,
    judgements: Judgements | None = None,
    options: Options | None = None,
    progress: Progress = silent,
) -> Comparison:
    """The model beside the one in use against it, for judged queries, or for stored entries drawn at random.

    Raises `NotFound` if there is no model beside, `Mismatch` if it is not complete or if entries change meanwhile, and
    `InvalidInput` for fewer than two entries or judgements that cannot be used.
    """
    chosen = options or Options()
    engines, k = (engine, engine.beside()), max(chosen.k)
    progress("compare", 0, 3)
    stored = [Stored.of(each, (judgements.label if judgements else None) or "") for each in engines]
    if stored[0].keys != stored[1].keys:
        raise Mismatch(f"{engine.index.store.path}: entries have changed meanwhile: compare again")
    if len(stored[0].keys) < 2:
        raise InvalidInput("there are fewer than two entries: answers cannot differ")
    if judgements:
        judged = judged_by(engine, stored[0], judgements, chosen).usable(chosen.sample, chosen.seed)
    else:
        judged = _drawn(len(stored[0].keys), chosen)
    sides = [_Side.of(each, one, judged, k) for each, one in zip(engines, stored, strict=True)]
    progress("compare", 1, 3)
    figures, lists = _alike(sides, judged, chosen)
    progress("compare", 2, 3)
    scores = _judged(sides, judged, chosen) if judgements else _recalls(engine, sides, judged, chosen)
    figures += _paired(scores, chosen.seed)
    metric = f"P@{k}" if judgements else f"top {k} in {10 * k}" + BY_CODES * (sides[0].answers is not sides[0].codes)
    figures += [replace(one, method=name) for name, side in zip(SIDES, stored, strict=True) for one in _facts(side)]
    progress("compare", 3, 3)
    changed = tuple(_changed(engine, judged, stored[0].keys, lists))
    return Comparison(tuple(figures), len(judged), changed, _verdict(metric, figures), tuple(judged.notes))


def _drawn(entries: int, options: Options) -> Judged:
    """Stored entries as queries of which nobody knows the answers."""
    count = min(options.sample, entries)
    own = np.sort(np.random.default_rng(options.seed).choice(entries, count, replace=False))
    return Judged(None, [np.zeros(0, np.int64)] * count, [np.zeros(0)] * count, own)


def _alike(sides: list[_Side], judged: Judged, options: Options) -> tuple[list[Figure], list[Lists]]:
    """How alike the answers are, and the lists of both."""
    k = min(max(options.k), len(sides[0].stored.keys) - 1)
    (before, near), (after, near_after) = (side.listed(judged, k) for side in sides)
    alike = {f"overlap@{some}": overlap(before[:, :some], after[:, :some]) for some in options.k}
    alike["RBO"] = rank_biased_overlap(before, after)
    alike["same first answer"] = (before[:, 0] == after[:, 0]).astype(np.float64)
    figures = [_figure(BOTH, name, scores, options.seed) for name, scores in alike.items()]
    distances = [{"distance / bits": scores} for scores in (near, near_after)]
    return figures + _paired(distances, options.seed), [before, after]


def _judged(sides: list[_Side], judged: Judged, options: Options) -> list[dict[str, Scores]]:
    """Metrics of both by judgements."""
    return [side.scores(partial(measured, judged=judged, stored=side.stored, options=options)) for side in sides]


def _recalls(engine: Engine, sides: list[_Side], judged: Judged, options: Options) -> list[dict[str, Scores]]:
    """Of both, how many of the nearest by exact cosine they find; nothing where there is no cosine."""
    rows = _yardstick(engine, sides)
    if rows is None:
        return [{}, {}]
    cosines, asked = Cosines(rows), taken(rows, judged.own)
    exact = Neighbours.of(
        lambda part: 1 - cosines(taken(asked, np.arange(part.start, part.stop))),
        judged.own, sides[0].stored, options.k,
    )  # fmt: skip
    exact = replace(exact, bits=max(side.bits for side in sides))
    return [side.scores(exact.recalls) for side in sides]


def _yardstick(engine: Engine, sides: list[_Side]) -> Rows | None:
    """Features that belong to neither model: stored vectors, or the words of all texts."""
    if engine.hasher.kind != "text":
        return sides[0].stored.rows
    store = engine.index.store
    texts = reservoir((row.content or "" for page in store.pages(_PAGE) for row in page), LEARNED, 0)
    features = Text.fit(texts, Settings(words=WORDS))
    return joined([features.transform([row.content or "" for row in page]) for page in store.pages(_PAGE)])


def _paired(scores: list[dict[str, Scores]], seed: int) -> list[Figure]:
    """Means of both, and of their difference query by query."""
    before, after = scores
    return [
        figure
        for name in before
        for figure in (
            _figure(SIDES[0], name, before[name], seed),
            _figure(SIDES[1], name, after[name], seed),
            _figure(DIFFERENCE, name, after[name] - before[name], seed),
        )
    ]


def _figure(method: str, metric: str, scores: Scores, seed: int) -> Figure:
    """A mean with its interval."""
    return Figure(method, metric, None, float(np.nanmean(scores)), *bootstrap(scores, seed))


def _facts(stored: Stored) -> tuple[Figure, ...]:
    """The codes by themselves."""
    return Figure("codes", "bits", None, stored.codes.shape[1] * 8), *facts_of(quality(stored.codes))


def _verdict(metric: str, figures: list[Figure]) -> str:
    """Which model answers better, by what, and how sure that is."""
    found = {one.method: one for one in figures if one.metric == metric}
    if not found:
        return NOTHING
    old, new, by = (found[name] for name in (*SIDES, DIFFERENCE))
    low, high = by.low or 0.0, by.high or 0.0
    word = "is better" if low > 0 else "is worse" if high < 0 else "is not clearly better or worse"
    return (
        f"the model beside {word} by {metric}: {new.value:.3f} against {old.value:.3f}, "
        f"{by.value:+.3f} (95 % interval {low:+.3f} to {high:+.3f})"
    )


def _changed(engine: Engine, judged: Judged, keys: list[str], lists: list[Lists]) -> Iterator[Change]:
    """Every query with what changed, most first; among equals in their order."""
    before, after = lists
    shares = overlap(before, after)
    store = engine.index.store
    for number in np.argsort(shares, kind="stable").tolist():
        old, new = before[number].tolist(), after[number].tolist()
        own = judged.own[number]
        given = None if judged.contents is None else judged.contents[number]
        if own >= 0:
            given = store.rows(engine.index.ids([keys[own]]))[0].content
        yield Change(
            keys[own] if own >= 0 else "",
            given if isinstance(given, str) else None,
            float(shares[number]),
            tuple(keys[column] for column in old if column not in new),
            tuple(keys[column] for column in new if column not in old),
        )
