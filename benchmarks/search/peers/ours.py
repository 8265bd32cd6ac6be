"""hashret's own index: the codes in a file, its tables in memory."""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.search.peers.peer import Call, Peer
from benchmarks.search.questions import Answers, Question
from indexer import Index
from indexer.bits import Codes


def filled(path: Path, codes: Codes) -> Index:
    """A new index of these codes, with keys as a user might choose them."""
    index = Index.create(str(path), bits=codes.shape[1] * 8)
    index.add([f"entry/{number:09d}" for number in range(len(codes))], codes)
    return index


def warm(index: Index) -> Index:
    """The same index with its tables in memory."""
    index.warm()
    return index


class Hashret(Peer):
    """`indexer.Index`; the planner chooses the way, which is noted with what it foretold."""

    library = "hashret"
    strict = True

    def __init__(self, codes: Codes, key: tuple[int, ...]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        start = time.perf_counter()
        self.index = filled(Path(self._folder.name) / "codes.db", codes)
        self.stored = time.perf_counter() - start
        warm(self.index)

    def call(self, question: Question, queries: Codes, single: bool) -> Call:
        """`within` or `search`."""
        return partial(self.index.within if question.way == "r" else self.index.search, queries, question.size)

    def read(self, question: Question, raw: Any) -> Answers:
        """As it came; the first entry of a new file has id 1."""
        if question.way == "r":
            return Answers.of(raw.lims, raw.ids - 1, raw.distances)
        return Answers.rows(raw.ids - 1, raw.distances)

    def notes(self, question: Question, query: Codes) -> dict[str, Any]:
        """The plan for one query: its way, probes, candidates, and microseconds foretold."""
        plan = self.index.explain(query, **{"radius" if question.way == "r" else "k": question.size})
        found = {name: getattr(plan, name, None) for name in ("way", "probes", "candidates", "cost")}
        return {"plan": {name: value for name, value in found.items() if value is not None}}

    def close(self) -> None:
        """Close and remove the file."""
        self.index.close()
        self._folder.cleanup()
