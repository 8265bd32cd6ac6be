"""`evaluate`: one engine judged, against labels or qrels if there are any, else against exact float neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashret.engine import Engine
from hashret.evaluate import metrics
from hashret.evaluate.baselines import axes, itq, learned
from hashret.evaluate.judged import Columns, Judged, Judgements, among_stored, beir, labelled, missing_label, trec
from hashret.evaluate.metrics import Scores
from hashret.evaluate.quality import Quality, Suggestion, bits_for_balls, bits_for_recall, quality
from hashret.evaluate.ways import Asked, Distances, Stored, Way, blocks, hamming, ways
from hashret.hasher import Progress, silent
from hashret.rows import Floats, Rows
from indexer.errors import InvalidInput

Measure = tuple[str, int | None]  # its name, and its radius if it has one
LENGTHS = (16, 32, 64, 128, 256)  # bits at which the suggestion tries ITQ
_RADII = (0, 2, 4, 8, 16)
_ROUNDING = 1e-6  # of a cosine of float32
_NO_FEATURES = "float and the baselines are left out: neither contents nor vectors are stored (see --store-vectors)"


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure. `radius` empty: 0 2 4 8 16, up to a quarter of the bits. Queries are drawn with `seed`."""

    k: tuple[int, ...] = (10,)
    radius: tuple[int, ...] = ()
    seed: int = 0
    sample: int = 1000

    def __post_init__(self) -> None:
        """Check every number."""
        for name, least in (("k", 1), ("radius", 0)):
            for value in getattr(self, name):
                if isinstance(value, bool) or not isinstance(value, int) or value < least:
                    raise InvalidInput(f"{name} is {value!r}: give a whole number of at least {least}")
        if not self.k:
            raise InvalidInput("no k was given: give at least one")
        if self.sample < 1:
            raise InvalidInput(f"sample is {self.sample!r}: give a whole number of at least 1")


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: the mean of a metric over queries with its 95 % bootstrap interval, None for facts about codes."""

    method: str
    metric: str
    radius: int | None
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All figures, the number of queries that they are means of, and what a reader must know."""

    figures: tuple[Figure, ...]
    queries: int
    notes: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """One flat dict a figure."""
        return [asdict(figure) for figure in self.figures]


def evaluate(
    engine: Engine,
    judgements: Judgements | None = None,
    options: Options | None = None,
    progress: Progress = silent,
) -> Report:
    """How well codes answer: with judgements by precision, recall, nDCG and mAP, without them by themselves.

    Without judgements, stored entries ask for their k nearest by exact cosine of the features, and bits and buckets are
    counted. Raises `InvalidInput` or `NotFound` for judgements that cannot be used, and for an empty file.
    """
    chosen = options or Options()
    if judgements:
        return _judge(engine, judgements, chosen, progress)
    return _survey(engine, chosen, progress)


def _judge(engine: Engine, judgements: Judgements, options: Options, progress: Progress) -> Report:
    """Every way against judgements."""
    stored = Stored.of(engine, judgements.label or "")
    judged = judged_by(engine, stored, judgements, options).usable(options.sample, options.seed)
    asked = asked_by(engine, stored, judged)
    progress("baselines", 0, 1)
    baselines = {} if stored.rows is None else learned(stored.rows, engine.hasher.bits, options.seed)
    every = ways(engine, stored, asked, max(options.k), baselines)
    progress("baselines", 1, 1)
    figures: list[Figure] = []
    for number, (name, way) in enumerate(every.items()):
        progress("judge", number, len(every))
        figures += _figures(name, measured(way, judged, stored, options), options.seed)
    progress("judge", len(every), len(every))
    notes = judged.notes + ([] if "float" in every else [_NO_FEATURES])
    return Report(tuple(figures), len(judged), tuple(notes))


def judged_by(engine: Engine, stored: Stored, judgements: Judgements, options: Options) -> Judged:
    """The judgements, whatever their form."""
    if judgements.qrels and judgements.queries:
        return trec(judgements.qrels, judgements.queries, stored.keys)
    if judgements.path and not judgements.label:
        return beir(judgements.path, stored.keys)
    if judgements.label not in stored.fields:
        raise missing_label(str(judgements.label), stored.fields)
    if not judgements.path:
        return among_stored(stored.labels, options.sample, options.seed)
    known = engine.index.store.digests(stored.keys)
    column = {key: number for number, key in enumerate(stored.keys)}
    digests = {digest: column[key] for key, digest in known.items() if digest is not None}
    return labelled(judgements.path, judgements.label or "", stored.labels, digests)


def asked_by(engine: Engine, stored: Stored, judged: Judged) -> Asked:
    """The queries as the ways need them."""
    if judged.contents is None:
        return Asked.among(engine, stored, judged.own)
    return Asked.of(engine, judged.contents)


def measured(way: Way, judged: Judged, stored: Stored, options: Options) -> dict[Measure, Scores]:
    """Every metric of one way for each query, by (metric, radius)."""
    bits = stored.codes.shape[1] * 8
    radii = options.radius or tuple(radius for radius in _RADII if radius <= bits // 4)
    parts: list[dict[Measure, Scores]] = []
    for part in blocks(len(judged), len(stored.keys)):
        away = without_own(way(part), judged.own[part], bits)
        gains = judged.gains(part, len(stored.keys))
        values = _ranked(away, gains, options.k)
        if away.dtype.kind == "i":
            for radius in radii:
                three = metrics.within(away, gains > 0, radius)
                for name, scores in zip(("precision", "recall", "share"), three, strict=True):
                    values[name, radius] = scores
        parts.append(values)
    return {name: np.concatenate([values[name] for values in parts]) for name in parts[0]}


def _ranked(away: Distances, gains: Scores, counts: tuple[int, ...]) -> dict[Measure, Scores]:
    """The metrics of a ranking."""
    order = away if away.dtype.kind == "i" else metrics.ranks(away)  # sorted once for all metrics
    relevant = gains > 0
    values: dict[Measure, Scores] = {}
    for k in counts:
        values[f"P@{k}", None] = metrics.precision_at(order, relevant, k)
        values[f"recall@{k}", None] = metrics.recall_at(order, relevant, k)
        values[f"nDCG@{k}", None] = metrics.ndcg_at(order, gains, k)
    values["mAP", None] = metrics.average_precision(order, relevant)
    return values


def without_own(away: Distances, own: Columns, bits: int) -> Distances:
    """Distances with each query's own entry behind all others: no score and no radius reaches so far."""
    out = away.copy()
    rows = np.flatnonzero(own >= 0)
    out[rows, own[rows]] = bits + 1
    return out


def _figures(method: str, values: dict[Measure, Scores], seed: int) -> list[Figure]:
    """Means with their intervals."""
    return [
        Figure(method, metric, radius, float(np.nanmean(scores)), *metrics.bootstrap(scores, seed))
        for (metric, radius), scores in values.items()
    ]


def _survey(engine: Engine, options: Options, progress: Progress) -> Report:
    """Neighbours by float, and the codes by themselves."""
    stored = Stored.of(engine)
    facts = facts_of(quality(stored.codes))
    if stored.rows is None or len(stored.keys) < 2:
        return _advised(Report(facts, 0, (_NO_FEATURES,)), bits_for_balls(len(stored.keys), options.k[0]))
    progress("baselines", 0, 1)
    count = min(options.sample, len(stored.keys))
    own = np.sort(np.random.default_rng(options.seed).choice(len(stored.keys), count, replace=False))
    asked = Asked.among(engine, stored, own)
    leading = axes(stored.rows, LENGTHS[-1], options.seed)
    baselines = learned(stored.rows, engine.hasher.bits, options.seed, leading)
    every = ways(engine, stored, asked, max(options.k), baselines)
    progress("baselines", 1, 1)
    neighbours = Neighbours.of(every.pop("float"), own, stored, options.k)
    found: list[Figure] = []
    for number, (name, way) in enumerate(every.items()):
        progress("neighbours", number, len(every) + 1)
        found += _figures(name, neighbours.recalls(way), options.seed)
    progress("neighbours", len(every), len(every) + 1)
    advice = _advice(stored.rows, leading, neighbours, options)
    progress("neighbours", len(every) + 1, len(every) + 1)
    return _advised(Report((*found, *facts), count, ()), advice)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Who is among the k nearest to the entries `own` by exact cosine, or as near as the k-th, for each k.

    `near` uint8 (q, entries / 8) for each k: a bit for each entry. Of those that are as near any do, as copies of an
    entry are (Aumueller et al. 2018, ann-benchmarks).
    """

    own: Columns
    near: Mapping[int, NDArray[np.uint8]]
    entries: int
    bits: int

    @classmethod
    def of(cls, exact: Way, own: Columns, stored: Stored, counts: Sequence[int]) -> Neighbours:
        """Those of each, itself left out."""
        bits, entries = stored.codes.shape[1] * 8, len(stored.keys)
        near: dict[int, list[NDArray[np.uint8]]] = {k: [] for k in counts}
        for part in blocks(len(own), entries):
            away = without_own(exact(part), own[part], bits)
            for k, parts in near.items():
                last = min(k, entries - 1) - 1
                edge = np.partition(away, last, axis=1)[:, last, None]
                parts.append(np.packbits(away <= edge + _ROUNDING, axis=1))
        return cls(own, {k: np.concatenate(parts) for k, parts in near.items()}, entries, bits)

    def recalls(self, way: Way) -> dict[Measure, Scores]:
        """For each k: the share of k nearest that a way has among its first k, and its first 10 k."""
        parts: dict[Measure, list[Scores]] = {}
        for part in blocks(len(self.own), self.entries):
            away = without_own(way(part), self.own[part], self.bits)
            for k, near in self.near.items():
                relevant = np.unpackbits(near[part], axis=1, count=self.entries).astype(np.bool_)
                most = min(k, self.entries - 1)
                for first in (k, 10 * k):
                    found = np.minimum(metrics.precision_at(away, relevant, first) * first, most)
                    parts.setdefault((f"top {k} in {first}", None), []).append(found / most)
        return {name: np.concatenate(scores) for name, scores in parts.items()}


def _advice(rows: Rows, leading: Floats, neighbours: Neighbours, options: Options) -> Suggestion:
    """The number of bits at which ITQ's codes hold the float neighbours, see `bits_for_recall`."""
    k, recalls = options.k[0], {}
    for length in LENGTHS:
        codes = itq(rows, length, options.seed, leading).encode(rows)
        way = hamming(codes[neighbours.own], codes)
        recalls[length] = float(neighbours.recalls(way)[f"top {k} in {10 * k}", None].mean())
    return bits_for_recall(recalls, f"top {k} by exact cosine in their first {10 * k}")


def facts_of(found: Quality) -> tuple[Figure, ...]:
    """Figures of the codes themselves."""
    values = {
        "bit balance": found.balance,
        "worst bit balance": found.worst_balance,
        "bit correlation": found.correlation,
        "effective bits": found.effective,
        "distinct codes": found.codes,
        "expected codes": found.expected,
        "largest bucket": found.largest,
    }
    return tuple(Figure("codes", name, None, value) for name, value in values.items())


def _advised(report: Report, advice: Suggestion) -> Report:
    """The report with the suggested number of bits."""
    last = Figure("codes", "suggested bits", None, advice.bits)
    return Report((*report.figures, last), report.queries, (*report.notes, f"{advice.bits} bits: {advice.why}"))
