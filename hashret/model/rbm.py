"""Pretraining: a stack of restricted Boltzmann machines, each learning from the hidden units of the one below.

An RBM has visible units v, which hold an entry, and binary hidden units h; no two units of one layer are joined. It is
trained by contrastive divergence (Hinton 2002), and its hidden probabilities are what the next one sees (Hinton and
Salakhutdinov 2006, Science 313). Visible units are named as the loss that fits them; words are of a known sum N, as
constrained Poisson (Salakhutdinov and Hinton 2009, "Semantic hashing") or softmax units (the same, "Replicated
softmax", NIPS 2009). Their energies E(v, h), each + terms of v alone that hold no weight or bias:

    bernoulli    - b.v - c.h - v.W h                v in [0, 1]
    squared      |v - b|^2 / 2 - c.h - v.W h        v real, of variance 1 given h
    poisson      - b.v - c.h - v.W h                v >= 0; + sum_i log v_i!
    multinomial  - b.v - N c.h - v.W h              v >= 0

Not here: the unrolled network and its fine-tuning, and linear hidden units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import SGD

from hashret.rows import Rows, Sparse
from hashret.settings import Settings

Batch = Sparse | Tensor
Gradient = tuple[Tensor, Tensor, Tensor]  # of weight (v, h), visible (v,) and hidden (h,)
Progress = Callable[[int, int], object]
WORDS = "poisson", "multinomial"
# Salakhutdinov and Hinton 2009; for reals a tenth of that of binary units (Hinton 2010, section 13.2).
RATES = {"bernoulli": 0.1, "squared": 0.01, "poisson": 0.1, "multinomial": 0.1}
MOMENTUM = 0.5, 0.9  # before and after the first tenth of the steps: 5 epochs of 50 (Hinton and Salakhutdinov 2006)
DECAY = 2e-4  # of weights, not of biases (both)
SPREAD = 0.01  # standard deviation of first weights (Hinton 2010, section 8)
SOFT = 0.01  # keeps the first bias of a unit that is always or never on finite


@dataclass(frozen=True, slots=True)
class RBM:
    """Weights W float32 (v, h), biases b (v,) of visible and c (h,) of hidden units; `units` is a key of `RATES`."""

    weight: Tensor
    visible: Tensor
    hidden: Tensor
    units: str


def pretrain(
    rows: Rows, widths: Sequence[int], settings: Settings, rng: np.random.Generator, progress: Progress
) -> list[RBM]:
    """One RBM for each of `widths`, the first with units `settings.loss` for rows `Sparse` or float32 (n, d).

    Each takes half of `settings.steps`; `progress(done, total)` is called after each step. All chance is from `rng`.
    """
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
    steps = max(1, settings.steps // 2)
    shown: Batch = rows if isinstance(rows, Sparse) else torch.from_numpy(rows)
    stack: list[RBM] = []
    for layer, width in enumerate(widths):
        if stack:
            shown = hidden_given(stack[-1], shown)
        rbm = fresh(shown, width, "bernoulli" if stack else settings.loss, generator)
        optimizer = _optimizer(rbm, float(_sums(shown).mean()))
        for step in range(steps):
            own = rng.permutation(len(shown))[: settings.batch]
            batch = shown.take(own) if isinstance(shown, Sparse) else shown[own]
            for group in optimizer.param_groups:
                group["momentum"] = MOMENTUM[step >= steps / 10]
            parts = contrastive_divergence(rbm, batch, settings.cd_steps, generator)
            rbm.weight.grad, rbm.visible.grad, rbm.hidden.grad = parts
            optimizer.step()
            progress(layer * steps + step + 1, len(widths) * steps)
        stack.append(rbm)
    return stack


def scale(rows: Rows, units: str) -> float:
    """The factor that fits rows to `pretrain`: values that are not 0 of mean 1 for words, of mean square 1 for reals.

    An encoder takes it into its first weights. (20 Newsgroups, 2000 words as unit tf-idf, 128 poisson units, 300 steps:
    P@100 by the cosine of hidden probabilities is .13 without and .36 with it.)
    """
    values = rows.data if isinstance(rows, Sparse) else rows
    values = values[values != 0]
    if units == "bernoulli" or not len(values):
        return 1.0
    return float(1 / values.mean() if units in WORDS else 1 / np.sqrt((values**2).mean()))


def fresh(rows: Batch, width: int, units: str, generator: torch.Generator) -> RBM:
    """Small random weights, and biases that give the mean row when no hidden unit is on (Hinton 2010, section 8)."""
    sums = _products(rows, torch.ones(len(rows), 1))[:, 0]
    visible = sums / len(rows)
    if units == "bernoulli":
        visible = visible.logit(SOFT)
    elif units in WORDS:
        visible = (sums + SOFT).log().log_softmax(0)
    weight = torch.randn(len(sums), width, generator=generator) * SPREAD
    return RBM(weight, visible, torch.zeros(width), units)


def hidden_given(rbm: RBM, rows: Batch) -> Tensor:
    """p(h_j = 1 | v) = sigmoid(c_j + sum_i v_i W_ij), with N c_j for multinomial units; float (n, h)."""
    return _odds(rbm, rows).sigmoid()


def visible_given(rbm: RBM, hidden: Tensor, total: Tensor) -> Tensor:
    """Expected v, float (n, v), of hidden units (n, h) in [0, 1]: with a = b + W h, sigmoid(a) for bernoulli units, a
    for squared, and N softmax(a) for poisson and multinomial ones, N = `total` (n, 1).
    """
    inputs = torch.addmm(rbm.visible, hidden, rbm.weight.T)
    if rbm.units in WORDS:
        return inputs.softmax(1) * total
    return inputs.sigmoid() if rbm.units == "bernoulli" else inputs


def sampled_visible(rbm: RBM, hidden: Tensor, total: Tensor, generator: torch.Generator) -> Batch:
    """A draw of v (n, v), of which `visible_given` is the mean; words, being few, as `Sparse`.

    Multinomial: round(N) words but at least one, each of the value that makes their sum N. Poisson: as many words as a
    Poisson variable of mean N says, which makes each word one of its own rate.
    """
    mean = visible_given(rbm, hidden, torch.ones_like(total))
    if rbm.units == "bernoulli":
        return torch.bernoulli(mean, generator=generator)
    if rbm.units == "squared":
        return mean + torch.randn(mean.shape, generator=generator)
    exact = rbm.units == "multinomial"
    draws = total.round().clamp(min=1) if exact else torch.poisson(total, generator=generator)
    drawn = torch.multinomial(mean, max(1, int(draws.max())), replacement=True, generator=generator)
    kept = torch.arange(drawn.shape[1]) < draws
    values = (total / draws if exact else torch.ones_like(total)).expand(kept.shape)[kept]
    ends = np.cumsum(kept.sum(1).numpy())
    return Sparse(np.append(0, ends), drawn[kept].to(torch.int32).numpy(), values.numpy(), mean.shape[1])


def contrastive_divergence(rbm: RBM, rows: Batch, steps: int, generator: torch.Generator) -> Gradient:
    """The uphill step of CD-k: <v h> of the rows, less <v h> after k = `steps` >= 1 rounds; means over rows.

    Hinton 2002, "Training products of experts by minimizing contrastive divergence". Hidden units are drawn, as what
    they pass on must stay bits; the last ones are probabilities, which tell the same with less noise, and the last v of
    bernoulli and squared units are means (Hinton 2010, section 3). Any v before is drawn, or the chain would not sample
    the model however long it ran, and so are words: a mean has every word. (P@100 as in `scale`, of counts of 10,000
    words with 500 units after 200 steps: .36 by draws, .19 by means.)
    """
    total = _sums(rows)
    values, first = rows, hidden_given(rbm, rows)
    last = first
    for step in range(1, steps + 1):
        states = torch.bernoulli(last, generator=generator)
        draw = step < steps or rbm.units in WORDS
        values = sampled_visible(rbm, states, total, generator) if draw else visible_given(rbm, states, total)
        last = hidden_given(rbm, values)
    one = torch.ones(len(rows), 1)
    weight = _products(rows, first).sub_(_products(values, last)).div_(len(rows))
    visible = (_products(rows, one) - _products(values, one))[:, 0] / len(rows)
    hidden = (first - last) * (total if rbm.units == "multinomial" else one)
    return weight, visible, hidden.mean(0)


def free_energy(rbm: RBM, rows: Batch) -> Tensor:
    """F(v) = -log sum_h exp(-E(v, h)), float (n,), lower for what is likelier (Hinton 2010, section 16.1).

    -b.v - sum_j log(1 + exp(c_j + sum_i v_i W_ij)), with N c_j for multinomial units and |v - b|^2 / 2 in place of -b.v
    for squared ones; without the sum of log v_i! for poisson ones.
    """
    energy = -_times(rows, rbm.visible[:, None])[:, 0] - functional.softplus(_odds(rbm, rows)).sum(1)
    if rbm.units != "squared":
        return energy
    squares = replace(rows, data=rows.data**2) if isinstance(rows, Sparse) else rows**2
    return energy + (_sums(squares)[:, 0] + rbm.visible @ rbm.visible) / 2


def _odds(rbm: RBM, rows: Batch) -> Tensor:
    """Log-odds of the hidden units, float (n, h)."""
    return _times(rows, rbm.weight) + rbm.hidden * (_sums(rows) if rbm.units == "multinomial" else 1.0)


def _optimizer(rbm: RBM, total: float) -> SGD:
    """Uphill, weights with decay; multinomial hidden biases, which mean N times themselves, by 1 / N^2 of the rate."""
    rate = RATES[rbm.units]
    slow = rate / max(total, 1.0) ** 2 if rbm.units == "multinomial" else rate
    weight: dict[str, Any] = {"params": [rbm.weight], "weight_decay": DECAY}
    groups = [weight, {"params": [rbm.visible]}, {"params": [rbm.hidden], "lr": slow}]
    return SGD(groups, rate, MOMENTUM[0], maximize=True, fused=True)


def _times(rows: Batch, matrix: Tensor) -> Tensor:
    """The matrix product."""
    if isinstance(rows, Tensor):
        return rows @ matrix
    indices, starts = torch.from_numpy(rows.indices), torch.from_numpy(rows.indptr[:-1].astype(np.int32))
    values = torch.from_numpy(rows.data)
    return functional.embedding_bag(indices, matrix, starts, mode="sum", per_sample_weights=values)


def _products(rows: Batch, matrix: Tensor) -> Tensor:
    """The product of the transposed rows: summing each word's entries takes a tenth of scattering entry by entry."""
    if isinstance(rows, Tensor):
        return rows.T @ matrix
    order = np.argsort(rows.indices, kind="stable")
    ends = np.cumsum(np.bincount(rows.indices, minlength=rows.width))
    columns = Sparse(np.append(0, ends), rows.owners()[order].astype(np.int32), rows.data[order], len(rows))
    return _times(columns, matrix)


def _sums(rows: Batch) -> Tensor:
    """The sum of each row, float (n, 1)."""
    return _times(rows, torch.ones(rows.width if isinstance(rows, Sparse) else rows.shape[1], 1))
