"""The trained network without torch: a few NumPy products that equal torch's to the last bits of a float.

A one-shot query must not wait two seconds for an import. Layers are weights (in, out) and biases (out,), ReLU between.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hashret.features import Floats, Rows, Sparse

_BLOCK = 4096  # rows at a time: bounds what a product needs
_GATHERED = 1 << 16  # weights gathered at a time: they stay in the cache, 7 instead of 33 us for a news text


@dataclass(frozen=True, slots=True)
class Weights:
    """A trained autoencoder: `encoder` layers from input to logits, `decoder` layers from code to input."""

    encoder: list[tuple[Floats, Floats]]
    decoder: list[tuple[Floats, Floats]]

    def logits(self, rows: Rows) -> Floats:
        """Real-valued bottleneck, float32 (n, b); a bit is 1 where it is positive."""
        blocks = [_through(self.encoder, _slice(rows, start)) for start in range(0, len(rows), _BLOCK)]
        return np.concatenate(blocks) if blocks else np.zeros((0, len(self.encoder[-1][1])), dtype=np.float32)

    def reconstruct(self, bits: np.ndarray) -> Floats:
        """Decoder output, float32 (n, width), for bits {0, 1} (n, b)."""
        return _through(self.decoder, bits.astype(np.float32) * 2 - 1)


def _slice(rows: Rows, start: int) -> Rows:
    """One block of rows."""
    if isinstance(rows, Sparse):
        return rows.take(np.arange(start, min(start + _BLOCK, len(rows))))
    return rows[start : start + _BLOCK]


def _through(layers: list[tuple[Floats, Floats]], rows: Rows) -> Floats:
    """Affine layers with ReLU between them."""
    (weight, bias), *rest = layers
    out = _bag(rows, weight) + bias if isinstance(rows, Sparse) else rows @ weight + bias
    for weight, bias in rest:
        out = np.maximum(out, 0) @ weight + bias
    return out.astype(np.float32, copy=False)


def _bag(rows: Sparse, weight: Floats) -> Floats:
    """Sparse rows times a matrix: weighted sums of the weight rows of the words present, float32 (n, out)."""
    out = np.zeros((len(rows), weight.shape[1]), dtype=np.float32)
    filled = np.flatnonzero(np.diff(rows.indptr))
    step = max(1, _GATHERED * len(filled) // max(1, len(rows.data) * weight.shape[1]))
    for start in range(0, len(filled), step):
        some = filled[start : start + step]
        first, end = rows.indptr[some[0]], rows.indptr[some[-1] + 1]
        weighted = weight[rows.indices[first:end]]
        weighted *= rows.data[first:end, None]
        out[some] = np.add.reduceat(weighted, rows.indptr[some] - first)
    return out
