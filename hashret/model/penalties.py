"""What codes are punished for: a table of functions of one pass through the network, each with its paper.

A penalty is a scalar, the mean over entries, in nats where it is an information. The ones below the table are plain
functions of tensors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from hashret.model.binarize import chosen

if TYPE_CHECKING:
    from hashret.model.nets import Autoencoder, Batch

COMMITMENT = 0.25  # beta of van den Oord et al. 2017
DRAWS = 1  # random directions in which a deep Jacobian is measured, for each entry and step


@dataclass(frozen=True)
class Pass:
    """What one pass gave: `shown` was read, `values` (n, d) came out, `codes` (n, d) is what the decoder reads."""

    net: Autoencoder
    shown: Batch
    values: Tensor
    aid: Any  # see `binarize`
    codes: Tensor

    @property
    def activity(self) -> Tensor:
        """How far each unit is on, sigmoid(z), (n, d)."""
        return torch.sigmoid(self.values)


def kl_to_target(activity: Tensor, target: float) -> Tensor:
    """Sum over units of KL(target || mean activity of the unit): sparse autoencoders (Lee et al. 2008, Ng 2011)."""
    mean = activity.mean(0).clamp(1e-6, 1 - 1e-6)
    return (target * (target / mean).log() + (1 - target) * ((1 - target) / (1 - mean)).log()).sum()


def l1(activity: Tensor) -> Tensor:
    """Sum over units of |activity| (Olshausen and Field 1996)."""
    return activity.abs().sum(1).mean()


def l2(activity: Tensor) -> Tensor:
    """Sum over units of activity ** 2."""
    return (activity**2).sum(1).mean()


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mu, sigma^2) || N(0, 1)) = sum (mu^2 + sigma^2 - log sigma^2 - 1) / 2 (Kingma and Welling 2014)."""
    return ((mean**2 + log_variance.exp() - log_variance - 1) / 2).sum(1).mean()


def bernoulli_kl(logits: Tensor) -> Tensor:
    """KL(Bernoulli(p) || Bernoulli(1/2)) = sum p log 2p + (1 - p) log 2(1 - p), p = sigmoid(z) (Shen et al. 2018)."""
    chance = torch.sigmoid(logits)
    nats = chance * functional.logsigmoid(logits) + (1 - chance) * functional.logsigmoid(-logits)
    return (nats + math.log(2)).sum(1).mean()


def jacobian_one_layer(weight: Tensor, slope: Tensor) -> Tensor:
    """|dh / dx|_F^2 = sum_j s_j^2 sum_i W_ij^2 of h = s(x W + b), `slope` s' (n, d) (Rifai et al. 2011)."""
    return (slope**2 @ (weight**2).sum(0)).mean()


def jacobian_estimated(output: Tensor, inner: Tensor, gram: Tensor, draws: int = DRAWS) -> Tensor:
    """The same of any depth: mean of |v J|^2 over v of random signs (Hutchinson 1990), its expectation exactly.

    `output` (n, d) was computed from `inner` = x W + b (n, h), the first layer's sums, and `gram` is W' W (h, h), so
    that nothing as wide as the input is made: |v J|^2 = g G g', g = d(v h) / d inner.
    """
    total = torch.zeros((), device=output.device)
    for _ in range(draws):
        signs = torch.randint_like(output, 2) * 2 - 1
        (slope,) = torch.autograd.grad((signs * output).sum(), inner, create_graph=True)
        total = total + ((slope @ gram) * slope).sum(1).mean()
    return total / draws


class _Reversed(torch.autograd.Function):
    """The identity, whose gradient is turned round (Ganin and Lempitsky 2015)."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return -gradients[0]


def adversary(critic: Callable[[Tensor], Tensor], codes: Tensor, drawn: Tensor) -> Tensor:
    """How well a critic (n, d) -> (n, 1) tells codes from draws of the prior: it learns to, the encoder to prevent it.

    -log D(drawn) - log(1 - D(codes)), the encoder's gradient reversed: both sides of the game of Goodfellow et al.
    2014, as an autoencoder's penalty Makhzani et al. 2016.
    """
    real, fake = critic(drawn), critic(_Reversed.apply(codes))  # type: ignore[no-untyped-call]
    return (functional.softplus(-real) + functional.softplus(fake)).mean()


def commitment(values: Tensor, entries: Tensor) -> Tensor:
    """|sg(z) - e|^2 + beta |z - sg(e)|^2, e nearest z in `entries`: they move together (van den Oord et al. 2017)."""
    nearest = chosen(values, entries)
    moved, kept = ((values.detach() - nearest) ** 2).sum(1), ((values - nearest.detach()) ** 2).sum(1)
    return (moved + COMMITMENT * kept).mean()


def _contractive(seen: Pass) -> Tensor:
    """Of the units' sigmoids: exactly for one layer, estimated for more and where values are normalised."""
    weight = seen.net.encoder[0]
    if len(seen.net.encoder) == 2 and isinstance(seen.net.norm, nn.Identity):
        return jacobian_one_layer(weight, seen.activity * (1 - seen.activity))
    inner = seen.net.inner(seen.shown)
    return jacobian_estimated(torch.sigmoid(seen.net.values_of(inner)), inner, weight.T @ weight)


def _prior(seen: Pass) -> Tensor:
    """From N(0, 1) where the code is a draw of a normal, else from bits that are as often 0 as 1."""
    return bernoulli_kl(seen.values) if seen.aid is None else gaussian_kl(seen.values, seen.aid)


def _adversarial(seen: Pass) -> Tensor:
    """N(0, 1) for real values, fair bits for all others."""
    drawn = torch.randn_like(seen.codes)
    return adversary(seen.net.critic, seen.codes, drawn if seen.net.real else drawn.sign())


PENALTIES: dict[str, Callable[[Pass], Tensor]] = {
    "none": lambda seen: torch.zeros((), device=seen.codes.device),
    "kl-sparsity": lambda seen: kl_to_target(seen.activity, seen.net.settings.target),
    "l1": lambda seen: l1(seen.activity),
    "l2": lambda seen: l2(seen.activity),
    "contractive": _contractive,
    "prior": _prior,
    "adversarial": _adversarial,
    "commitment": lambda seen: commitment(seen.values, seen.aid),
}
