"""A second look at pairs that have near codes: the cosine of their words, weighed by idf, or of stored vectors.

A few bits say that two entries are about the same; whether they are the same text only its words can tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashret.features import Text
from hashret.hasher import Hasher, Progress, silent
from hashret.rows import Floats, Rows, Sparse
from indexer.bits import Ids

if TYPE_CHECKING:
    from indexer.store import Store

LINES, PAIRS = 256, 1 << 16  # left entries, and pairs, that are compared at a time: a table of 20 MB, terms of 50 MB
PAGE = 2048  # entries that are read at a time


@dataclass(frozen=True)
class Looks:
    """What is compared of some entries: unit rows in the order of `ids`, ascending; `lengths` int64 (n,) of texts."""

    ids: Ids
    rows: Rows
    lengths: Ids

    def places(self, ids: Ids) -> Ids:
        """The row of each of these ids, which all must be there."""
        return np.searchsorted(self.ids, ids)


def looks(store: Store, hasher: Hasher, ids: Ids, progress: Progress = silent) -> Looks:
    """The rows of stored entries, ids ascending, of a file that has texts or vectors, see `seen`."""
    pages = [ids[first : first + PAGE] for first in range(0, len(ids), PAGE)]
    if isinstance(hasher.features, Text):
        parts, lengths = [], []
        for number, page in enumerate(pages):
            progress("read", number * PAGE, len(ids))
            texts = [row.content or "" for row in store.rows(page)]
            lengths += [len(text) for text in texts]
            parts.append(_words(hasher.features, texts))
        return Looks(ids, _stacked(parts, len(hasher.features.idf)), np.array(lengths, np.int64))
    halves = np.concatenate([_unit(store.vectors(page)) for page in pages] or [np.zeros((0, 1), np.float32)])
    return Looks(ids, halves, np.zeros(len(ids), np.int64))


def seen(store: Store, hasher: Hasher) -> bool:
    """Whether there is anything to compare but codes."""
    return hasher.kind == "text" or store.keeps_vectors


def likeness(rows: Rows, left: Ids, others: Rows, right: Ids) -> Floats:
    """Cosine of row left[i] of `rows` with row right[i] of `others`, float32 (m,); 0 for an empty row."""
    out = np.empty(len(left), np.float32)
    if isinstance(rows, Sparse) and isinstance(others, Sparse):
        table = np.zeros((LINES, rows.width), np.float32)
        order = np.argsort(left, kind="stable")
        for part in _blocks(left[order]):
            pairs = order[part]
            out[pairs] = _sparse(table, (rows, left[pairs]), others.take(right[pairs]))
    elif not isinstance(rows, Sparse) and not isinstance(others, Sparse):
        for first in range(0, len(left), PAGE):
            some = slice(first, first + PAGE)
            out[some] = np.einsum("nd,nd->n", rows[left[some]], others[right[some]])
    return out


def _blocks(left: Ids) -> Iterator[slice]:
    """Parts of ascending entries that have at most `LINES` different ones and at most `PAIRS` in all."""
    lines = np.cumsum(np.append(False, left[1:] != left[:-1])) if len(left) else left
    first = 0
    while first < len(left):
        stop = min(first + PAIRS, int(np.searchsorted(lines, lines[first] + LINES)))
        yield slice(first, stop)
        first = stop


def _sparse(table: Floats, mine: tuple[Sparse, Ids], theirs: Sparse) -> Floats:
    """Cosines of the pairs of a block; `table` (LINES, width) is zero before and after."""
    owners, lines = np.unique(mine[1], return_inverse=True)
    rows = mine[0].take(owners)
    cells = rows.owners(), rows.indices
    table[cells] = rows.data
    pairs = theirs.owners()
    terms = theirs.data * table[lines[pairs], theirs.indices]
    table[cells] = 0
    return np.bincount(pairs, terms, len(theirs)).astype(np.float32)


def _words(features: Text, texts: list[str]) -> Sparse:
    """Texts as unit rows of the root of each word's idf, whatever the model reads.

    Their cosine is the idf of the words in common beside the geometric mean of that of all words of each. How often a
    word comes again tells less: with tf-idf, more pairs are wrong at the same recall (benchmarks/dedup).
    """
    rows = replace(features, weighting="binary", ordered=False).transform(texts)
    return replace(rows, data=np.sqrt(features.idf[rows.indices])).unit()


def _stacked(parts: list[Sparse], width: int) -> Sparse:
    """Rows end to end."""
    counts = np.concatenate([np.diff(part.indptr) for part in parts] or [np.zeros(0, np.int64)])
    indices: NDArray[np.int32] = np.concatenate([part.indices for part in parts] or [np.zeros(0, np.int32)])
    data = np.concatenate([part.data for part in parts] or [np.zeros(0, np.float32)])
    return Sparse(np.append(0, np.cumsum(counts)), indices, data, width)


def _unit(rows: Floats) -> Floats:
    """Rows of length 1, but for rows of zeros."""
    scaled: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return scaled
