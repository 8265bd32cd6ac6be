"""Which words of a text make a bit what it is: its logit with and without each of them.

Leaving words out one by one is true of every network, whatever lies between words and bits; of one layer it is the
word's weight itself. Only the heaviest words of a long text are tried.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashret.forward.network import Weights
from hashret.forward.settle import Settled
from hashret.rows import Floats, Sparse

MOST = 64  # words of a text that are tried


@dataclass(frozen=True, slots=True)
class Effects:
    """Words of one text, int64 (m,), and what each adds to the logit of each bit, float32 (m, b)."""

    words: NDArray[np.int64]
    added: Floats

    def behind(self, bit: int, value: int, most: int) -> list[int]:
        """The words that push a bit most towards a value, 0 or 1, best first."""
        push = self.added[:, bit] if value else -self.added[:, bit]
        return [int(self.words[at]) for at in np.lexsort((self.words, -push))[:most] if push[at] > 0]


def effects(weights: Weights | Settled, row: Sparse) -> Effects:
    """Of a single row."""
    one = row.bag()
    heaviest = np.lexsort((one.indices, -np.abs(one.data)))[:MOST]
    words = one.indices[heaviest].astype(np.int64)
    without = row.take(np.zeros(len(words), dtype=np.int64))
    without = without.only(without.indices != words[without.owners()])
    added = weights.logits(row) - weights.logits(without)
    return Effects(words, added.astype(np.float32, copy=False))
