"""FAISS's binary indexes. Flat and MultiHash answer exactly; Hash does within a radius; IVF and HNSW leave some out."""

from __future__ import annotations

from functools import partial
from math import log2
from typing import Any

import numpy as np

from benchmarks.search.peers.peer import Call, Peer
from benchmarks.search.questions import Answers, Question
from indexer.bits import Codes

_LONGEST = 32  # bits of a hashed chunk: more buckets than codes help nobody
_SHORTEST = 6  # a chunk with fewer makes every bucket hold more than a 64th of all codes
_MOST_FLIPS = 4  # more flipped bits of a bucket's address are more look-ups than codes
LISTS, PROBES = 1024, 16
LINKS, EFFORT = 16, 64


class Faiss(Peer):
    """What all of them share: `search` and `range_search`, whose radius is strict."""

    library = "faiss-cpu"
    index: Any

    def call(self, question: Question, queries: Codes, single: bool) -> Call:
        """`range_search` with the radius inclusive, or `search`."""
        if question.way == "r":
            return partial(self.index.range_search, queries, question.size + 1)
        return partial(self.index.search, queries, question.size)

    def read(self, question: Question, raw: Any) -> Answers:
        """Both give distances before ids."""
        if question.way == "r":
            lims, far, ids = raw
            return Answers.of(lims, ids, far).ordered()
        far, ids = raw
        return Answers.rows(ids, far).ordered()


class Flat(Faiss):
    """A scan."""

    def __init__(self, codes: Codes, key: tuple[int, ...]) -> None:
        import faiss

        self.index = faiss.IndexBinaryFlat(codes.shape[1] * 8)
        self.index.add(codes)


class MultiHash(Faiss):
    """A table for each of r + 1 chunks: a code within r bits agrees with the query in one of them."""

    @classmethod
    def key(cls, question: Question, bits: int, n: int) -> tuple[int, ...] | None:
        """The number of chunks."""
        chunks = question.size + 1
        return (chunks,) if question.way == "r" and bits // chunks >= _SHORTEST else None

    def __init__(self, codes: Codes, key: tuple[int, ...]) -> None:
        import faiss

        bits, chunks = codes.shape[1] * 8, key[0]
        self.index = faiss.IndexBinaryMultiHash(bits, chunks, min(bits // chunks, _LONGEST))
        self.index.nflip = 0
        self.index.add(codes)


class Hash(Faiss):
    """One table by the first bits, as many as make a bucket for each code; flipping r of them finds all within r."""

    @classmethod
    def exact(cls, question: Question) -> bool:
        """Only within a radius."""
        return question.way == "r"

    @classmethod
    def key(cls, question: Question, bits: int, n: int) -> tuple[int, ...] | None:
        """How many bits are hashed."""
        return (min(bits, round(log2(n))),) if cls._flips(question) <= _MOST_FLIPS else None

    def __init__(self, codes: Codes, key: tuple[int, ...]) -> None:
        import faiss

        self.index = faiss.IndexBinaryHash(codes.shape[1] * 8, key[0])
        self.index.add(codes)

    def call(self, question: Question, queries: Codes, single: bool) -> Call:
        """With as many flips as the question needs."""
        self.index.nflip = self._flips(question)
        return super().call(question, queries, single)

    @staticmethod
    def _flips(question: Question) -> int:
        """How many of the hashed bits are flipped: two for the k nearest."""
        return question.size if question.way == "r" else 2


class Ivf(Faiss):
    """Lists around centres, of which the nearest 16 in 1,024 are read."""

    @classmethod
    def exact(cls, question: Question) -> bool:
        """Never."""
        return False

    def __init__(self, codes: Codes, key: tuple[int, ...]) -> None:
        import faiss

        bits, lists = codes.shape[1] * 8, min(LISTS, len(codes) // 64)
        self._centres = faiss.IndexBinaryFlat(bits)  # the index does not keep it alive
        self.index = faiss.IndexBinaryIVF(self._centres, bits, lists)
        self.index.cp.seed, self.index.cp.min_points_per_centroid = 0, 1
        sample = np.random.default_rng(0).permutation(len(codes))[: 256 * lists]
        self.index.train(codes[np.sort(sample)])
        self.index.add(codes)
        self.index.nprobe = PROBES


class Hnsw(Faiss):
    """A graph of 16 links a code, searched with a list of 64 candidates, or k if that is more."""

    most = 1_000_000

    @classmethod
    def exact(cls, question: Question) -> bool:
        """Never."""
        return False

    @classmethod
    def key(cls, question: Question, bits: int, n: int) -> tuple[int, ...] | None:
        """It has no search within a radius."""
        return () if question.way == "k" else None

    def __init__(self, codes: Codes, key: tuple[int, ...]) -> None:
        import faiss

        self.index = faiss.IndexBinaryHNSW(codes.shape[1] * 8, LINKS)
        self.index.hnsw.efSearch = EFFORT
        self.index.add(codes)

    def call(self, question: Question, queries: Codes, single: bool) -> Call:
        """With a list that is long enough."""
        self.index.hnsw.efSearch = max(EFFORT, question.size)
        return super().call(question, queries, single)
