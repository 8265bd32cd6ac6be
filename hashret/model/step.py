"""What one training step computes: views of a batch, their codes, and the loss.

The loss is the agreement of two codes where that is asked for, plus the reconstruction of the input as it was, plus the
penalty, whose weight may grow over the first steps.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hashret.model import objectives
from hashret.model.neighbours import Neighbours
from hashret.model.nets import Autoencoder, Batch
from hashret.model.penalties import PENALTIES
from hashret.model.views import view
from hashret.rows import Rows, Sparse, take

SHARED = 0.5  # share of second views that are the entry itself, masked anew
COLUMNS = 1024  # words of the vocabulary that a step reconstructs, drawn anew each step


def loss(
    net: Autoencoder, rows: Rows, own: NDArray[np.int64], near: Neighbours | None, rng: np.random.Generator, done: float
) -> tuple[Tensor, Tensor]:
    """The loss of the entries `own` with the share of training that is over, and the values that bits come from (m, d).

    With `near` the codes of two views have to agree, the second often of a neighbour.
    """
    settings, device = net.settings, net.encoder[0].device
    shown = own
    if near is not None:
        shown = np.concatenate([own, np.where(rng.random(len(own)) < SHARED, own, near.draw(own, rng))])
    seen = net.see(_on(view(take(rows, shown), settings, rng), device), done)
    total = torch.zeros((), device=device)
    if near is not None:
        alike = near.alike(shown)
        total = objectives.agreement(seen.codes, settings.temperature, None if alike is None else alike.to(device))
    if settings.objective == "recirculation" and net.training:
        dense = _dense(take(rows, own)).to(device)
        total = objectives.recirculated(tuple(net.encoder), tuple(net.decoder), dense)
    elif settings.reconstruction:
        total = total + settings.reconstruction * _reconstruction(net, seen.codes[: len(own)], take(rows, own), rng)
    if settings.penalty != "none":
        grown = min(1.0, done / settings.warmup) if settings.warmup else 1.0
        weight = settings.penalty_weight * grown / _values(rows, settings.loss)
        total = total + weight * PENALTIES[settings.penalty](seen)
    return total, seen.values


def _reconstruction(net: Autoencoder, codes: Tensor, rows: Rows, rng: np.random.Generator) -> Tensor:
    """The loss of the settings, of sparse rows over a sample of columns."""
    measure = objectives.LOSSES[net.settings.loss]
    if not isinstance(rows, Sparse):
        return measure(net.decode(codes), torch.from_numpy(rows).to(codes.device))
    columns = np.sort(rng.choice(rows.width, min(COLUMNS, rows.width), replace=False))
    place = np.full(rows.width, -1)
    place[columns] = np.arange(len(columns))
    at = place[rows.indices]
    inside = at >= 0
    target = np.zeros((len(rows), len(columns)), np.float32)
    np.add.at(target, (rows.owners()[inside], at[inside]), rows.data[inside])
    if net.settings.weighting == "binary":  # a text in reading order has a word as often as it comes
        target = np.minimum(target, 1)
    output = net.decode(codes, torch.from_numpy(columns).to(codes.device))
    return measure(output, torch.from_numpy(target).to(codes.device))


def _values(rows: Rows, measure: str) -> float:
    """How many values of an entry a loss is the mean of, so that a penalty weighs as much as beside their sum."""
    if measure == "multinomial" and isinstance(rows, Sparse):
        return max(1.0, len(rows.data) / len(rows))
    return rows.width if isinstance(rows, Sparse) else rows.shape[1]


def _on(batch: Batch, device: torch.device) -> Batch:
    """Dense rows on the device of the network; sparse ones get there layer by layer."""
    return batch if isinstance(batch, Sparse) else batch.to(device)


def _dense(rows: Rows) -> Tensor:
    """Rows as a dense tensor (n, width)."""
    if not isinstance(rows, Sparse):
        return torch.from_numpy(rows)
    out = np.zeros((len(rows), rows.width), np.float32)
    np.add.at(out, (rows.owners(), rows.indices), rows.data)
    return torch.from_numpy(out)
