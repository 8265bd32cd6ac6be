"""What a network reads: rows of numbers, dense (float32 (n, d)) or sparse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sparse:
    """Rows of a sparse matrix in CSR form: `indptr` int64 (n + 1,), `indices` int32 (nnz,), `data` float32 (nnz,)."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    data: Floats
    width: int

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def take(self, rows: NDArray[np.int64]) -> Sparse:
        """The rows with these numbers, in this order."""
        lengths = np.diff(self.indptr)[rows]
        indptr = np.concatenate(([0], np.cumsum(lengths)))
        places = np.repeat(self.indptr[rows] - indptr[:-1], lengths) + np.arange(indptr[-1])
        return Sparse(indptr, self.indices[places], self.data[places], self.width)

    def only(self, kept: NDArray[np.bool_]) -> Sparse:
        """Without the stored values for which `kept` bool (nnz,) is false."""
        ends = np.cumsum(np.bincount(self.owners()[kept], minlength=len(self)))
        return Sparse(np.append(0, ends), self.indices[kept], self.data[kept], self.width)

    def bag(self) -> Sparse:
        """Columns in order, those that a row has more than once summed up."""
        cells, places = np.unique(self.owners() * self.width + self.indices, return_inverse=True)
        data = np.bincount(places, self.data, len(cells)).astype(np.float32)
        indptr = np.searchsorted(cells, np.arange(len(self) + 1) * self.width)
        return Sparse(indptr, (cells % self.width).astype(np.int32), data, self.width)

    def unit(self) -> Sparse:
        """Every row scaled to length 1; an empty row stays empty."""
        squares = np.bincount(self.owners(), self.data.astype(np.float64) ** 2, len(self))
        scale = 1 / np.sqrt(np.maximum(squares, 1e-12))
        data = (self.data * np.repeat(scale, np.diff(self.indptr))).astype(np.float32)
        return Sparse(self.indptr, self.indices, data, self.width)

    def owners(self) -> NDArray[np.int64]:
        """The row number of each stored value, int64 (nnz,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))


Rows = Sparse | Floats


def take(rows: Rows, numbers: NDArray[np.int64]) -> Rows:
    """The rows with these numbers, in this order."""
    return rows.take(numbers) if isinstance(rows, Sparse) else rows[numbers]
