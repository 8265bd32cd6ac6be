"""From real-valued logits to bits, with a gradient.

A step function has no useful gradient; the straight-through estimator (Bengio, Leonard and Courville 2013,
arXiv:1308.3432) takes the step forward and passes the gradient back as if there had been none.
"""

from __future__ import annotations

import torch
from torch import Tensor


def sign(logits: Tensor) -> Tensor:
    """Bits as -1 and +1 with a straight-through gradient; a logit of exactly 0 counts as -1, as in a stored code."""
    hard = torch.where(logits > 0, 1.0, -1.0)
    return logits + (hard - logits).detach()


def identity(logits: Tensor) -> Tensor:
    """The logits themselves: a stage that only looks for neighbours needs no bits, and finds better ones without."""
    return logits
