"""The trained network without torch: a few NumPy products that equal torch's to the last bits of a float.

A one-shot query must not wait two seconds for an import. Layers are weights (in, out) and biases (out,), an activation
between; weights (height, width, in, out) are those of a convolution with a stride of 2, over images padded with zeros.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from hashret.forward.bottleneck import Bottleneck
from hashret.forward.sequence import read
from hashret.rows import Floats, Rows, Sparse, take
from hashret.scores import signs, softened
from hashret.settings import Settings
from indexer.bits import Codes, pack

STRIDE = 2  # of every convolution
_BLOCK = 4096  # rows at a time: bounds what a product needs
_IMAGES = 256  # images at a time: 83 us each for 28 x 28 pixels, 113 by 2,048, whose windows leave the cache
_GATHERED = 1 << 16  # weights gathered at a time: they stay in the cache, 7 instead of 33 us for a news text


def sigmoid(values: NDArray[Any]) -> Floats:
    """1 / (1 + exp(-z)), without overflow."""
    out: NDArray[Any] = (1 + np.tanh(values / 2)) / 2
    return out


def softmax(values: Floats) -> Floats:
    """exp(z) / sum exp(z) of each row."""
    powers = np.exp(values - values.max(1, keepdims=True))
    out: Floats = powers / powers.sum(1, keepdims=True)
    return out


def gelu(values: Floats) -> Floats:
    """The value z times the chance that a normal one is below it, by a tangent (Hendrycks and Gimpel 2016)."""
    out: Floats = values * sigmoid(2 * math.sqrt(2 / math.pi) * (values + 0.044715 * values**3))
    return out


ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "relu": lambda values: np.maximum(values, 0),
    "gelu": gelu,
    "sigmoid": sigmoid,
    "tanh": np.tanh,
}
EXPECTED: dict[str, Callable[[Floats], Floats]] = {  # what the decoder's output expects of each value, by the loss
    "squared": lambda output: output,
    "bernoulli": sigmoid,
    "multinomial": softmax,
    "poisson": np.exp,
}


@dataclass(frozen=True, slots=True)
class Weights:
    """A trained autoencoder: `encoder` layers from input to values, `decoder` layers from code to input.

    `activation` and `loss` are those of the settings, `front` the arrays of what reads texts in order, `bottleneck`
    what lies between values and bits.
    """

    encoder: list[tuple[Floats, Floats]]
    decoder: list[tuple[Floats, Floats]]
    activation: str = "relu"
    loss: str = "squared"
    front: dict[str, Floats] = field(default_factory=dict)
    bottleneck: Bottleneck = field(default_factory=Bottleneck)

    def values(self, rows: Rows) -> Floats:
        """Real-valued bottleneck, float32 (n, d)."""
        step = _BLOCK if self.encoder[0][0].ndim == 2 else _IMAGES
        blocks = [
            self._encoded(take(rows, np.arange(at, min(at + step, len(rows))))) for at in range(0, len(rows), step)
        ]
        return np.concatenate(blocks) if blocks else np.zeros((0, len(self.encoder[-1][1])), dtype=np.float32)

    def logits(self, rows: Rows) -> Floats:
        """Logits of bits, float32 (n, b); a bit is 1 where its logit is positive."""
        return self.bottleneck.logits(self.values(rows))

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

    def scores(self, codes: Codes, side: Floats) -> Floats:
        """The asymmetric score of codes with one query's side (b,), float32 (n,)."""
        scores: Floats = signs(codes) @ side
        return scores

    rough = scores  # nothing is left out: it is as quick as can be

    def reconstruct(self, bits: NDArray[Any]) -> Floats:
        """What is expected of the input, float32 (n, width), for bits {0, 1} (n, b)."""
        return self._decoded(self.bottleneck.of_bits(bits))

    def reconstruct_values(self, values: Floats) -> Floats:
        """The same for values float32 (n, d) of the bottleneck."""
        return self._decoded(self.bottleneck.of_values(values))

    def state(self) -> dict[str, Floats]:
        """Named arrays that restore this object, with its settings."""
        named = {f"front.{name}": array for name, array in self.front.items()}
        named |= {f"bottleneck.{name}": array for name, array in self.bottleneck.arrays.items()}
        for part, layers in (("encoder", self.encoder), ("decoder", self.decoder)):
            for layer, (weight, bias) in enumerate(layers):
                named[f"{part}.{layer}.weight"], named[f"{part}.{layer}.bias"] = weight, bias
        return named

    @classmethod
    def load(cls, arrays: dict[str, NDArray[Any]], settings: Settings) -> Self:
        """Restore what `state` gave, trained with resolved settings; other names are let be."""
        layers = _layers(arrays, "encoder"), _layers(arrays, "decoder")
        bottleneck = Bottleneck(_under(arrays, "bottleneck."))
        return cls(*layers, settings.activation, settings.loss, _under(arrays, "front."), bottleneck)

    def _encoded(self, rows: Rows) -> Floats:
        """Values of one block of rows."""
        if self.front and isinstance(rows, Sparse):
            rows = read(self.front, rows)
        return _through(self.encoder, rows, ACTIVATIONS[self.activation])

    def _decoded(self, codes: Floats) -> Floats:
        """Expected input of what the decoder reads."""
        out = EXPECTED[self.loss](_through(self.decoder, codes, ACTIVATIONS[self.activation]))
        return out.astype(np.float32, copy=False)


def _under(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, Floats]:
    """The arrays whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _layers(arrays: dict[str, NDArray[Any]], part: str) -> list[tuple[Floats, Floats]]:
    """The weight and bias arrays of one half of the network, first layer first."""
    count = sum(key.startswith(f"{part}.") for key in arrays) // 2
    return [(arrays[f"{part}.{layer}.weight"], arrays[f"{part}.{layer}.bias"]) for layer in range(count)]


def reduced(side: int) -> int:
    """What a convolution leaves of a side in pixels."""
    return -(-side // STRIDE)


def _through(layers: list[tuple[Floats, Floats]], rows: Rows, activate: Callable[[Floats], Floats]) -> Floats:
    """Affine layers with an activation between them."""
    (weight, bias), *rest = layers
    out = _layer(rows, weight) + bias
    for weight, bias in rest:
        out = _layer(activate(out), weight) + bias
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
