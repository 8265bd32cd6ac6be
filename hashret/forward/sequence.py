"""Texts in reading order to vectors, without torch: the networks of `hashret.model.sequence` in NumPy.

A text is a row of `Sparse` whose indices are its words in order, repeated where the text repeats them; its values are
not read, so that what masks and scales rows works on these too. A GRU (Cho et al. 2014, arXiv:1406.1078) or two layers
of attention (Vaswani et al. 2017, arXiv:1706.03762) give each word a vector of its place; the text's is their mean,
normalised (Ba et al. 2016, arXiv:1607.06450). Splitting texts into words is not done here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hashret.rows import Floats, Sparse

LENGTH = 128  # words that are read of a text; the rest is not
HEADS = 4
LAYERS = 2  # of attention
EPSILON = 1e-5  # torch's, under the root of a variance
_STEPPED = 256  # texts at a time through a GRU: each of its steps is a few small products
_ATTENDED = 16  # texts at a time through attention, whose scores then stay in the cache

Arrays = Mapping[str, Floats]
Present = NDArray[np.bool_]


def read(arrays: Arrays, rows: Sparse) -> Floats:
    """Vectors float32 (n, width) of texts, by the weights `arrays` under torch's names; zeros for an empty text.

    Texts of like length go together, so that the memory needed is that of one block and little of it is padding.
    """
    lengths = np.minimum(np.diff(rows.indptr), LENGTH)
    order = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
    recurrent = "body.weight_hh_l0" in arrays
    means, step = (_stepped, _STEPPED) if recurrent else (_attended, _ATTENDED)
    out = np.zeros((len(rows), arrays["embedding.weight"].shape[1]), dtype=np.float32)
    for start in range(0, len(order), step):
        some = order[start : start + step]
        out[some] = _normal(arrays, "norm", means(arrays, *padded(rows.take(some))))
    return out


def padded(rows: Sparse) -> tuple[NDArray[np.int32], Present]:
    """The first `LENGTH` words of each text, int32 (n, longest), filled up with 0; and which of them are its own."""
    lengths = np.minimum(np.diff(rows.indptr), LENGTH)
    steps = np.arange(lengths.max(initial=0))
    present = steps < lengths[:, None]
    words = np.zeros(present.shape, dtype=np.int32)
    words[present] = rows.indices[(rows.indptr[:-1, None] + steps)[present]]
    return words, present


def positions(count: int, width: int) -> Floats:
    """Sines and cosines in turn of each place, in waves of 2 pi to 20,000 pi words: float32 (count, width)."""
    turns = np.arange(count)[:, None] / 10_000 ** (np.arange(0, width, 2) / width)
    return np.stack([np.sin(turns), np.cos(turns)], 2).reshape(count, -1).astype(np.float32)


def _stepped(arrays: Arrays, words: NDArray[np.int32], present: Present) -> Floats:
    """Mean over a text's words of the states of a GRU in both directions, float32 (n, width); the longest come first.

    Both directions take a step together: direction, text, unit. r and z are sigmoids, as (1 + tanh(x / 2)) / 2, which
    cannot overflow; n = tanh(W x + r * (U h + b)) is the new state, and the next is (1 - z) * n + z * h.
    """
    into, back, bias_into, bias_back = (
        np.stack([arrays[f"body.{name}_l0"], arrays[f"body.{name}_l0_reverse"]])
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    units, (count, longest) = back.shape[2], words.shape
    lengths = np.count_nonzero(present, axis=1)
    mirror = np.maximum(lengths[:, None] - 1 - np.arange(longest), 0)
    kinds, places = np.unique(words, return_inverse=True)  # each word's product once, however often it is used
    places = places.reshape(words.shape)
    both = np.stack([places, np.take_along_axis(places, mirror, 1)])
    given = arrays["embedding.weight"][kinds] @ into.transpose(0, 2, 1) + bias_into[:, None]
    back, bias_back = back.transpose(0, 2, 1), bias_back[:, None]
    state, total = np.zeros((2, 2, count, units), dtype=np.float32)
    for step in range(longest):
        active = np.count_nonzero(lengths > step)
        before = state[:, :active]
        new, carried = given[[[0], [1]], both[:, :active, step]], before @ back + bias_back
        gates = (np.tanh((new[..., : 2 * units] + carried[..., : 2 * units]) / 2) + 1) / 2
        new = np.tanh(new[..., 2 * units :] + gates[..., :units] * carried[..., 2 * units :])
        before[:] = new + gates[..., units:] * (before - new)
        total[:, :active] += before
    mean: Floats = np.concatenate(list(total), axis=1) / lengths[:, None].astype(np.float32)
    return mean


def _attended(arrays: Arrays, words: NDArray[np.int32], present: Present) -> Floats:
    """Mean over a text's words of what the layers of attention make of them, float32 (n, width)."""
    out = arrays["embedding.weight"][words]
    places = positions(*out.shape[1:])
    for layer in range(LAYERS):
        part = f"body.{layer}."
        inner = _normal(arrays, part + "before", out)
        out += _affine(arrays, part + "join", _attention(arrays, part, inner, places, present))
        inner = _affine(arrays, part + "widen", _normal(arrays, part + "between", out))
        out += _affine(arrays, part + "narrow", np.maximum(inner, 0, out=inner))
    shares = present.astype(np.float32) / np.count_nonzero(present, axis=1)[:, None].astype(np.float32)
    mean: Floats = (shares[:, None] @ out)[:, 0]
    return mean


def _attention(arrays: Arrays, part: str, inner: Floats, places: Floats, present: Present) -> Floats:
    """softmax(q k' / sqrt(d)) v in each head, over the words present: float32 (n, longest, width)."""
    count, longest, width = inner.shape
    looks = _affine(arrays, part + "look", inner + places).reshape(count, longest, 2 * HEADS, -1).transpose(0, 2, 1, 3)
    values = _affine(arrays, part + "value", inner).reshape(count, longest, HEADS, -1).transpose(0, 2, 1, 3)
    scores = looks[:, :HEADS] @ looks[:, HEADS:].swapaxes(2, 3)
    scores *= 1 / math.sqrt(width // HEADS)
    scores += np.where(present, np.float32(0), np.float32(-np.inf))[:, None, None]
    scores -= scores.max(3, keepdims=True)
    np.exp(scores, out=scores)
    out: Floats = scores @ values / scores.sum(3, keepdims=True)
    return out.transpose(0, 2, 1, 3).reshape(count, longest, width)


def _affine(arrays: Arrays, name: str, inputs: Floats) -> Floats:
    """A layer of torch's, whose weights are (out, in), over all words in one product."""
    out: Floats = inputs.reshape(-1, inputs.shape[-1]) @ arrays[f"{name}.weight"].T
    out += arrays[f"{name}.bias"]
    return out.reshape(*inputs.shape[:-1], -1)


def _normal(arrays: Arrays, name: str, inputs: Floats) -> Floats:
    """Each vector with mean 0 and variance 1, then the learned scale and shift."""
    centred = inputs - inputs.mean(-1, keepdims=True)
    variance = np.einsum("...i,...i->...", centred, centred)[..., None] / inputs.shape[-1]
    centred /= np.sqrt(variance + EPSILON)
    out: Floats = centred * arrays[f"{name}.weight"] + arrays[f"{name}.bias"]
    return out
