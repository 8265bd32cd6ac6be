"""Learning what bits say together of an embedding, beyond what the linear decoder says of each.

The layer of `hashret.forward.remainder` descends on 1 - cos(vector, mean + c M + r(c)), averaged over entries: vectors
are compared by angle. Much of what it could learn is the entries by heart, which helps to find them and hurts those
that come later. So units drop out (Srivastava et al. 2014) and few entries get few steps; what that comes to for both
is measured by benchmarks/quality/later.py.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn import functional

from hashret.curve import Curve
from hashret.forward.remainder import Remainder
from hashret.forward.settle import Settled
from hashret.model.fit import Progress, noted
from hashret.rows import Floats
from hashret.scores import signs
from hashret.settings import Settings
from indexer.bits import unpack

UNITS = 512
DROPOUT = 0.3  # share of the units; without, entries that come later are found worse than by the linear decoder
BATCH = 512
EPOCHS = 60  # at most
RATE = 2e-3


def learn_remainder(model: Settled, rows: Floats, settings: Settings, progress: Progress, curve: Curve) -> Remainder:
    """The layer for a model of unit vectors, by those it was trained on, float32 (n, d).

    Deterministic under `settings.seed`; `progress("decoder", done, total, note)` is called after each step.
    """
    rng = np.random.default_rng(settings.seed)
    codes = model.encode(rows)
    known, wanted = torch.from_numpy(signs(codes)), torch.from_numpy(rows)
    linear = torch.from_numpy(model.reconstruct(unpack(codes)))
    layer = [torch.nn.Parameter(torch.from_numpy(part)) for part in _start(settings.bits, rows.shape[1], rng)]
    inner, bias, outer = layer
    adam = torch.optim.AdamW(layer, RATE, fused=True)
    steps = min(settings.steps, math.ceil(EPOCHS * len(rows) / BATCH))
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, RATE, total_steps=steps + 1)
    for step in range(1, steps + 1):
        own = torch.from_numpy(rng.integers(0, len(rows), BATCH))
        kept = torch.from_numpy(rng.random((BATCH, UNITS), dtype=np.float32)) >= DROPOUT
        hidden = functional.relu(known[own] @ inner + bias) * kept / (1 - DROPOUT)
        loss = 1 - functional.cosine_similarity(linear[own] + hidden @ outer, wanted[own]).mean()
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        schedule.step()
        progress("decoder", step, steps, noted(curve, "decoder", step, loss, known[own]))
    return Remainder(*(part.detach().numpy() for part in layer))


def _start(bits: int, width: int, rng: np.random.Generator) -> list[Floats]:
    """Weights to begin with: sums of variance 1 inside, next to nothing added outside."""
    inner = rng.normal(size=(bits, UNITS)) / bits**0.5
    outer = rng.normal(size=(UNITS, width)) * 0.01 / UNITS**0.5
    return [part.astype(np.float32) for part in (inner, np.zeros(UNITS), outer)]
