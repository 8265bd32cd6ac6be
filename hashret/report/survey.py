"""The figures of a report: codes, buckets, distances, and how many hits a radius gives, foreseen and counted.

Nothing here reads contents. Counts of bits and buckets are of all codes, the rest of seeded samples whose sizes it
tells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashret.evaluate.quality import Quality, quality
from hashret.hasher import Progress, silent
from hashret.meaning.bits import correlations
from indexer.bits import Codes, Ids, ball_size, distances, unpack

SIDES = 1024  # entries on either side of the pairs whose distances are taken
QUERIES = 200  # entries whose hits are counted among all
CORRELATED = 1 << 15  # entries by which bits are correlated
BUCKETS, HELD = 6, 6  # largest buckets, and entries of each, that are shown
RADII = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
_BLOCK = 1 << 15  # codes compared at a time


@dataclass(frozen=True, slots=True)
class Bucket:
    """Entries of one code: how many, and the ids of the first of them."""

    code: bytes
    size: int
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """Other entries within `radius` bits of an entry.

    `foreseen` from the distances of pairs, `uniform` if codes were, and of entries that were asked the `mean`, the
    `median` and what nine in ten do not exceed (`most`).
    """

    radius: int
    foreseen: float
    uniform: float
    mean: float
    median: float
    most: float


@dataclass(frozen=True, slots=True)
class Survey:
    """What codes tell of themselves.

    sizes        (least, most, buckets, entries) of buckets of so many entries
    correlation  float64 (b, b), by `correlated` entries
    distances    pairs at each distance, int64 (b + 1,)
    queries      entries by which `reach` was counted
    """

    quality: Quality
    correlation: NDArray[np.float64]
    correlated: int
    sizes: tuple[tuple[int, int, int, int], ...]
    largest: tuple[Bucket, ...]
    distances: NDArray[np.int64]
    reach: tuple[Reach, ...]
    queries: int


def survey(ids: Ids, codes: Codes, seed: int = 0, progress: Progress = silent) -> Survey:
    """Figures of ids (n,) and their codes (n, b / 8); raises `InvalidInput` for none."""
    found = quality(codes)
    rng = np.random.default_rng(seed)
    some = codes[np.sort(rng.permutation(len(codes))[:CORRELATED])]
    sizes, largest = _buckets(ids, codes)
    pairs = _pairs(codes, rng)
    asked = rng.permutation(len(codes))[:QUERIES]
    counted = _counted(codes, asked, progress)
    reach = _reach(len(codes), pairs, counted) if len(codes) > 1 else ()
    return Survey(found, correlations(unpack(some)), len(some), sizes, largest, pairs, reach, len(asked))


def _buckets(ids: Ids, codes: Codes) -> tuple[tuple[tuple[int, int, int, int], ...], tuple[Bucket, ...]]:
    """How many buckets there are of each size, and the largest that hold more than one entry."""
    names = np.ascontiguousarray(codes).view(f"V{codes.shape[1]}")[:, 0]
    _, first, counts = np.unique(names, return_index=True, return_counts=True)
    sizes, low = [], 1
    while low <= counts.max():
        high = low if low < 3 else 2 * (low - 1)  # 1, 2, 3-4, 5-8, ...
        inside = counts[(counts >= low) & (counts <= high)]
        sizes.append((low, high, len(inside), int(inside.sum())))
        low = high + 1
    order = np.lexsort((first, -counts))[:BUCKETS]
    largest = [
        Bucket(codes[first[at]].tobytes(), int(counts[at]), tuple(ids[names == names[first[at]]][:HELD].tolist()))
        for at in order
        if counts[at] > 1
    ]
    return tuple(sizes), tuple(largest)


def _pairs(codes: Codes, rng: np.random.Generator) -> NDArray[np.int64]:
    """How many pairs of two draws of entries are so many bits apart, int64 (b + 1,); nobody is paired with itself."""
    left, right = (rng.permutation(len(codes))[:SIDES] for _ in range(2))
    away = distances(codes[left], codes[right])
    return np.bincount(away[left[:, None] != right], minlength=codes.shape[1] * 8 + 1).astype(np.int64)


def _counted(codes: Codes, asked: NDArray[np.int64], progress: Progress) -> NDArray[np.int64]:
    """For each entry asked, how many others are at each distance, int64 (q, b + 1), by comparing all."""
    width = codes.shape[1] * 8 + 1
    counts = np.zeros((len(asked), width), dtype=np.int64)
    shift = np.arange(len(asked))[:, None] * width
    progress("compare", 0, len(codes))
    for start in range(0, len(codes), _BLOCK):
        away = distances(codes[asked], codes[start : start + _BLOCK])
        counts += np.bincount((away + shift).ravel(), minlength=counts.size).reshape(counts.shape)
        progress("compare", min(start + _BLOCK, len(codes)), len(codes))
    counts[:, 0] -= 1  # itself
    return counts


def _reach(count: int, pairs: NDArray[np.int64], counted: NDArray[np.int64]) -> tuple[Reach, ...]:
    """Hits of each radius up to half of the bits."""
    bits = len(pairs) - 1
    shares, within = np.cumsum(pairs) / pairs.sum(), np.cumsum(counted, axis=1)
    return tuple(
        Reach(
            radius,
            float(shares[radius] * (count - 1)),
            (count - 1) * ball_size(bits, radius) / 2**bits,
            float(within[:, radius].mean()),
            float(np.median(within[:, radius])),
            float(np.quantile(within[:, radius], 0.9)),
        )
        for radius in RADII
        if radius <= bits // 2
    )
