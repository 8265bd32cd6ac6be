"""Codes to compare with, each learned without labels in seconds: random hyperplanes, PCA and ITQ.

- LSH: the sides of random hyperplanes through the origin (Charikar 2002).
- PCA-sign: signs of the leading principal axes.
- ITQ: those turned so that they lie nearest to their signs (Gong and Lazebnik 2011).

Sparse rows take latent semantic analysis in place of PCA, scaled to unit length and then centred: on texts that is the
stronger baseline. Where data have fewer dimensions than the code has bits, ITQ spreads them over all bits and PCA-sign
leaves the rest constant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hashret.evaluate.rows import directions, taken, times, unit
from hashret.rows import Floats, Rows, Sparse
from indexer.bits import Codes, pack

_TRAINED_ON = 10_000  # rows that directions are learned from, at most
_TURNED_ON = 5_000  # rows that ITQ's rotation is learned from, at most
_TURNS = 50  # Gong and Lazebnik's number of iterations
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Projection:
    """Bits as signs of ((rows @ axes) - mean) @ turn, of unit length before the mean goes if `scaled`."""

    axes: Floats  # (d, m)
    mean: Floats  # (m,)
    turn: Floats | None = None  # (m, bits)
    scaled: bool = False

    def encode(self, rows: Rows) -> Codes:
        """Codes uint8 (n, bits / 8)."""
        width = (self.axes if self.turn is None else self.turn).shape[1] // 8
        parts = [pack(self.values(part) > 0) for part in _blocks(rows)]
        return np.concatenate(parts or [np.zeros((0, width), dtype=np.uint8)])

    def values(self, rows: Rows) -> Floats:
        """The numbers whose signs are the bits, float32 (n, bits)."""
        out = times(rows, self.axes)
        out = (unit(out) if self.scaled else out) - self.mean
        return out if self.turn is None else out @ self.turn


def lsh(rows: Rows, bits: int, seed: int = 0) -> Projection:
    """Random hyperplanes for rows of this width."""
    width = rows.width if isinstance(rows, Sparse) else rows.shape[1]
    axes = np.random.default_rng(seed).standard_normal((width, bits), dtype=np.float32)
    return Projection(axes, np.zeros(bits, dtype=np.float32))


def pca_sign(rows: Rows, bits: int, seed: int = 0, known: Floats | None = None) -> Projection:
    """The leading axes of the rows; `known` ones (d, bits or more) are not sought again."""
    return _centred((axes(rows, bits, seed) if known is None else known)[:, :bits], rows, seed)


def itq(rows: Rows, bits: int, seed: int = 0, known: Floats | None = None) -> Projection:
    """`pca_sign` turned by iterative quantization."""
    plain = pca_sign(rows, bits, seed, known)
    points = plain.values(_some(rows, _TURNED_ON, seed))
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((bits, bits), dtype=np.float32))[0]
    for _ in range(_TURNS):
        left, _, right = np.linalg.svd(points.T @ np.where(points @ turn > 0, np.float32(1), np.float32(-1)))
        turn = left @ right
    return Projection(plain.axes, plain.mean, turn, plain.scaled)


def axes(rows: Rows, count: int, seed: int = 0) -> Floats:
    """Leading directions, float32 (d, count), of at most 10,000 of the rows, drawn at random."""
    return directions(_some(rows, _TRAINED_ON, seed), count, seed, centred=not isinstance(rows, Sparse))


def _centred(leading: Floats, rows: Rows, seed: int) -> Projection:
    """The projection on these axes, less its mean."""
    count, some = leading.shape[1], _some(rows, _TRAINED_ON, seed)
    plain = Projection(leading, np.zeros(count, dtype=np.float32), scaled=isinstance(rows, Sparse))
    total = sum((plain.values(part).sum(0) for part in _blocks(some)), np.zeros(count, dtype=np.float64))
    return Projection(leading, (total / len(some)).astype(np.float32), scaled=plain.scaled)


def learned(rows: Rows, bits: int, seed: int = 0, known: Floats | None = None) -> dict[str, Projection]:
    """All of them, by name."""
    leading = axes(rows, bits, seed) if known is None else known
    turned = itq(rows, bits, seed, leading)
    return {"LSH": lsh(rows, bits, seed), "PCA-sign": pca_sign(rows, bits, seed, leading), "ITQ": turned}


def _some(rows: Rows, most: int, seed: int) -> Rows:
    """At most so many rows, drawn at random, in their order."""
    if len(rows) <= most:
        return rows
    return taken(rows, np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False)))


def _blocks(rows: Rows) -> Iterator[Rows]:
    """The rows, a block at a time."""
    for start in range(0, len(rows), _BLOCK):
        yield taken(rows, np.arange(start, min(start + _BLOCK, len(rows))))
