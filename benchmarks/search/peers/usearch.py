"""usearch: a graph (HNSW) over bits. It may miss some of the k nearest."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.search.peers.faiss import EFFORT, LINKS
from benchmarks.search.peers.peer import Call, Peer
from benchmarks.search.questions import Answers, Question
from indexer.bits import Codes


class Usearch(Peer):
    """As FAISS's graph: 16 links a code, a list of 64 candidates, or k if that is more."""

    library = "usearch"
    most = 1_000_000

    @classmethod
    def missing(cls) -> str | None:
        """An extra of this package."""
        return None if find_spec("usearch") else "usearch is not installed: pip install 'hashret[bench]'"

    @classmethod
    def exact(cls, question: Question) -> bool:
        """Never."""
        return False

    @classmethod
    def key(cls, question: Question, bits: int, n: int) -> tuple[int, ...] | None:
        """It has no search within a radius."""
        return () if question.way == "k" else None

    def __init__(self, codes: Codes, key: tuple[int, ...]) -> None:
        from usearch.index import Index

        kind = {"metric": "hamming", "dtype": "b1", "connectivity": LINKS, "expansion_search": EFFORT}
        self.index = Index(ndim=codes.shape[1] * 8, **kind)
        self.index.add(np.arange(len(codes)), codes, threads=1)

    def call(self, question: Question, queries: Codes, single: bool) -> Call:
        """`search` on one thread; a batch of one is a batch."""
        self.index.expansion_search = max(EFFORT, question.size)
        return partial(self.index.search, queries, question.size, threads=1)

    def read(self, question: Question, raw: Any) -> Answers:
        """Keys and distances; keys of few results are cut."""
        ids, far = (np.atleast_2d(part) for part in (raw.keys, raw.distances))
        counts = np.atleast_1d(getattr(raw, "counts", ids.shape[1]))
        ids = np.where(np.arange(ids.shape[1]) < counts[:, None], ids.astype(np.int64), -1)
        return Answers.rows(ids, far).ordered()
