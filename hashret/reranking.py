"""Reranking: from the nearest in Hamming distance to the best by a finer score, with ever more work for ever fewer.

1. Of the `reach` nearest codes the asymmetric score: what the query's real values say against an entry's bits. Of
   embeddings first by the linear part of their decoder, then, for the best of them, by all of it.
2. Of the best by that what is stored of an entry is read: of texts the words and of images the pixels, of as many as
   `shortlist` says, which count beside that score; of embeddings the vectors, which count alone, of as many as it takes
   to be sure of the best.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hashret.rows import Floats
from indexer.bits import Codes

BITS = 640_000  # of codes that are compared: 10,000 of 64 bits
COMPARED, DECODED = 10_000, 2000  # codes for k up to 100, and by all of the decoder up to 66
WORDS = 300  # texts that are read; a text takes as long as ten vectors
VECTORS = 1000  # that may be read: the best hardly ever are below
FIRST, STEP = 100, 25  # vectors that are read at first, and then at least
SURE = 3.5  # standard deviations
ROUNDED = 1e-6  # of a cosine, float32: of a hundred copies of an entry none is better
Scores = NDArray[np.floating[Any]]
Places = NDArray[np.int64]


class Model(Protocol):
    """What gives the asymmetric score of codes uint8 (n, b / 8) and one query's side, float32 (n,)."""

    def scores(self, codes: Codes, side: Floats) -> Floats:
        """The whole of it."""

    def rough(self, codes: Codes, side: Floats) -> Floats:
        """Nearly the same for less work."""


def reach(k: int, bits: int) -> int:
    """How many of the nearest codes are compared to find the best k."""
    return max(100 * k, min(COMPARED, BITS // bits))


def shortlist(k: int) -> int:
    """How many texts are read to find the best k."""
    return max(30 * k, WORDS)


def by_codes(model: Model, codes: Codes, side: Floats, k: int) -> tuple[Places, Scores]:
    """Places of the codes that may be the best k, and their asymmetric scores, highest first."""
    most, chosen = max(30 * k, DECODED), np.arange(len(codes))
    if len(codes) > most:
        chosen = np.sort(np.argpartition(-model.rough(codes, side), most - 1)[:most])
    scores = model.scores(codes[chosen], side)
    order = np.argsort(-scores, kind="stable")
    return chosen[order], scores[order]


def by_both(
    model: Model, codes: Codes, side: Floats, k: int, read: Callable[[Places, Floats], Scores]
) -> tuple[Places, Scores]:
    """Places of the shortlist, and what `read` makes of their places and asymmetric scores."""
    places, soft = by_codes(model, codes, side, k)
    places = places[: shortlist(k)]
    return places, read(places, soft[: len(places)])


def by_vectors(
    model: Model, codes: Codes, side: Floats, k: int, read: Callable[[Places], Scores]
) -> tuple[Places, Scores]:
    """Places of as many as it takes to be sure of the best k, and the scores that `read` gives of places."""
    places, guesses = by_codes(model, codes, side, k)
    places = places[: max(30 * k, VECTORS)]
    found = until_sure(guesses[: len(places)], lambda part: read(places[part]), k)
    return places[: len(found)], found


def until_sure(guesses: Floats, read: Callable[[slice], Scores], k: int) -> Scores:
    """Exact scores of the first so many: as many as it takes until none of the others is likely to be of the best k.

    `guesses` (n,) go down, `read` gives the exact scores of a part of them. A line through what has been read, exact by
    guess, tells what to expect of the others and how far they stray: it is over where the next would have to stray by
    `SURE` standard deviations. (Gao and Long 2024, arXiv:2405.12497, stop so by a bound on the error of any vector;
    here the error is that of this query.)
    """
    exact, guesses = read(slice(0, max(FIRST, 2 * k))), guesses.astype(np.float64)
    while len(exact) < len(guesses):
        known = guesses[: len(exact)] - guesses[: len(exact)].mean()
        slope = max(0.0, float(known @ exact) / max(float(known @ known), 1e-12))
        strays = float((exact - slope * known).std())
        least = np.partition(exact, -k)[-k] + ROUNDED - SURE * strays  # to be expected of one that may be better
        ends = int(np.count_nonzero(exact.mean() + slope * (guesses - guesses[: len(exact)].mean()) > least))
        if ends <= len(exact):
            break
        more = max(STEP, (ends - len(exact)) // 2)  # half of the way: what is found meanwhile may end it
        exact = np.append(exact, read(slice(len(exact), len(exact) + more)))
    return exact
