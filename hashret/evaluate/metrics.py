"""Retrieval metrics that are fair where distances tie, as Hamming distances always do.

Every metric is its expectation over a random order of the entries that tie (McSherry and Najork 2008, whose closed form
for average precision is used here): none depends on the order in which a library happens to list ties, and where
nothing ties, those that trec_eval has too are equal to its. `distances` (q, n) are of any ordered number type, smaller
is nearer, never NaN; `relevant` is bool (q, n). Blocks of queries bound the memory: 24 bytes a distance at most for
whole numbers of a small range, as Hamming distances are, and 80 for others, which are sorted.

A query without any relevant entry has precision 0; its recall, average precision and nDCG do not exist and are NaN.
`InvalidInput` is raised for arrays of different shapes, NaN among distances, and k below 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.errors import InvalidInput

Numbers = NDArray[Any]
Bools = NDArray[np.bool_]
Scores = NDArray[np.float64]

_FEW_LEVELS = 1024  # so many different distances are counted without sorting, whatever n is
_CELLS = 1 << 22  # numbers of a temporary table: 32 MiB


class _Groups(NamedTuple):
    """Entries that tie, nearest group first, all float64 (q, groups); a group may be empty.

    `size` entries of total `gain`, after `before` entries of total gain `gained`.
    """

    size: Scores
    gain: Scores
    before: Scores
    gained: Scores


def precision_at(distances: Numbers, relevant: Bools, k: int, *, worst: bool = False) -> Scores:
    """Share of relevant entries among the k nearest of each query, float64 (q,); trec's P_k.

    With `worst`, irrelevant entries come first among the ties at the k-th place. Where k > n, what lacks counts as
    irrelevant.
    """
    return _found(distances, relevant, k, worst) / k


def recall_at(distances: Numbers, relevant: Bools, k: int, *, worst: bool = False) -> Scores:
    """Share of a query's relevant entries that are among its k nearest, float64 (q,); trec's recall_k, `worst` as in
    `precision_at`.
    """
    return _ratio(_found(distances, relevant, k, worst), relevant.sum(1))


def average_precision(distances: Numbers, relevant: Bools, k: int | None = None, *, found: bool = False) -> Scores:
    """Precision at the place of each relevant entry among the k nearest (None: all), summed and divided, float64 (q,).

    Divided by all relevant entries, as trec's map and map_cut_k do; with `found` by those among the k nearest, as
    mAP@1000 of the papers on hashing does, and then 0 if there is none.
    """
    _check(distances, relevant, 1 if k is None else k)
    groups = _groups(distances, relevant)
    last = distances.shape[1] if k is None else min(k, distances.shape[1])
    sums = _precision_sums(groups, np.clip(last - groups.before, 0, groups.size))
    every = relevant.sum(1)
    if not found or last == distances.shape[1]:
        return _ratio(sums.sum(1), every)
    mean = [_over_found(_Groups(*(part[rows] for part in groups)), sums[rows], last) for rows in _blocks(every, last)]
    return _ratio(np.concatenate(mean or [sums.sum(1)]) * every, every)


def ndcg_at(distances: Numbers, gains: NDArray[np.floating[Any]], k: int) -> Scores:
    """Normalised discounted cumulative gain of the k nearest, float64 (q,); trec's ndcg_cut_k.

    `gains` float (q, n), not negative, as grades are; the discount of place i is log2(i + 1).
    """
    _check(distances, gains, k)
    k = min(k, distances.shape[1])
    best = -np.partition(-gains, k - 1, axis=1)[:, :k] if k else gains
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = -np.sort(-best, axis=1) @ discounts
    groups = _groups(distances, gains)
    summed = np.concatenate(([0], np.cumsum(discounts)))
    first, end = (np.minimum(places, k).astype(np.int64) for places in (groups.before, groups.before + groups.size))
    share = (summed[end] - summed[first]) / np.maximum(groups.size, 1)
    return _ratio((groups.gain * share).sum(1), ideal)


def precision_at_recall(distances: Numbers, relevant: Bools, recalls: Sequence[float]) -> Scores:
    """Precision at the place where recall first reaches each level, float64 (q, len(recalls)).

    The place of the j-th of r relevant entries among t that tie is the expected one, j (t + 1) / (r + 1). Raises
    `InvalidInput` for a level that is not above 0 and at most 1.
    """
    _check(distances, relevant, 1)
    for level in recalls:
        if not 0 < level <= 1:
            raise InvalidInput(f"recall level is {level!r}: give a number above 0 and at most 1")
    groups, every = _groups(distances, relevant), relevant.sum(1)
    out = np.full((len(distances), len(recalls)), np.nan)
    rows = np.flatnonzero(every)
    for column, level in enumerate(recalls):
        wanted = np.ceil(level * every[rows] - 1e-9)[:, None]
        at = np.argmax((groups.gained + groups.gain)[rows] >= wanted, axis=1)
        size, hits, before, had = (part[rows, at] for part in groups)
        wanted = wanted[:, 0]
        out[rows, column] = wanted / (before + (wanted - had) * (size + 1) / (hits + 1))
    return out


def within(distances: Numbers, relevant: Bools, radius: float) -> tuple[Scores, Scores, Scores]:
    """Precision and recall of what lies within `radius` (inclusive), and its share of all entries, each float64 (q,).

    The precision of an empty ball is 0.
    """
    _check(distances, relevant, 1)
    inside = distances <= radius
    hits, size = (inside & relevant).sum(1), inside.sum(1)
    return hits / np.maximum(size, 1), _ratio(hits, relevant.sum(1)), size / max(distances.shape[1], 1)


def bootstrap(
    values: NDArray[np.floating[Any]], seed: int = 0, rounds: int = 1000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval (low, high) of the mean of values (q,) over queries drawn anew (Efron 1979); NaN left out.

    (NaN, NaN) if no value is left.
    """
    kept = values[~np.isnan(values)]
    if not len(kept):
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    means = np.empty(rounds)
    for rows in _blocks(means, len(kept)):
        means[rows] = kept[rng.integers(0, len(kept), (len(means[rows]), len(kept)))].mean(1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def ranks(distances: Numbers) -> NDArray[np.int64]:
    """Each distance as its place among the different distances of its row, from 0: the same order and ties, int64."""
    order = np.argsort(distances, axis=1)
    ordered = np.take_along_axis(distances, order, axis=1)
    steps = np.zeros(distances.shape, dtype=np.int64)
    np.cumsum(ordered[:, 1:] != ordered[:, :-1], axis=1, out=steps[:, 1:])
    out = np.empty_like(steps)
    np.put_along_axis(out, order, steps, axis=1)
    return out


def _found(distances: Numbers, relevant: Bools, k: int, worst: bool) -> Scores:
    """How many relevant entries are among the k nearest, float64 (q,)."""
    _check(distances, relevant, k)
    k = min(k, distances.shape[1])
    if not k:
        return np.zeros(len(distances))
    edge = np.partition(distances, k - 1, axis=1)[:, k - 1 : k]
    inside, tied = distances < edge, distances == edge
    hits, tied_hits = (inside & relevant).sum(1), (tied & relevant).sum(1)
    left, ties = k - inside.sum(1), tied.sum(1)
    from_ties = np.maximum(0, left - (ties - tied_hits)) if worst else left * tied_hits / ties
    return np.asarray(hits + from_ties, dtype=np.float64)


def _groups(distances: Numbers, gains: NDArray[Any]) -> _Groups:
    """The groups of ties of each query, by counting where distances are whole numbers of a small range."""
    queries = len(distances)
    if not distances.size:
        return _Groups(*(np.zeros((queries, 1)) for _ in range(4)))
    levels = distances if _countable(distances) else ranks(distances)
    low = levels.min()
    width = int(levels.max()) - int(low) + 1
    size, gain = np.empty((queries, width)), np.empty((queries, width))
    for row in range(queries):
        mine = levels[row] - low
        size[row], gain[row] = np.bincount(mine, minlength=width), np.bincount(mine, gains[row], width)
    return _Groups(size, gain, np.cumsum(size, axis=1) - size, np.cumsum(gain, axis=1) - gain)


def _countable(distances: NDArray[Any]) -> bool:
    """Whether distances are whole numbers, few enough to count each."""
    if distances.dtype.kind not in "iu" or not distances.size:
        return False
    return bool(int(distances.max()) - int(distances.min()) < max(_FEW_LEVELS, distances.shape[1]))


def _precision_sums(groups: _Groups, taken: Scores) -> Scores:
    """Expected sum of precision at the relevant ones of the first `taken` entries of each group, (q, groups).

    Place i of a group holds a relevant entry with chance r / t, and then (i - 1)(r - 1) / (t - 1) are expected before
    it in the group; the sum over i has a closed form in harmonic numbers (McSherry and Najork 2008).
    """
    size, hits, before, had = groups
    most = int((before + taken).max(initial=0))
    harmonic = np.concatenate(([0], np.cumsum(1 / np.arange(1, most + 1))))
    first = np.minimum(before, most).astype(np.int64)
    slope = harmonic[np.minimum(before + taken, most).astype(np.int64)] - harmonic[first]
    inner = np.maximum(hits - 1, 0) / np.maximum(size - 1, 1) * (taken - (before + 1) * slope)
    return np.asarray(hits / np.maximum(size, 1) * ((had + 1) * slope + inner))


def _over_found(groups: _Groups, sums: Scores, last: int) -> Scores:
    """Expected quotient of the sum of precisions and the number found among the `last` nearest, float64 (q,).

    The number found in the group that the last place cuts is hypergeometric; the quotient is expected over it.
    """
    ends = groups.before + groups.size
    cut = np.argmax(ends >= last, axis=1)[:, None]
    size, hits, before, had = (np.take_along_axis(part, cut, axis=1) for part in groups)
    whole = np.where(np.arange(sums.shape[1]) < cut, sums, 0).sum(1, keepdims=True)
    taken = last - before
    some = np.arange(int(taken.max(initial=0)) + 1, dtype=np.float64)[None]
    drawn = _Groups(taken + 0 * some, np.minimum(some, taken), before + 0 * some, had + 0 * some)
    sums_of_some = whole + _precision_sums(drawn, drawn.size)
    chance = _hypergeometric(size, hits, taken, some)
    return np.asarray((chance * sums_of_some / np.maximum(had + some, 1)).sum(1))


def _hypergeometric(size: Scores, hits: Scores, taken: Scores, some: Scores) -> Scores:
    """Chance that `taken` of `size` entries, `hits` of them relevant, hold so many relevant ones, (q, outcomes)."""
    logs = np.concatenate(([0], np.cumsum(np.log(np.arange(1, int(size.max(initial=0)) + 1)))))
    fits = (some <= hits) & (some <= taken) & (taken - some <= size - hits)

    def choose(total: Scores, part: Scores) -> Scores:
        """Logarithm of the binomial coefficient, of anything where it does not fit."""
        above, below, rest = (np.where(fits, each, 0).astype(np.int64) for each in (total, part, total - part))
        return np.asarray(logs[above] - logs[below] - logs[rest])

    odds = choose(hits, some) + choose(size - hits, taken - some)
    weights = np.where(fits, np.exp(odds - np.where(fits, odds, -np.inf).max(1, keepdims=True)), 0)
    return np.asarray(weights / weights.sum(1, keepdims=True))


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> Scores:
    """Their quotient, float64; NaN where the whole is 0."""
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0))


def _blocks(rows: NDArray[Any], width: int) -> list[slice]:
    """Slices of the rows of which a table of this width stays small."""
    step = max(1, _CELLS // max(width, 1))
    return [slice(start, start + step) for start in range(0, len(rows), step)]


def _check(distances: Numbers, gains: NDArray[Any], k: int) -> None:
    """Raise `InvalidInput` for what no metric can be of; see the top of this file."""
    if distances.ndim != 2 or distances.shape != gains.shape:
        raise InvalidInput(f"distances have shape {distances.shape}, relevance {gains.shape}: give both as (q, n)")
    if distances.dtype.kind == "f" and np.isnan(distances).any():
        raise InvalidInput("a distance is NaN: every entry needs a place in the order")
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise InvalidInput(f"k is {k!r}: give a whole number of at least 1")
