"""Codes to search, of three kinds, and queries that have near neighbours among them.

uniform    every bit a fair coin: nothing is near anything, the hardest case for the k nearest
clustered  5,000 centres of very different sizes, bits that are not fair, one row in ten an exact copy of another
learned    GloVe word vectors as hashret's own codes; 1,000 other words ask, so there are at most 100,000

The queries of the first two are members with 3 % of their bits flipped. Seeds are fixed: the same name, the same codes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import peers, tasks
from benchmarks.quality.results import Run, load, make
from indexer.bits import pack

Codes = NDArray[np.uint8]
KINDS = ("uniform", "clustered", "learned")
QUERIES, CENTRES, NOISE = 1000, 5000, 0.03
_BLOCK = 1 << 22  # random numbers drawn at a time


def codes(kind: str, bits: int, n: int) -> tuple[Codes, Codes]:
    """Codes uint8 (n, bits / 8) of a kind and 1,000 queries uint8 (1000, bits / 8).

    Raises `FileNotFoundError` where the data set of `learned` is not there, `ValueError` where it is not large enough.
    """
    rng = np.random.default_rng([KINDS.index(kind), bits, n])
    if kind == "learned":
        return _some(*learned(bits), n, rng)
    made = uniform(n, bits, rng) if kind == "uniform" else clustered(n, bits, rng)
    asked = made[rng.integers(0, n, QUERIES)]
    return made, asked ^ np.packbits(rng.random((QUERIES, bits)) < NOISE, axis=1)


def uniform(n: int, bits: int, rng: np.random.Generator) -> Codes:
    """Fair coins."""
    return rng.integers(0, 256, (n, bits // 8), dtype=np.uint8)


def clustered(n: int, bits: int, rng: np.random.Generator) -> Codes:
    """Centres with bits flipped at a rate of each centre's own, and then a tenth of the rows copied over others."""
    chances = np.clip(rng.normal(0.5, 0.12, bits), 0.15, 0.85)
    centres = np.packbits(rng.random((CENTRES, bits)) < chances, axis=1)
    rates = rng.uniform(0.02, 0.15, CENTRES).astype(np.float32)
    sizes = rng.lognormal(0.0, 1.0, CENTRES)
    owner = rng.choice(CENTRES, n, p=sizes / sizes.sum())
    out = centres[owner]
    step = _BLOCK // bits
    for first in range(0, n, step):
        rate = rates[owner[first : first + step], None]
        out[first : first + step] ^= np.packbits(rng.random((len(rate), bits), dtype=np.float32) < rate, axis=1)
    copies = rng.choice(n, n // 10, replace=False)
    out[copies] = out[rng.integers(0, n, len(copies))]
    return out


def learned(bits: int, task: Callable[[], tasks.Task] = tasks.glove, **override: float) -> tuple[Codes, Codes]:
    """Codes of all database vectors and of all queries, which the learner has not seen.

    Learned once with the default settings but for `override`, and then kept with the runs of the quality benchmarks.
    """
    loaded = task()
    run = Run(loaded.name, "hashret", bits)
    make(run, lambda: peers.hashret(loaded, bits, 0, **override))
    outcome = load(run)[0]
    return np.ascontiguousarray(outcome.codes), np.ascontiguousarray(pack(outcome.queries > 0))


def _some(all_codes: Codes, queries: Codes, n: int, rng: np.random.Generator) -> tuple[Codes, Codes]:
    """So many of the codes, in their order."""
    if n > len(all_codes):
        raise ValueError(f"there are {len(all_codes):,} learned codes, not {n:,}")
    return all_codes[np.sort(rng.permutation(len(all_codes))[:n])], queries[:QUERIES]
