"""What bits mean: the terms and the entries on either side of each, how even it is, and what it repeats of others.

All of it comes from a sample of the entries that is drawn anew each time, in tenths of a second: a query writes
nothing, so nothing is kept in the file that could go stale. Three in four of the sample choose the terms, the rest
judge them. Entries are sure of a bit by the share of their logits that is this bit's: those of their contents or
vectors where these are stored, else of what the decoder makes of their codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashret.features import Text
from hashret.hasher import Hasher, Progress, silent
from hashret.meaning.contrast import chosen, clarity, contrasts
from hashret.rows import Floats, Sparse
from indexer.bits import Bits, Codes, Ids, unpack
from indexer.index import Index
from indexer.rows import Row

SAMPLE = 4096  # entries
CHARACTERS = 8_000_000  # of their texts: books are fewer
TERMS = 10  # a side
EXAMPLES = 6  # a side
LONGEST = 60  # characters of a value of meta that is a term
_PAGE = 512  # entries read at a time
_VALUES = 1 << 23  # numbers decoded at a time: 32 MB


@dataclass(frozen=True, slots=True)
class Side:
    """One value of a bit: `terms` that tell it, and the entries that are most sure of it, by `keys` and `ids`."""

    terms: tuple[str, ...]
    keys: tuple[str, ...]
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bit:
    """One bit, `number` from 0 as in `unpack`.

    ones         share of entries where it is 1
    entropy      of that share, in bits: 1 for halves, 0 for a bit that never changes
    clarity      how well its terms tell it in entries that they were not chosen by: .5 chance, 1 always
    other        the bit it goes with most, None if there is none that changes; `correlation` with that, -1 to 1
    """

    number: int
    ones: float
    entropy: float
    clarity: float
    other: int | None
    correlation: float
    on: Side
    off: Side

    def side(self, value: int) -> Side:
        """The side of a value, 0 or 1."""
        return self.on if value else self.off


@dataclass(frozen=True, slots=True)
class Meaning:
    """All bits in order, by a sample of so many entries."""

    bits: tuple[Bit, ...]
    sample: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Some entries: `ids` and `keys`, their `bits` (n, b), how sure they are of them (n, b), and their `terms`."""

    ids: Ids
    keys: list[str]
    bits: Bits
    sure: Floats
    terms: Sparse
    names: Sequence[str]


def meaning(index: Index, hasher: Hasher, vectors: bool, seed: int = 0, progress: Progress = silent) -> Meaning:
    """What the bits of an index mean, which holds codes of this model, and maybe vectors."""
    sample = _drawn(index, hasher, vectors, seed, progress)
    count = len(sample.ids)
    if not count:
        none = Side((), (), ())
        return Meaning(tuple(Bit(at, 0.0, 0.0, 0.5, None, 0.0, none, none) for at in range(hasher.bits)), 0)
    first = np.arange(count - count // 4)  # of a random order
    rest = np.arange(len(first), count)
    on, off = chosen(*contrasts(sample.terms.take(first), sample.bits[first]), TERMS)
    judged = clarity(sample.terms.take(rest), sample.bits[rest], on, off)
    ones = sample.bits.mean(0)
    entropy, (others, correlation) = entropies(ones), _strongest(sample.bits)
    sides = [_sides(sample, value, terms) for value, terms in ((1, on), (0, off))]
    found = []
    for at in range(hasher.bits):
        other = int(others[at]) if others[at] >= 0 else None
        numbers = float(ones[at]), float(entropy[at]), float(judged[at])
        found.append(Bit(at, *numbers, other, float(correlation[at]), sides[0][at], sides[1][at]))
    return Meaning(tuple(found), count)


def entropies(ones: NDArray[np.floating]) -> NDArray[np.float64]:
    """Entropy in bits of each share of ones, 0 to 1."""
    shares = np.clip(np.stack([ones, 1 - ones]).astype(np.float64), 1e-300, 1)
    found: NDArray[np.float64] = np.abs((shares * np.log2(shares)).sum(0))
    return found


def _drawn(index: Index, hasher: Hasher, vectors: bool, seed: int, progress: Progress) -> Sample:
    """Entries in a random order, until there are enough of them or of their texts."""
    ids, codes = index.entries()
    order = np.random.default_rng(seed).permutation(len(ids))[:SAMPLE]
    rows: list[Row] = []
    characters, total = 0, len(order)
    progress("sample", 0, total)
    for start in range(0, total, _PAGE):
        rows += index.store.rows(ids[order[start : start + _PAGE]])
        characters += sum(len(row.content or "") for row in rows[start:])
        progress("sample", len(rows), total)
        if characters > CHARACTERS:
            break
    progress("sample", len(rows), len(rows))
    order = order[: len(rows)]
    if isinstance(hasher.features, Text):
        terms = hasher.rows([row.content or "" for row in rows])
        assert isinstance(terms, Sparse)
        sure, names = hasher.weights.logits(terms), hasher.features.words()
    else:
        sure = _logits(index, hasher, vectors, (ids[order], codes[order]))
        terms, names = _values(rows)
    sure = sure / np.maximum(np.abs(sure).mean(1, keepdims=True), 1e-9)
    return Sample(ids[order], [row.key for row in rows], unpack(codes[order]), sure, terms, names)


def _logits(index: Index, hasher: Hasher, vectors: bool, some: tuple[Ids, Codes]) -> Floats:
    """Logits float32 (n, b) of entries whose contents are not stored."""
    if vectors:
        return hasher.weights.logits(index.store.vectors(some[0]))
    parts = [np.zeros((0, hasher.bits), np.float32)]
    for back in decoded(hasher, some[1]):
        if hasher.kind in ("vector", "matrix"):
            back = back / np.maximum(np.linalg.norm(back, axis=1, keepdims=True), 1e-9)
        parts.append(hasher.weights.logits(back))
    return np.concatenate(parts)


def decoded(hasher: Hasher, codes: Codes) -> Iterator[Floats]:
    """What the decoder makes of codes, float32 (some, width), in blocks that stay small."""
    width = hasher.reconstruct(codes[:1]).shape[1] if len(codes) else 1
    step = min(1024, max(1, _VALUES // width))
    for start in range(0, len(codes), step):
        yield hasher.reconstruct(codes[start : start + step])


def _values(rows: list[Row]) -> tuple[Sparse, list[str]]:
    """Fields of meta that are a text, a whole number or a truth, as terms of entries."""
    numbers: dict[str, int] = {}
    indices, lengths = [], []
    for row in rows:
        found = {
            numbers.setdefault(f"{name} {value}", len(numbers))
            for name, value in row.meta.items()
            if isinstance(value, str | int) and value != "" and len(str(value)) <= LONGEST
        }
        indices += sorted(found)
        lengths.append(len(found))
    indptr = np.concatenate(([0], np.cumsum(np.array(lengths, dtype=np.int64)))).astype(np.int64)
    data = np.ones(len(indices), np.float32)
    return Sparse(indptr, np.array(indices, dtype=np.int32), data, max(1, len(numbers))), list(numbers)


def _sides(sample: Sample, value: int, terms: NDArray[np.int64]) -> list[Side]:
    """One side of each bit."""
    sure = np.where(sample.bits == value, sample.sure if value else -sample.sure, -np.inf)
    order = np.lexsort((np.broadcast_to(sample.ids[:, None], sure.shape), -sure), axis=0)[:EXAMPLES]
    sides = []
    for bit in range(sample.bits.shape[1]):
        best = [at for at in order[:, bit].tolist() if sample.bits[at, bit] == value]
        names = tuple(sample.names[term] for term in terms[bit].tolist() if term >= 0)
        ids = tuple(int(sample.ids[at]) for at in best)
        sides.append(Side(names, tuple(sample.keys[at] for at in best), ids))
    return sides


def _strongest(bits: Bits) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each bit the other one of greatest absolute correlation, -1 for none, and that correlation."""
    found = correlations(bits)
    size = np.abs(found)
    np.fill_diagonal(size, -1)
    others = size.argmax(1)
    values = found[np.arange(len(found)), others]
    return np.where(size.max(1) > 0, others, -1), np.where(size.max(1) > 0, values, 0.0)


def correlations(bits: Bits) -> NDArray[np.float64]:
    """Correlation of every two of bits (n, b), float64 (b, b); 0 for one that never changes."""
    signs = bits.astype(np.float32) * 2 - 1
    mean = signs.mean(0, dtype=np.float64)
    covariance = (signs.T @ signs) / max(1, len(signs)) - np.outer(mean, mean)
    spread = np.sqrt(np.maximum(1 - mean**2, 0))
    scale = np.outer(spread, spread)
    return np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 1e-9).clip(-1, 1)
