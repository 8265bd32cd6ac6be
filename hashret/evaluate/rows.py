"""Sparse and dense rows by one set of operations: products, cosines, and the truncated singular value decomposition."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hashret.rows import Floats, Rows, Sparse

_CELLS = 1 << 22  # numbers of a temporary table: 16 MiB
_MORE = 8  # directions sought beyond those wanted (Halko et al. 2011 advise 5 to 10)
_ROUNDS = 2  # power iterations; more find truer axes and worse codes: 4 lose ITQ a point of recall on texts


def times(rows: Rows, matrix: Floats) -> Floats:
    """Rows (n, d) times a matrix float32 (d, m), float32 (n, m)."""
    if not isinstance(rows, Sparse):
        dense: Floats = rows @ matrix
        return dense
    out = np.zeros((len(rows), matrix.shape[1]), dtype=np.float32)
    step = max(1, _CELLS // matrix.shape[1])
    cuts = np.unique(np.searchsorted(rows.indptr, np.arange(0, rows.indptr[-1] + step, step)).clip(0, len(rows)))
    for start, end in pairwise(cuts):
        first, last = rows.indptr[start], rows.indptr[end]
        filled = start + np.flatnonzero(np.diff(rows.indptr[start : end + 1]))
        if len(filled):
            weighted = matrix[rows.indices[first:last]] * rows.data[first:last, None]
            out[filled] = np.add.reduceat(weighted, rows.indptr[filled] - first)
    return out


def transposed(rows: Rows) -> Rows:
    """Columns as rows."""
    if not isinstance(rows, Sparse):
        return rows.T
    order = np.argsort(rows.indices, kind="stable")
    indptr = np.concatenate(([0], np.cumsum(np.bincount(rows.indices, minlength=rows.width))))
    return Sparse(indptr, rows.owners()[order].astype(np.int32), rows.data[order], len(rows))


def taken(rows: Rows, numbers: NDArray[np.int64]) -> Rows:
    """The rows with these numbers, in this order."""
    return rows.take(numbers) if isinstance(rows, Sparse) else rows[numbers]


def joined(parts: Sequence[Rows]) -> Rows:
    """Rows of several batches of one kind as one; there is at least one batch."""
    sparse = [part for part in parts if isinstance(part, Sparse)]
    if not sparse:
        return np.concatenate([part for part in parts if not isinstance(part, Sparse)])
    lengths = np.concatenate([np.diff(part.indptr) for part in sparse])
    return Sparse(
        np.concatenate(([0], np.cumsum(lengths))),
        np.concatenate([part.indices for part in sparse]),
        np.concatenate([part.data for part in sparse]),
        sparse[0].width,
    )


def unit(rows: Floats) -> Floats:
    """Dense rows scaled to length 1; a row of zeros stays zero."""
    scaled: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return scaled


class Cosines:
    """Cosines of some rows with queries; made once, asked in blocks."""

    def __init__(self, rows: Rows) -> None:
        self._count = len(rows)
        self._columns = transposed(rows.unit() if isinstance(rows, Sparse) else unit(rows))

    def __call__(self, queries: Rows) -> Floats:
        """Cosine of each query with each row, float32 (q, n); 0 for a row of zeros.

        A sparse query reads the columns of its own words alone.
        """
        columns = self._columns
        if not isinstance(queries, Sparse) or not isinstance(columns, Sparse):
            return times(unit(np.asarray(queries)), np.asarray(columns))
        out = np.zeros((len(queries), self._count), dtype=np.float32)
        scaled = queries.unit()
        for owner, word, value in zip(scaled.owners(), scaled.indices, scaled.data, strict=True):
            first, last = columns.indptr[word], columns.indptr[word + 1]
            out[owner, columns.indices[first:last]] += value * columns.data[first:last]
        return out


def directions(rows: Rows, count: int, seed: int, *, centred: bool) -> Floats:
    """The first right singular vectors as columns, float32 (d, count); zeros where there are fewer.

    A randomized decomposition (Halko et al. 2011); with `centred` of rows less their mean: principal axes.
    """
    across = transposed(rows)
    ones = np.ones((len(rows), 1), dtype=np.float32)
    mean = times(across, ones) / len(rows) * centred  # (d, 1)
    width = len(across)
    wanted = min(count, width, len(rows))
    sought = min(wanted + _MORE, width, len(rows))
    basis: Floats = np.random.default_rng(seed).standard_normal((width, sought), dtype=np.float32)
    for _ in range(_ROUNDS):
        left = np.linalg.qr(times(rows, basis) - mean.T @ basis)[0]
        basis = np.linalg.qr(times(across, left) - mean @ left.sum(0, keepdims=True))[0]
    small = times(rows, basis) - mean.T @ basis  # (n, sought)
    turn = np.linalg.svd(small.T @ small)[0]
    out = np.zeros((width, count), dtype=np.float32)
    out[:, :wanted] = (basis @ turn)[:, :wanted]
    return out
