"""One cell of the grid: some codes, every method built over them, and each question put to all of them by turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.search import alone, data, timing
from benchmarks.search.peers import METHODS, Peer
from benchmarks.search.questions import Answers, Question, Truth, joined
from benchmarks.search.store import Row, stamp
from indexer.bits import Codes

FEW = 2000
SINGLES_CHECKED = 10
CHECKED = 300_000_000  # distances counted, at most, for the right answers


@dataclass(frozen=True)
class Cell:
    """Codes of a `kind` and length, `n` of them."""

    kind: str
    bits: int
    n: int

    def __str__(self) -> str:
        return f"{self.kind}-{self.bits}-{self.n}"

    def asks(self, name: str, question: Question) -> bool:
        """Whether a method is here, can hold so many codes, and has an answer to a question over them."""
        method = METHODS[name]
        able = method.missing() is None and self.n <= method.most
        return able and method.key(question, self.bits, self.n) is not None


@dataclass
class Built:
    """A method ready to answer, the seconds and megabytes that took."""

    peer: Peer
    seconds: float
    megabytes: float

    @classmethod
    def of(cls, method: type[Peer], codes: Codes, key: tuple[int, ...]) -> Built:
        """Build it; over a few codes first, lest imports and compilers count."""
        method(codes[:FEW], key).close()
        before, made = alone.resident(), []
        took = alone.seconds(lambda: made.append(method(codes, key)))
        return cls(made[0], took, alone.resident() - before)


class Bench:
    """The codes of a cell, the right answers, and the methods built so far."""

    def __init__(self, cell: Cell, limits: timing.Limits) -> None:
        self.cell, self.limits = cell, limits
        self.codes, self.queries = data.codes(cell.kind, cell.bits, cell.n)
        self.truth = Truth(self.codes, self.queries[: max(20, CHECKED // cell.n)])
        self._built: dict[tuple[str, tuple[int, ...]], Built] = {}

    def rows(self, question: Question, names: Sequence[str]) -> list[Row]:
        """What each method that can answer this did, timed together."""
        built = {name: self._build(name, question) for name in names if self.cell.asks(name, question)}
        timed = {name: self._timed(one.peer, question) for name, one in built.items()}
        timing.singles(timed, self.limits)
        timing.batches(timed, len(self.queries), self.limits)
        about = {**vars(self.cell), "question": str(question), "run": stamp()}
        return [{**about, **self._row(name, one, question, timed[name])} for name, one in built.items()]

    def close(self) -> None:
        """Let go of all methods."""
        for one in self._built.values():
            one.peer.close()
        self._built.clear()

    def _build(self, name: str, question: Question) -> Built:
        """A method as this question needs it; what it had built for another is let go."""
        key = METHODS[name].key(question, self.cell.bits, self.cell.n) or ()
        if (name, key) not in self._built:
            for other in [other for other in self._built if other[0] == name]:
                self._built.pop(other).peer.close()
            self._built[name, key] = Built.of(METHODS[name], self.codes, key)
        return self._built[name, key]

    def _timed(self, peer: Peer, question: Question) -> timing.Timed:
        """A method with its queries in its own form."""
        alone = [peer.call(question, peer.given(query[None]), True) for query in self.queries[: self.limits.calls]]
        return timing.Timed(alone, lambda count: peer.call(question, peer.given(self.queries[:count]), False))

    def _row(self, name: str, built: Built, question: Question, timed: timing.Timed) -> Row:
        """Figures of one method, its answers compared with the right ones."""
        peer, checked = built.peer, min(timed.batch, len(self.truth.queries))
        found = peer.read(question, peer.call(question, peer.given(self.queries[:checked]), False)())
        exact = peer.exact(question)
        row: Row = {"method": name, "library": peer.library, "exact": exact, **timed.figures()}
        right = self.truth.answers(question)
        row["results"] = round(len(right.ids) / len(right), 2)
        row |= self._judged(peer, question, found) if exact else {"recall": self.truth.recall(question, found)}
        row |= {"build_s": round(built.seconds, 3), "stored_s": round(peer.stored, 3), "mb": round(built.megabytes, 1)}
        return {**row, **peer.notes(question, self.queries[:1])}

    def _judged(self, peer: Peer, question: Question, found: Answers) -> Row:
        """How many answers of an exact method were looked at, some of single calls too, and how many are wrong."""
        some = min(SINGLES_CHECKED, len(found))
        raw = [peer.call(question, peer.given(query[None]), True)() for query in self.queries[:some]]
        singles = joined([peer.read(question, answer).query(0) for answer in raw])
        wrong = sum(self.truth.wrong(question, answers, peer.strict) for answers in (found, singles))
        return {"checked": len(found) + some, "wrong": wrong}
