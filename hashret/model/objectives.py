"""What training asks of the codes: each objective a function of a few lines, its paper named.

Codes are float (n, b) of -1 and +1 from a binarizer; a loss is a scalar, lower is better. `LOSSES` are the negative
logarithms of a likelihood, of an entry's value or, of words, of one word of an entry.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

REGRESSION = 0.75  # lambda of recirculation: how much of the input stays when activity comes back; theirs


def agreement(codes: Tensor, temperature: float, alike: Tensor | None = None) -> Tensor:
    """Two views of one entry share a code that other entries do not have.

    Of codes (2n, b) row i and row n + i are one entry's. NT-Xent over cosine similarities: -log(exp(s_ij / t) /
    sum_k exp(s_ik / t)), k over the 2n - 1 other codes of the batch (Chen et al. 2020, arXiv:2002.05709; for hashing
    Qiu et al. 2021, arXiv:2105.06138), without those that are `alike` bool (2n, 2n): likely of one kind, they need not
    differ (Huynh et al. 2022, arXiv:2011.11765).
    """
    directions = functional.normalize(codes)
    scores = directions @ directions.T / temperature
    own = torch.arange(len(codes), device=codes.device)
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
    """Mean over entries and features of the squared difference: Gaussian with variance 1/2, up to a constant."""
    return functional.mse_loss(output, target)


def bernoulli(logits: Tensor, target: Tensor) -> Tensor:
    """Mean over entries and features of -t log p - (1 - t) log(1 - p), p = sigmoid(logits), t from 0 to 1."""
    return functional.binary_cross_entropy_with_logits(logits, target)


def poisson(logits: Tensor, target: Tensor) -> Tensor:
    """Mean over entries and features of exp(z) - t z: counts t of rate exp(z), up to log t!."""
    return functional.poisson_nll_loss(logits, target)


def recirculated(encoder: tuple[Tensor, Tensor], decoder: tuple[Tensor, Tensor], rows: Tensor) -> Tensor:
    """A loss whose gradients are the changes of Hinton and McClelland 1988, which need no derivative of a unit.

    With weight and bias (W, b) and (V, c) activity goes x -> h = 2 sigmoid(x W + b) - 1 -> x' = l x + (1 - l)(h V + c)
    -> h'. A weight changes by what came in times what went out less what it became: dV = h (x - h V - c), dW = x' (h -
    h').
    """

    def forth(shown: Tensor) -> Tensor:
        return torch.tanh((shown @ encoder[0] + encoder[1]) / 2)

    hidden = forth(rows).detach()
    again = hidden @ decoder[0] + decoder[1]
    returned = (REGRESSION * rows + (1 - REGRESSION) * again).detach()
    sums = returned @ encoder[0] + encoder[1]
    change = (hidden - torch.tanh(sums / 2)).detach()
    return (((again - rows) ** 2 / 2).sum(1) - (change * sums).sum(1)).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "squared": squared,
    "bernoulli": bernoulli,
    "multinomial": multinomial,
    "poisson": poisson,
}
