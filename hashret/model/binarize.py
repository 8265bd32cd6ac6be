"""From real values to a code, with a gradient: a table of functions.

Each takes `values` float (n, d), `aid`, what the network learned or computed beside them (None for most), and `done`,
the share of training that is over; it gives what the decoder reads, float (n, d), -1 to 1 for bits. A step has no
useful gradient; the straight-through estimator (Bengio, Leonard and Courville 2013, arXiv:1308.3432) takes the step
forward and lets the gradient of something smooth back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

NOISE = 4.0  # standard deviation; Salakhutdinov and Hinton 2007 have the variance at 16
STEEP = 10.0  # how many times steeper the annealed tanh ends than it starts
WARM, COLD = 1.0, 0.3  # temperatures of the binary concrete distribution, from first to last step


def straight(hard: Tensor, soft: Tensor) -> Tensor:
    """`hard` forward, the gradient of `soft` back."""
    return soft + (hard - soft).detach()


def step(values: Tensor) -> Tensor:
    """-1 and +1; a value of exactly 0 counts as -1, as in a stored code."""
    return torch.where(values > 0, 1.0, -1.0)


def sign(values: Tensor, aid: Any = None, done: float = 0.0) -> Tensor:
    """Bits with the gradient of the values themselves (Bengio et al. 2013)."""
    return straight(step(values), values)


def thresholds(values: Tensor, aid: Tensor, done: float = 0.0) -> Tensor:
    """sign(z - t) of learned thresholds t = `aid` (d,), with the gradient of the difference."""
    return sign(values - aid)


def half(values: Tensor, aid: Any = None, done: float = 0.0) -> Tensor:
    """Each bit is 1 for the upper half of the batch: the balanced code nearest the values (Li and van Gemert 2021)."""
    order = values.argsort(dim=0).argsort(dim=0)
    return straight(step(order - (len(values) // 2 - 0.5)), values)


def tanh(values: Tensor, aid: Any = None, done: float = 0.0) -> Tensor:
    """Hyperbolic tangent of beta z, beta growing from 1 to `STEEP`: HashNet, by continuation (Cao et al. 2017)."""
    return torch.tanh(values * (1 + (STEEP - 1) * done))


def bernoulli(values: Tensor, aid: Any = None, done: float = 0.0) -> Tensor:
    """A bit is 1 with probability sigmoid(z), with the gradient of that mean (NASH, Shen et al. 2018)."""
    chance = torch.sigmoid(values)
    return straight(2 * torch.bernoulli(chance.detach()) - 1, 2 * chance - 1)


def concrete(values: Tensor, aid: Any = None, done: float = 0.0) -> Tensor:
    """2 sigmoid((z + L) / tau) - 1, L logistic, tau falling: binary concrete (Maddison et al., Jang et al. 2017)."""
    uniform = torch.rand_like(values).clamp(1e-6, 1 - 1e-6)
    return torch.tanh((values + uniform.logit()) / (2 * (WARM + (COLD - WARM) * done)))


def noise(values: Tensor, aid: Any = None, done: float = 0.0) -> Tensor:
    """2 sigmoid(z + e) - 1, e normal of variance 16: units have to be far on or off (Salakhutdinov, Hinton 2007)."""
    return torch.tanh((values + NOISE * torch.randn_like(values)) / 2)


def sigmoid(values: Tensor, aid: Any = None, done: float = 0.0) -> Tensor:
    """The unit of classic autoencoders (Rumelhart, Hinton and Williams 1986), here from -1 to 1; bits come later."""
    return torch.tanh(values / 2)


def top_k(values: Tensor, aid: int, done: float = 0.0) -> Tensor:
    """The k = `aid` largest values of an entry are 1, with a gradient for these alone (Makhzani and Frey 2014)."""
    on = torch.zeros_like(values).scatter(1, values.topk(aid, dim=1).indices, 1.0)
    return straight(2 * on - 1, on * values)


def linear(values: Tensor, aid: Any = None, done: float = 0.0) -> Tensor:
    """The values themselves (Hinton and Salakhutdinov 2006): for dimensionality reduction; bits come later."""
    return values


def gaussian(values: Tensor, aid: Tensor, done: float = 0.0) -> Tensor:
    """Values mu + sigma e, e normal, `aid` log sigma^2 (n, d): the reparameterization of Kingma and Welling 2014."""
    return values + (aid / 2).exp() * torch.randn_like(values)


def codebook(values: Tensor, aid: Tensor, done: float = 0.0) -> Tensor:
    """Each part's nearest entry in its codebook (parts, 2^m, width), straight through (van den Oord et al. 2017)."""
    return straight(chosen(values, aid), values)


def chosen(values: Tensor, entries: Tensor) -> Tensor:
    """For each of the parts of values (n, parts * width) the nearest entry of its codebook, (n, parts * width)."""
    parts, _, width = entries.shape
    each = values.reshape(len(values), parts, width).transpose(0, 1)
    nearest = torch.cdist(each.detach(), entries.detach()).argmin(2)
    picked = entries[torch.arange(parts, device=entries.device)[:, None], nearest]
    return picked.transpose(0, 1).reshape(values.shape)


Binarizer = Callable[[Tensor, Any, float], Tensor]
BINARIZERS: dict[str, Binarizer] = {
    "sign": sign,
    "thresholds": thresholds,
    "half": half,
    "tanh": tanh,
    "bernoulli": bernoulli,
    "concrete": concrete,
    "noise": noise,
    "sigmoid": sigmoid,
    "top-k": top_k,
    "linear": linear,
    "gaussian": gaussian,
    "codebook": codebook,
}
