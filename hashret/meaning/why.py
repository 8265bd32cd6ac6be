"""Why a hit is one: the bits in which it differs, what these mean, which words made them, and what both share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hashret.features import Text
from hashret.hasher import Hasher, alone
from hashret.meaning.bits import Bit, Meaning
from hashret.meaning.effects import Effects, effects
from hashret.results import Hit
from hashret.rows import Floats, Rows, Sparse
from hashret.scores import softened, sparse_cosines
from hashret.searching import Searcher
from indexer.bits import Bits, Codes, unpack
from indexer.index import Index

AGREEING = 5  # bits that are the same are most of them: the surest are enough
SHARED = 8  # words
BEHIND = 4  # words that made a bit


@dataclass(frozen=True, slots=True)
class Compared:
    """One bit of a query and of a hit.

    `query` and `hit` are 0 or 1; `weight` is the share of the query's certainty, the sum of |tanh(logit)| over all
    bits, that lies in this one: all bits together have 1. `query_words` and `hit_words` are, of texts, the
    words of each that push the bit most to where it is.
    """

    bit: Bit
    query: int
    hit: int
    weight: float
    query_words: tuple[str, ...] = ()
    hit_words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shared:
    """A word that query and hit have, and what it adds to their cosine."""

    word: str
    share: float


@dataclass(frozen=True, slots=True)
class Why:
    """Why one hit is near.

    differing    bits in which it differs from the query, those first that the query is most sure of
    agreeing     the five bits that the query is most sure of among those that are the same
    codes        the asymmetric score of the codes, about -1 to 1
    words        of texts the cosine of their rows, else None; `shared` are the words that make most of it
    """

    differing: tuple[Compared, ...]
    agreeing: tuple[Compared, ...]
    codes: float
    words: float | None
    shared: tuple[Shared, ...]


@dataclass(frozen=True, slots=True)
class Asking:
    """A query: its code (1, b / 8), its side of the asymmetric score, its row and, where they are known, its logits."""

    code: Codes
    side: Floats
    rows: Rows
    logits: Floats | None


def why(now: Searcher, bits: Meaning, content: Any, hits: Sequence[Hit]) -> list[Why]:
    """Why each hit is one for this content."""
    rows = now.hasher.rows(alone(content), query=True)
    asking = Asking(*now.hasher.weights.ask(rows), rows, now.hasher.weights.logits(rows))
    return reasons(now.index, now.hasher, bits, asking, hits)


def why_similar(now: Searcher, bits: Meaning, key: str, hits: Sequence[Hit]) -> list[Why]:
    """Why each hit is one for a stored entry; where its contents are not stored, all its bits weigh as much."""
    codes, sides, rows = now.stored(key)
    known = now.hasher.kind == "text" or now.vectors
    asking = Asking(codes, sides, rows, now.hasher.weights.logits(rows) if known else None)
    return reasons(now.index, now.hasher, bits, asking, hits)


def reasons(index: Index, hasher: Hasher, bits: Meaning, asking: Asking, hits: Sequence[Hit]) -> list[Why]:
    """Why each hit is one; raises `NotFound` if one is not stored any more."""
    codes = index.codes(index.ids([hit.key for hit in hits]))
    weight = np.full(hasher.bits, 1 / hasher.bits) if asking.logits is None else np.abs(softened(asking.logits))[0]
    order = np.lexsort((np.arange(hasher.bits), -weight))
    asked, answers = unpack(asking.code)[0], unpack(codes)
    scores = hasher.weights.scores(codes, asking.side[0])
    texts = _Texts.of(hasher, asking.rows, hits)
    found = []
    for number, theirs in enumerate(answers):
        behind = texts.behind(hasher, number) if texts else _nothing
        pairs = [
            Compared(bits.bits[at], int(asked[at]), int(theirs[at]), float(weight[at]), *behind(at, asked, theirs))
            for at in order.tolist()
        ]
        differing = tuple(pair for pair in pairs if pair.query != pair.hit)
        agreeing = tuple(pair for pair in pairs if pair.query == pair.hit)[:AGREEING]
        cosine, shared = texts.shared(number) if texts else (None, ())
        found.append(Why(differing, agreeing, float(scores[number]), cosine, shared))
    return found


Words = tuple[tuple[str, ...], tuple[str, ...]]  # of the query, of the hit


def _nothing(bit: int, asked: Bits, theirs: Bits) -> Words:
    """The words behind a bit of what is no text."""
    return (), ()


@dataclass(frozen=True, slots=True)
class _Texts:
    """Rows of a query and of its hits, what the query's words do, and the vocabulary."""

    query: Sparse
    hits: Sparse
    effects: Effects
    features: Text
    names: list[str]

    @classmethod
    def of(cls, hasher: Hasher, rows: Rows, hits: Sequence[Hit]) -> _Texts | None:
        """None for what is no text."""
        if not isinstance(hasher.features, Text) or not isinstance(rows, Sparse):
            return None
        theirs = hasher.features.transform([hit.content or "" for hit in hits])
        return cls(rows, theirs, effects(hasher.weights, rows), hasher.features, hasher.features.words())

    def behind(self, hasher: Hasher, number: int) -> Callable[[int, Bits, Bits], Words]:
        """What tells which words are behind a bit of the query and of one hit."""
        theirs = effects(hasher.weights, self.hits.take(np.array([number])))

        def words(bit: int, asked: Bits, answer: Bits) -> Words:
            pairs = (self.effects, asked), (theirs, answer)
            ours, hits = (each.behind(bit, int(code[bit]), BEHIND) for each, code in pairs)
            return tuple(self.names[word] for word in ours), tuple(self.names[word] for word in hits)

        return words

    def shared(self, number: int) -> tuple[float, tuple[Shared, ...]]:
        """Cosine of the query's row with one hit's, and the words that it comes from."""
        query, one = (self.features.tfidf(part) for part in (self.query, self.hits.take(np.array([number]))))
        asked = np.zeros(one.width, np.float32)
        asked[query.indices] = query.data  # as `sparse_cosines`
        shares = one.data * asked[one.indices]
        best = [at for at in np.lexsort((one.indices, -shares))[:SHARED] if shares[at] > 0]
        found = tuple(Shared(self.names[one.indices[at]], float(shares[at])) for at in best)
        return float(sparse_cosines(one, query)[0]), found
