"""The trained network without torch: a few NumPy products that equal torch's to the last bits of a float.

A one-shot query must not wait two seconds for an import. Layers are weights (in, out) and biases (out,), ReLU between;
weights (height, width, in, out) are those of a convolution with a stride of 2, over images padded with zeros.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from hashret.features import Floats, Rows, Sparse
from hashret.scores import signs, softened
from indexer.bits import Codes, pack

STRIDE = 2  # of every convolution
_BLOCK = 4096  # rows at a time: bounds what a product needs
_IMAGES = 256  # images at a time: 83 us each for 28 x 28 pixels, 113 by 2,048, whose windows leave the cache
_GATHERED = 1 << 16  # weights gathered at a time: they stay in the cache, 7 instead of 33 us for a news text


@dataclass(frozen=True, slots=True)
class Weights:
    """A trained autoencoder: `encoder` layers from input to logits, `decoder` layers from code to input."""

    encoder: list[tuple[Floats, Floats]]
    decoder: list[tuple[Floats, Floats]]

    def logits(self, rows: Rows) -> Floats:
        """Real-valued bottleneck, float32 (n, b); a bit is 1 where it is positive."""
        step = _BLOCK if self.encoder[0][0].ndim == 2 else _IMAGES
        blocks = [_through(self.encoder, _slice(rows, start, step)) for start in range(0, len(rows), step)]
        return np.concatenate(blocks) if blocks else np.zeros((0, len(self.encoder[-1][1])), dtype=np.float32)

    def encode(self, rows: Rows) -> Codes:
        """Codes uint8 (n, b / 8)."""
        return pack(self.logits(rows) > 0)

    def ask(self, rows: Rows) -> tuple[Codes, Floats]:
        """Codes of queries, and their side of the asymmetric score, float32 (n, b)."""
        logits = self.logits(rows)
        return pack(logits > 0), softened(logits)

    def ask_by_code(self, codes: Codes) -> Floats:
        """The same side of queries of which the codes are all that is known, float32 (n, b)."""
        return softened(signs(codes))

    def answer(self, codes: Codes) -> Floats:
        """The entries' side of the asymmetric score, float32 (n, b): what it multiplies the queries' with."""
        return signs(codes)

    def reconstruct(self, bits: np.ndarray) -> Floats:
        """Decoder output, float32 (n, width), for bits {0, 1} (n, b)."""
        return _through(self.decoder, bits.astype(np.float32) * 2 - 1)

    def state(self) -> dict[str, Floats]:
        """Named arrays that restore this object."""
        named = {}
        for part, layers in (("encoder", self.encoder), ("decoder", self.decoder)):
            for layer, (weight, bias) in enumerate(layers):
                named[f"{part}.{layer}.weight"], named[f"{part}.{layer}.bias"] = weight, bias
        return named

    @classmethod
    def load(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Restore what `state` gave; other names are let be."""
        return cls(_layers(arrays, "encoder"), _layers(arrays, "decoder"))


def _layers(arrays: dict[str, NDArray[Any]], part: str) -> list[tuple[Floats, Floats]]:
    """The weight and bias arrays of one half of the network, first layer first."""
    count = sum(key.startswith(f"{part}.") for key in arrays) // 2
    return [(arrays[f"{part}.{layer}.weight"], arrays[f"{part}.{layer}.bias"]) for layer in range(count)]


def reduced(side: int) -> int:
    """What a convolution leaves of a side in pixels."""
    return -(-side // STRIDE)


def _slice(rows: Rows, start: int, step: int) -> Rows:
    """One block of rows."""
    if isinstance(rows, Sparse):
        return rows.take(np.arange(start, min(start + step, len(rows))))
    return rows[start : start + step]


def _through(layers: list[tuple[Floats, Floats]], rows: Rows) -> Floats:
    """Affine layers with ReLU between them."""
    (weight, bias), *rest = layers
    out = _layer(rows, weight) + bias
    for weight, bias in rest:
        out = _layer(np.maximum(out, 0), weight) + bias
    return out.astype(np.float32, copy=False)


def _layer(rows: Rows, weight: Floats) -> Floats:
    """Rows times the weights of one layer; images are rows, or (n, height, width, channels) after a convolution."""
    if isinstance(rows, Sparse):
        return _bag(rows, weight)
    if weight.ndim == 4:
        return _convolved(rows, weight)
    out: Floats = rows.reshape(len(rows), -1) @ weight
    return out


def _convolved(rows: Floats, weight: Floats) -> Floats:
    """A convolution of square images as one product, float32 (n, height, width, out)."""
    kernel, _, channels, outputs = weight.shape
    side, edge = math.isqrt(rows[0].size // channels), kernel // 2
    padded = np.pad(rows.reshape(-1, side, side, channels), ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    windows = sliding_window_view(padded, (kernel, kernel), axis=(1, 2))[:, ::STRIDE, ::STRIDE]
    columns = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, kernel * kernel * channels)
    out: Floats = columns @ weight.reshape(-1, outputs)
    return out.reshape(len(rows), *windows.shape[1:3], outputs)


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
