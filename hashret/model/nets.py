"""The networks: an encoder to logits and a decoder back, as plain affine layers with ReLU between.

A sparse input goes through an embedding bag (the rows of the first weight matrix that the words pick), a dense one
through a matrix product; both are the same affine map. Logits are batch-normalised without learned scale, so that each
bit splits the data in halves (Ioffe and Szegedy 2015); `export` folds that into the last layer.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hashret.features import Floats, Sparse
from hashret.forward import Weights

Batch = Sparse | Tensor


class Autoencoder(nn.Module):
    """`width` inputs, `bits` logits, one hidden layer of `hidden` ReLU units in encoder and decoder (0 for none)."""

    def __init__(self, width: int, bits: int, hidden: int) -> None:
        super().__init__()
        sizes = [width, hidden, bits] if hidden else [width, bits]
        self.encoder = nn.ParameterList(_layers(sizes))
        self.decoder = nn.ParameterList(_layers(sizes[::-1]))
        self.norm = nn.BatchNorm1d(bits, affine=False)

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


def _layers(sizes: list[int]) -> list[nn.Parameter]:
    """Weights (in, out) and biases (out,) in turn, scaled to keep the variance (Glorot and Bengio 2010)."""
    parts = []
    for inputs, outputs in pairwise(sizes):
        parts.append(nn.Parameter(nn.init.xavier_normal_(torch.empty(inputs, outputs))))
        parts.append(nn.Parameter(torch.zeros(outputs)))
    return parts


def _affine(layers: list[Tensor], batch: Batch) -> Tensor:
    """Affine layers with ReLU between them."""
    (weight, bias), rest = layers[:2], layers[2:]
    if isinstance(batch, Sparse):
        indices, starts = torch.from_numpy(batch.indices), torch.from_numpy(batch.indptr[:-1].astype(np.int32))
        values = torch.from_numpy(batch.data)
        out = functional.embedding_bag(indices, weight, starts, mode="sum", per_sample_weights=values) + bias
    else:
        out = batch @ weight + bias
    for weight, bias in zip(rest[::2], rest[1::2], strict=True):
        out = functional.relu(out) @ weight + bias
    return out


def _pairs(parts: nn.ParameterList) -> list[tuple[Floats, Floats]]:
    """Weight and bias arrays, layer by layer."""
    arrays = [part.detach().numpy() for part in parts]
    return list(zip(arrays[::2], arrays[1::2], strict=True))
