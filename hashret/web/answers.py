"""What the page and the JSON API ask of a file, answered as values that JSON can hold. Nothing here knows of HTTP.

Any number of threads may ask at once. Entries that another process adds are found by the next question; a file that
was given another model is opened anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from hashret.contents import Contents
from hashret.engine import Engine
from hashret.reranking import shortlist
from hashret.results import Hit
from hashret.rows import Sparse
from hashret.searching import conditions
from hashret.web.snippets import snippet, words
from indexer.bits import Codes, Ids
from indexer.errors import Mismatch, NotFound
from indexer.rows import Row
from indexer.where import Where

Answer = dict[str, Any]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Search:
    """How to search: the `k` best, among all or those within `radius` bits; see `Engine.query`.

    `where` is written as on the command line. `counts` adds how many entries lie within 0, 1, 2, ... bits, up to half
    the bits of a code, the distance of codes that have nothing to do with one another. `length` cuts contents to
    snippets; 0 gives them whole.
    """

    k: int = 10
    radius: int | None = None
    where: Sequence[str] = ()
    rerank: bool = True
    counts: bool = False
    length: int = 0


class Answers:
    """One file that is only read; see above."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = Lock()
        self._engines = [Engine.open(path)]  # the last is in use; a thread may still be busy with those before

    @property
    def engine(self) -> Engine:
        """The open file."""
        return self._engines[-1]

    def close(self) -> None:
        """Let go of the file; nobody may ask any more."""
        for engine in self._engines:
            engine.close()

    def ask(self, work: Callable[[Engine], Value]) -> Value:
        """What this work gives, done once more if somebody removed an entry or changed the model in the middle."""
        engine = self.engine
        try:
            return work(engine)
        except Mismatch:
            with self._lock:
                if self.engine is engine:
                    self._engines.append(Engine.open(self.path))
        except NotFound:
            pass
        return work(self.engine)

    def search(self, contents: Contents, asked: Search) -> list[Answer]:
        """An answer for each content; see `Answer` in `hashret.web.openapi`."""
        return self.ask(lambda engine: _search(engine, contents, asked))

    def similar(self, key: str, asked: Search) -> Answer:
        """The neighbours of a stored entry, itself left out; raises `NotFound`."""
        return self.ask(lambda engine: _similar(engine, key, asked))

    def entry(self, key: str) -> Answer:
        """An entry with its whole content and its code; raises `NotFound`."""
        return self.ask(lambda engine: _coded(engine, [engine.get(key)], Search())[0])

    def bucket(self, key: str, asked: Search) -> Answer:
        """The entries that have the same code as this one, which is among them; raises `NotFound`."""
        return self.ask(lambda engine: _bucket(engine, key, asked))

    def entries(self, prefix: str, after: str, asked: Search) -> Answer:
        """Entries by their keys, `asked.k` at a time."""
        return self.ask(lambda engine: _entries(engine, prefix, after, asked))

    def info(self) -> Answer:
        """What the file holds, under its name."""
        return {"file": Path(self.path).name, **self.ask(lambda engine: engine.info())}


def _search(engine: Engine, contents: Contents, asked: Search) -> list[Answer]:
    """See `Answers.search`."""
    rows = engine.hasher.rows(contents, query=True)
    codes = engine.hasher.weights.encode(rows)
    where = conditions(engine.index, asked.where)
    out = []
    for number, code in enumerate(codes):
        content = contents[number : number + 1]  # type: ignore[index]

        def find(k: int, radius: int | None, content: Contents = content) -> list[Hit]:
            return engine.query(content, k, radius, where, asked.rerank)[0]

        answer = _answer(engine, (code[None], where), find, asked, "")
        known = int(np.diff(rows.indptr)[number]) if isinstance(rows, Sparse) else None
        text = content[0] if isinstance(content[0], str) else ""
        hits = _coded(engine, answer.pop("hits"), asked, words(text))
        out.append({**answer, "words": known, "hits": hits})
    return out


def _similar(engine: Engine, key: str, asked: Search) -> Answer:
    """See `Answers.similar`."""
    code = engine.index.codes(engine.index.ids([key]))
    where = conditions(engine.index, asked.where)

    def find(k: int, radius: int | None) -> list[Hit]:
        return engine.similar(key, k, radius, where, asked.rerank)

    answer = _answer(engine, (code, where), find, asked, key)
    return {**answer, "words": None, "hits": _coded(engine, answer["hits"], asked)}


Find = Callable[[int, int | None], list[Hit]]


def _answer(engine: Engine, among: tuple[Codes, Where | None], find: Find, asked: Search, own: str) -> Answer:
    """Hits and counts about a code, among the entries of a condition; the entry `own` is no hit and not counted.

    The best k of all are the best within a radius that holds them, and found sooner than by the score of all in it.
    """
    code, where = among
    bits = engine.hasher.bits
    radius = None if asked.radius is None else min(asked.radius, bits)
    farthest = max(-1 if radius is None else radius, bits // 2 if asked.counts else -1)
    counts = _counts(engine, code, farthest, where, own) if farthest >= 0 else []
    found = find(asked.k, None) if radius is None or counts[radius] >= shortlist(asked.k + 1) else []
    if radius is not None and (len(found) < asked.k or any(hit.distance > radius for hit in found)):
        found = find(asked.k, radius)[: asked.k]
    count = len(found) if radius is None else counts[radius]
    shown = counts[: bits // 2 + 1] if asked.counts else None
    return {"code": code.tobytes().hex(), "count": count, "counts": shown, "hits": found}


def _counts(engine: Engine, code: Codes, farthest: int, where: Where | None, own: str) -> list[int]:
    """How many entries lie within 0, 1, ... `farthest` bits of a code."""
    found = engine.index.within(code, farthest, where=where)
    self_too = bool(own) and engine.index.ids([own])[0] in found.ids
    counts: list[int] = (np.bincount(found.distances, minlength=farthest + 1).cumsum() - self_too).tolist()
    return counts


def _among(engine: Engine, asked: Search) -> Ids | None:
    """The entries that a search is among; None for all."""
    where = conditions(engine.index, asked.where)
    return engine.index.store.where(where) if where else None


def _bucket(engine: Engine, key: str, asked: Search) -> Answer:
    """See `Answers.bucket`."""
    code = engine.index.codes(engine.index.ids([key]))
    ids = engine.index.bucket(code)
    rows = engine.index.store.rows(ids[: asked.k])
    return {"code": code.tobytes().hex(), "count": len(ids), "entries": [_listed(row, asked) for row in rows]}


def _entries(engine: Engine, prefix: str, after: str, asked: Search) -> Answer:
    """See `Answers.entries`."""
    rows = engine.index.store.listed(prefix, after, asked.k + 1, _among(engine, asked))
    more = rows[asked.k - 1].key if len(rows) > asked.k else None
    return {"entries": [_listed(row, asked) for row in rows[: asked.k]], "next": more}


def _listed(row: Row, asked: Search) -> Answer:
    """An entry of a list."""
    return {"key": row.key, "content": _cut(row.content, asked, frozenset()), "meta": row.meta}


def _coded(engine: Engine, hits: Sequence[Hit], asked: Search, wanted: frozenset[str] = frozenset()) -> list[Answer]:
    """Hits with their codes in hexadecimal."""
    codes = engine.index.codes(engine.index.ids([hit.key for hit in hits]))
    return [
        {**asdict(hit), "content": _cut(hit.content, asked, wanted), "code": code.tobytes().hex()}
        for hit, code in zip(hits, codes, strict=True)
    ]


def _cut(content: str | None, asked: Search, wanted: frozenset[str]) -> str | None:
    """A content, or the snippet of it that was asked for."""
    return content if content is None or not asked.length else snippet(content, wanted, asked.length)
