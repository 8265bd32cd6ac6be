"""The networks: an encoder to logits and a decoder back, as plain affine layers with ReLU between.

An encoder of images may begin with two convolutions, 5 x 5 and 3 x 3 with stride 2 (LeCun et al. 1998), of weights
(height, width, in, out). A sparse input goes through an embedding bag (the rows of the first weight matrix that the
words pick), a dense one through a matrix product; both are the same affine map. Logits are batch-normalised without
learned scale, so that each bit splits the data in halves (Ioffe and Szegedy 2015); `export` folds that into the last
layer.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hashret.features import Floats, Sparse
from hashret.forward import STRIDE, Weights, reduced

Batch = Sparse | Tensor


class Autoencoder(nn.Module):
    """`width` inputs, `bits` logits, one hidden layer of `hidden` ReLU units in encoder and decoder (0 for none).

    With `convolution` the inputs are images of `side` x `side` pixels, which go through a convolution to so many
    channels and one to twice as many first; the decoder stays as it is without.
    """

    def __init__(self, width: int, bits: int, hidden: int, convolution: int = 0, side: int = 0) -> None:
        super().__init__()
        inner = [hidden] if hidden else []
        kernels = _kernels(width // side**2, convolution) if convolution else []
        flat = 2 * convolution * reduced(reduced(side)) ** 2 if convolution else width
        self.encoder = nn.ParameterList(_layers(kernels + list(pairwise([flat, *inner, bits]))))
        self.decoder = nn.ParameterList(_layers(list(pairwise([bits, *inner, width]))))
        self.norm = nn.BatchNorm1d(bits, affine=False)

    def start_from(self, other: Autoencoder) -> None:
        """Take the encoder's layers of another network of the same shape, all but the last."""
        with torch.no_grad():
            for mine, theirs in zip(self.encoder[:-2], other.encoder[:-2], strict=True):
                mine.copy_(theirs)

    def encode(self, batch: Batch) -> Tensor:
        """Normalised logits (n, bits)."""
        logits: Tensor = self.norm(_affine(list(self.encoder), batch))
        return logits

    def decode(self, codes: Tensor, columns: Tensor | None = None) -> Tensor:
        """Reconstruction (n, width) from codes of -1 and +1, or only these columns of it."""
        *body, weight, bias = list(self.decoder)
        inner = functional.relu(_affine(body, codes)) if body else codes
        if columns is not None:
            weight, bias = weight[:, columns], bias[columns]
        output: Tensor = inner @ weight + bias
        return output

    def export(self) -> Weights:
        """The weights as NumPy arrays, normalisation folded in."""
        encoder, decoder = _pairs(self.encoder), _pairs(self.decoder)
        mean, variance = self.norm.get_buffer("running_mean"), self.norm.get_buffer("running_var")
        factor, shift = (variance + self.norm.eps).rsqrt().numpy(), mean.numpy()
        weight, bias = encoder[-1]
        encoder[-1] = (weight * factor, (bias - shift) * factor)
        return Weights(encoder, decoder)


def _kernels(channels: int, convolution: int) -> list[tuple[int, ...]]:
    """Shapes of the weights of the two convolutions."""
    return [(5, 5, channels, convolution), (3, 3, convolution, 2 * convolution)]


def _layers(shapes: list[tuple[int, ...]]) -> list[nn.Parameter]:
    """Weights (..., out) and biases (out,) in turn, scaled to keep the variance (Glorot and Bengio 2010)."""
    parts = []
    for *inputs, outputs in shapes:
        weight = nn.init.xavier_normal_(torch.empty(math.prod(inputs), outputs))
        parts.append(nn.Parameter(weight.reshape(*inputs, outputs)))
        parts.append(nn.Parameter(torch.zeros(outputs)))
    return parts


def _affine(layers: list[Tensor], batch: Batch) -> Tensor:
    """Affine layers with ReLU between them."""
    out = _layer(batch, *layers[:2])
    for weight, bias in zip(layers[2::2], layers[3::2], strict=True):
        out = _layer(functional.relu(out), weight, bias)
    return out


def _layer(batch: Batch, weight: Tensor, bias: Tensor) -> Tensor:
    """One affine layer; images are rows, or (n, height, width, channels) as a convolution gives them."""
    if isinstance(batch, Sparse):
        indices, starts = torch.from_numpy(batch.indices), torch.from_numpy(batch.indptr[:-1].astype(np.int32))
        values = torch.from_numpy(batch.data)
        return functional.embedding_bag(indices, weight, starts, mode="sum", per_sample_weights=values) + bias
    if weight.ndim == 2:
        return batch.flatten(1) @ weight + bias
    kernel, _, channels, _ = weight.shape
    side = math.isqrt(batch[0].numel() // channels)
    images = batch.reshape(len(batch), side, side, channels).permute(0, 3, 1, 2)
    out = functional.conv2d(images, weight.permute(3, 2, 0, 1), bias, stride=STRIDE, padding=kernel // 2)
    return out.permute(0, 2, 3, 1)


def _pairs(parts: nn.ParameterList) -> list[tuple[Floats, Floats]]:
    """Weight and bias arrays, layer by layer."""
    arrays = [part.detach().numpy() for part in parts]
    return list(zip(arrays[::2], arrays[1::2], strict=True))
