"""Texts in reading order to vectors: what a GRU or a small transformer makes of each word, averaged over the text.

A bag of words does not know who bit whom. The GRU (Cho et al. 2014, arXiv:1406.1078) reads in both directions with half
the units each: a word then knows both its sides, at half the recurrent weights of one direction. The transformer
(Vaswani et al. 2017, arXiv:1706.03762) normalises before each step (Xiong et al. 2020, arXiv:2002.04745). Its positions
go into queries and keys alone (Carion et al. 2020, arXiv:2005.12872): added to the words, they would be most of the
mean, and the vectors of any two texts would start with a cosine near .8.

This is training's half; `hashret.forward.sequence` computes the same in NumPy and says how a text is written as a row.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from hashret.forward.sequence import EPSILON, HEADS, LAYERS, LENGTH, padded, positions
from hashret.rows import Sparse

_START = 0.1  # what a layer of attention adds at first: at 1, unlike texts start with a cosine of .8, at .1 with .15


def front(net: str, words: int, width: int) -> nn.Module:
    """A `Front` for `net` "gru" or "transformer"; `width` is divisible by `HEADS`."""
    return Front(net, words, width)


class Front(nn.Module):
    """Rows of word numbers in [0, `words`), in reading order, to vectors float32 (n, `width`) of about unit variance.

    The first `LENGTH` words are read, the values of the rows are not; an empty text gives zeros.
    """

    def __init__(self, net: str, words: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.body: nn.Module = (
            nn.GRU(width, width // 2, batch_first=True, bidirectional=True)
            if net == "gru"
            else nn.ModuleList(_layer(width) for _ in range(LAYERS))
        )
        self.norm = nn.LayerNorm(width, EPSILON)
        self.register_buffer("places", torch.from_numpy(positions(LENGTH, width)), persistent=False)

    def forward(self, rows: Sparse) -> Tensor:
        """Vectors float32 (n, width), on the device of the weights."""
        filled = np.flatnonzero(np.diff(rows.indptr))  # softmax over no words is not a number
        out = self.embedding.weight.new_zeros(len(rows), self.embedding.embedding_dim)
        if not len(filled):
            return out
        words, present = (torch.from_numpy(part) for part in padded(rows.take(filled)))
        lengths, mask = present.sum(1), present.to(out.device)
        states = self.embedding(words.to(out.device))
        if isinstance(self.body, nn.GRU):
            packed = pack_padded_sequence(states, lengths, batch_first=True, enforce_sorted=False)
            states = pad_packed_sequence(self.body(packed)[0], batch_first=True)[0]
        else:
            places = self.get_buffer("places")[: states.shape[1]]
            for layer in self.body.children():
                states = _attended(layer, states, places, mask)
        mean = (states * mask[..., None]).sum(1) / lengths[:, None].to(out.device)
        return out.index_copy(0, torch.from_numpy(filled).to(out.device), self.norm(mean))


def _layer(width: int) -> nn.ModuleDict:
    """One layer of attention: four heads, then a feed-forward net of twice the width."""
    affine = {"look": 2 * width, "value": width, "join": width, "widen": 2 * width, "narrow": width}
    layer = nn.ModuleDict({name: nn.LayerNorm(width, EPSILON) for name in ("before", "between")})
    for name, outputs in affine.items():
        layer[name] = linear = nn.Linear(2 * width if name == "narrow" else width, outputs)
        nn.init.xavier_normal_(linear.weight, _START if name in ("join", "narrow") else 1)
        nn.init.zeros_(linear.bias)
    return layer


def _attended(layer: nn.Module, states: Tensor, places: Tensor, mask: Tensor) -> Tensor:
    """States (n, longest, width) after one layer; words that are not in `mask` bool (n, longest) are not looked at."""
    part = dict(layer.named_children())
    inner = part["before"](states)
    queries, keys = part["look"](inner + places).chunk(2, dim=2)
    query, key, value = (
        each.unflatten(2, (HEADS, -1)).transpose(1, 2) for each in (queries, keys, part["value"](inner))
    )
    seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None])
    states = states + part["join"](seen.transpose(1, 2).flatten(2))
    out: Tensor = states + part["narrow"](functional.relu(part["widen"](part["between"](states))))
    return out
