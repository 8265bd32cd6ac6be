"""hammingbird: a Rust core with r + 1 chunks of whole bits, one index for each radius."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import Any

from benchmarks.search.peers.peer import Call, Peer
from benchmarks.search.questions import Answers, Question
from indexer.bits import Codes


class Hammingbird(Peer):
    """`hammingbird.Index`, made for one radius; it has no k nearest. One query is a list of pairs (id, distance)."""

    library = "hammingbird"

    @classmethod
    def missing(cls) -> str | None:
        """Its wheels are few: elsewhere it is built with a Rust compiler."""
        if find_spec("hammingbird"):
            return None
        return "hammingbird is not installed; where it has no wheel, installing it needs a Rust compiler"

    @classmethod
    def key(cls, question: Question, bits: int, n: int) -> tuple[int, ...] | None:
        """The radius."""
        return (question.size,) if question.way == "r" else None

    def __init__(self, codes: Codes, key: tuple[int, ...]) -> None:
        import hammingbird

        self.index = hammingbird.Index(codes.shape[1], key[0])
        self.index.add_batch(codes)

    def call(self, question: Question, queries: Codes, single: bool) -> Call:
        """`query` or `query_batch`."""
        return partial(self.index.query, queries[0]) if single else partial(self.index.query_batch, queries)

    def read(self, question: Question, raw: Any) -> Answers:
        """Of one query a list of pairs, of several a list of such lists."""
        one = not raw or isinstance(raw[0], tuple)
        return Answers.lists([raw] if one else raw).ordered()
