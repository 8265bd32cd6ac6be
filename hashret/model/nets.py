"""The networks: an encoder to values and a decoder back, plain affine layers with an activation between.

An encoder of images may begin with two convolutions, 5 x 5 and 3 x 3 with stride 2 (LeCun et al. 1998), of weights
(height, width, in, out), an encoder of texts with one that reads them in order (`sequence`). A sparse input goes
through an embedding bag (the rows of the first weight matrix that the words pick), a dense one through a matrix
product; both are the same affine map. Values may be batch-normalised without learned scale, so that each bit splits the
data in halves (Ioffe and Szegedy 2015); `export` folds that into the last layer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hashret.family import NORMALISED, ROTATED, SEQUENCES
from hashret.forward.network import STRIDE, Weights, reduced
from hashret.model import sequence
from hashret.model.binarize import BINARIZERS
from hashret.model.penalties import Pass
from hashret.model.rbm import RBM
from hashret.rows import Floats, Sparse
from hashret.settings import Settings

Batch = Sparse | Tensor
ENTRIES, ENTRY = 16, 4  # of a codebook, for so many values and bits: few enough that near entries differ in few bits
CRITIC = 64  # units of an adversary's hidden layer
READ = 128  # values that a sequence is read into, where there is no hidden layer to say
_ACTIVATIONS = {
    "relu": functional.relu,
    "gelu": lambda values: functional.gelu(values, approximate="tanh"),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}


class Autoencoder(nn.Module):
    """A network for inputs of `width` values as resolved settings describe it; the decoder mirrors the hidden layers.

    `encoder` and `decoder` are weights and biases in turn. Tied decoders keep biases alone. `aid` is what the binarizer
    learns beside: thresholds (d,), a codebook, or the layer of a variance.
    """

    def __init__(self, width: int, settings: Settings) -> None:
        super().__init__()
        self.settings: Settings = settings
        self.real = settings.binarizer in ROTATED
        values, hidden = settings.dimensions or settings.bits, list(settings.hidden)
        kernels, flat = _front(width, settings)
        self.encoder = nn.ParameterList(_layers(kernels + list(pairwise([flat, *hidden, values]))))
        back = _layers(list(pairwise([values, *reversed(hidden), width])))
        self.decoder = nn.ParameterList(back[1::2] if settings.tied else back)
        normalised = settings.objective == "agreement" or settings.binarizer in NORMALISED
        self.norm = nn.BatchNorm1d(values, affine=False) if normalised else nn.Identity()
        self.front = sequence.front(settings.net, width, flat) if settings.net in SEQUENCES else None
        self.aid = nn.ParameterList(_aid(settings, hidden[-1] if hidden else flat, values))
        if settings.penalty == "adversarial":
            self.critic = nn.Sequential(nn.Linear(values, CRITIC), nn.ReLU(), nn.Linear(CRITIC, 1))

    def start_from(self, other: Autoencoder) -> None:
        """Take the encoder's layers of another network of the same shape, all but the last."""
        with torch.no_grad():
            for mine, theirs in zip(self.encoder[:-2], other.encoder[:-2], strict=True):
                mine.copy_(theirs)
            if self.front and other.front:
                self.front.load_state_dict(other.front.state_dict())

    def start_from_rbms(self, stack: Sequence[RBM], factor: float = 1.0, words: float = 1.0) -> None:
        """Unroll machines that saw inputs times `factor`: up by their weights, down by the same ones transposed.

        A unit h from 0 to 1 is here s from -1 to 1, or its sum z: h = (1 + s) / 2, about 1 / 2 + z / 4. So what reads
        the code takes that part of the weights, and half of each as bias. `words` is the mean sum of what machines saw:
        a replicated softmax counts a hidden unit's bias so often, and by it the shares of a Poisson become rates.
        """
        part = 0.25 if self.real else 0.5
        back = factor if self.settings.loss == "squared" else 1.0
        rate = math.log(words / factor) if self.settings.loss == "poisson" else 0.0
        last = len(stack) - 1
        with torch.no_grad():
            for place, one in enumerate(stack):
                self.encoder[2 * place].copy_(one.weight if place else one.weight * factor)
                self.encoder[2 * place + 1].copy_(one.hidden * (words if one.units == "multinomial" else 1))
            for place, one in enumerate(reversed(stack)):
                weight, bias = one.weight.T, one.visible
                if not place:
                    weight, bias = part * weight, bias + weight.sum(0) / 2
                if place == last:
                    weight, bias = weight / back, (bias + rate) / back
                self.decoder[place if self.settings.tied else 2 * place + 1].copy_(bias)
                if not self.settings.tied:
                    self.decoder[2 * place].copy_(weight)

    def encode(self, batch: Batch) -> Tensor:
        """Values (n, d)."""
        return self.see(batch).values

    def see(self, batch: Batch, done: float = 1.0) -> Pass:
        """One pass up to the code, with the share of training that is over."""
        *body, weight, bias = list(self.encoder)
        read = self.front(batch) if self.front else batch
        if body:
            read = self.activate(self._affine(body, read))
        values: Tensor = self.norm(_layer(read, weight, bias))
        aid = self._aided(read)
        return Pass(self, batch, values, aid, BINARIZERS[self.settings.binarizer](values, aid, done))

    def inner(self, batch: Batch) -> Tensor:
        """The sums of the first layer, (n, h)."""
        return _layer(batch, *self.encoder[:2])

    def values_of(self, inner: Tensor) -> Tensor:
        """Values of the first layer's sums."""
        rest = list(self.encoder[2:])
        values: Tensor = self.norm(self._affine(rest, self.activate(inner)) if rest else inner)
        return values

    def activate(self, values: Tensor) -> Tensor:
        """What stands between layers."""
        return _ACTIVATIONS[self.settings.activation](values)

    def decode(self, codes: Tensor, columns: Tensor | None = None) -> Tensor:
        """Reconstruction (n, width) from what a binarizer gives, or only these columns of it."""
        *body, weight, bias = self.backward_layers()
        inner = self.activate(self._affine(body, codes)) if body else codes
        if columns is not None:
            weight, bias = weight.index_select(1, columns), bias.index_select(0, columns)
        output: Tensor = inner @ weight + bias
        return output

    def backward_layers(self) -> list[Tensor]:
        """The decoder's weights and biases in turn; tied weights are the encoder's, transposed."""
        if not self.settings.tied:
            return list(self.decoder)
        weights = [weight.T for weight in reversed(self.encoder[::2])]
        return [part for pair in zip(weights, self.decoder, strict=True) for part in pair]

    def export(self) -> Weights:
        """The weights as NumPy arrays, normalisation and thresholds folded in."""
        encoder, decoder = _pairs(list(self.encoder)), _pairs(self.backward_layers())
        weight, bias = encoder[-1]
        if isinstance(self.norm, nn.BatchNorm1d):
            mean, variance = self.norm.get_buffer("running_mean"), self.norm.get_buffer("running_var")
            factor, shift = (variance + self.norm.eps).rsqrt().cpu().numpy(), mean.cpu().numpy()
            weight, bias = weight * factor, (bias - shift) * factor
        if self.settings.binarizer == "thresholds":
            bias = bias - _array(self.aid[0])
        encoder[-1] = (weight, bias)
        front = {name: _array(part) for name, part in self.front.state_dict().items()} if self.front else {}
        return Weights(encoder, decoder, self.settings.activation, self.settings.loss, front)

    def _aided(self, read: Batch) -> Any:
        """What the binarizer needs beside values; see `binarize`."""
        if self.settings.binarizer == "gaussian":
            return _layer(read, *self.aid)
        if self.settings.binarizer == "top-k":
            return self.settings.active
        return self.aid[0] if len(self.aid) else None

    def _affine(self, layers: list[Tensor], batch: Batch) -> Tensor:
        """Affine layers with the activation between them."""
        out = _layer(batch, *layers[:2])
        for weight, bias in zip(layers[2::2], layers[3::2], strict=True):
            out = _layer(self.activate(out), weight, bias)
        return out


def _front(width: int, settings: Settings) -> tuple[list[tuple[int, ...]], int]:
    """Shapes of the weights of the two convolutions, if any, and the width that the affine layers read."""
    if settings.net in SEQUENCES:
        return [], settings.hidden[0] if settings.hidden else READ
    if settings.net != "conv":
        return [], width
    side, wide = settings.image_size, settings.convolution
    return [(5, 5, width // side**2, wide), (3, 3, wide, 2 * wide)], 2 * wide * reduced(reduced(side)) ** 2


def _aid(settings: Settings, read: int, values: int) -> list[nn.Parameter]:
    """What the binarizer learns beside the values."""
    if settings.binarizer == "thresholds":
        return [nn.Parameter(torch.zeros(values))]
    if settings.binarizer == "codebook":
        return [nn.Parameter(torch.randn(values // ENTRY, ENTRIES, ENTRY))]
    if settings.binarizer == "gaussian":
        return _layers([(read, values)])
    return []


def _layers(shapes: list[tuple[int, ...]]) -> list[nn.Parameter]:
    """Weights (..., out) and biases (out,) in turn, scaled to keep the variance (Glorot and Bengio 2010)."""
    parts = []
    for *inputs, outputs in shapes:
        weight = nn.init.xavier_normal_(torch.empty(math.prod(inputs), outputs))
        parts.append(nn.Parameter(weight.reshape(*inputs, outputs)))
        parts.append(nn.Parameter(torch.zeros(outputs)))
    return parts


def _layer(batch: Batch, weight: Tensor, bias: Tensor) -> Tensor:
    """One affine layer; images are rows, or (n, height, width, channels) as a convolution gives them."""
    if isinstance(batch, Sparse):
        starts = torch.from_numpy(batch.indptr[:-1].astype(np.int32))
        indices, starts, values = (
            part.to(weight.device) for part in (torch.from_numpy(batch.indices), starts, torch.from_numpy(batch.data))
        )
        return functional.embedding_bag(indices, weight, starts, mode="sum", per_sample_weights=values) + bias
    if weight.ndim == 2:
        return batch.flatten(1) @ weight + bias
    kernel, _, channels, _ = weight.shape
    side = math.isqrt(batch[0].numel() // channels)
    images = batch.reshape(len(batch), side, side, channels).permute(0, 3, 1, 2)
    out = functional.conv2d(images, weight.permute(3, 2, 0, 1), bias, stride=STRIDE, padding=kernel // 2)
    return out.permute(0, 2, 3, 1)


def _array(part: Tensor) -> Floats:
    """A tensor as a NumPy array."""
    array: Floats = part.detach().cpu().numpy()
    return array


def _pairs(parts: list[Tensor]) -> list[tuple[Floats, Floats]]:
    """Weight and bias arrays, layer by layer."""
    arrays = [_array(part) for part in parts]
    return list(zip(arrays[::2], arrays[1::2], strict=True))
