"""What training asks of the codes: each objective a function of a few lines, its paper named.

Codes are float (n, b) of -1 and +1 from a binarizer; a loss is a scalar, lower is better.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def agreement(codes: Tensor, temperature: float, alike: Tensor | None = None) -> Tensor:
    """Two views of one entry share a code that other entries do not have.

    Of codes (2n, b) row i and row n + i are one entry's. NT-Xent over cosine similarities: -log(exp(s_ij / t) /
    sum_k exp(s_ik / t)), k over the 2n - 1 other codes of the batch (Chen et al. 2020, arXiv:2002.05709; for hashing
    Qiu et al. 2021, arXiv:2105.06138), without those that are `alike` bool (2n, 2n): likely of one kind, they need not
    differ (Huynh et al. 2022, arXiv:2011.11765).
    """
    directions = functional.normalize(codes)
    scores = directions @ directions.T / temperature
    own = torch.arange(len(codes))
    partner = own.roll(len(codes) // 2)
    if alike is not None:
        others = alike.clone()
        others[own, partner] = False
        scores = scores.masked_fill(others, -torch.inf)
    scores[own, own] = -torch.inf
    return functional.cross_entropy(scores, partner)


def multinomial(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of word proportions, -sum_w p_w log softmax(logits)_w, averaged over entries.

    The reconstruction term of Salakhutdinov and Hinton 2009; `target` float (n, w), not negative, is scaled to sum 1.
    """
    share = target / target.sum(1, keepdim=True).clamp(min=1e-9)
    return -(share * functional.log_softmax(logits, dim=1)).sum(1).mean()


def squared(output: Tensor, target: Tensor) -> Tensor:
    """Mean over entries and features of the squared difference."""
    return functional.mse_loss(output, target)
