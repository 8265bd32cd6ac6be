"""Learning codes of embeddings: a projection by gradient, then the decoder its codes settle under in closed form.

1. Principal axes turned so that they lie nearest their signs (ITQ, Gong and Lazebnik 2011); where there are more bits
   than dimensions, a tight frame.
2. Gradient descent from there: of a batch the code of a query must be nearest to the codes of the `neighbours`
   nearest by cosine, as bits against bits and as real values against bits. Queries lie between an entry and a near one.
3. A ridge decoder of the codes, and the codes settled under it (see `hashret.forward.settle`), by turns.
4. What bits say together beside what that decoder says of each (see `remainder`), for the finer score.

Without 2 and 3 recall at 64 bits is 2.8 points lower on GloVe and on MiniLM. Descent can also end below its start:
on pixels taken as embeddings it does. So some entries are held out of it, and decide between its end and its start.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hashret.curve import Curve
from hashret.forward.bottleneck import rotated
from hashret.forward.settle import Settled, anchored
from hashret.model.fit import Progress, noted, one_thread
from hashret.model.remainder import learn_remainder
from hashret.rows import Floats
from hashret.settings import Settings
from indexer.bits import distances

QUERIES = 64  # queries of a step
HELD_OUT = 256  # entries that ask after descent whether it helped
DEPTH = 100  # answers in which their neighbours should be
DOUBT = 0.02  # of that share by bits and by the finer score together: so much is chance
FEW_BITS = 128  # up to so many take every step of descent


def learn(rows: Floats, settings: Settings, progress: Progress, curve: Curve | None = None) -> Settled:
    """A model of unit vectors, float32 (n, d); `progress(phase, done, total, note)` is called after each step.

    Deterministic under `settings.seed`; leaves torch's global random state and number of threads as they were.
    """
    rng = np.random.default_rng(settings.seed)
    mean = rows.mean(0)
    centred = rows - mean
    with one_thread():
        start = rotated(centred, settings.bits, rng)
        model = anchored(centred, mean, start)
        aside = rng.permutation(len(rows))[: min(HELD_OUT, len(rows) // 10)]
        others = np.delete(rows, aside, axis=0)
        if len(others) <= settings.neighbours + 2:
            return model
        curve = curve or Curve()
        weight = _descend(others, (mean, start), settings, progress, curve)
        trained = anchored(centred, mean, weight)
        now, before = (_found(each, rows[aside], others, settings.neighbours) for each in (trained, model))
        chosen = trained if now > before - DOUBT else model
        return replace(chosen, remainder=learn_remainder(chosen, rows, settings, progress, curve))


def _found(model: Settled, queries: Floats, entries: Floats, count: int) -> float:
    """Share of the nearest entries of some queries that the first `DEPTH` hold, by bits plus by the finer score."""
    near = np.argpartition(-(queries @ entries.T), count - 1, axis=1)[:, :count]
    codes, (asked, sides) = model.encode(entries), model.ask(queries)
    depth = min(DEPTH, max(count, len(entries) // 20))
    total = 0.0
    for away in (distances(asked, codes), -(sides @ model.answer(codes).T)):
        first = np.argpartition(away, depth - 1, axis=1)[:, :depth]
        total += float(np.mean([np.isin(*pair).mean() for pair in zip(near, first, strict=True)]))
    return total


def _descend(
    rows: Floats, begin: tuple[Floats, Floats], settings: Settings, progress: Progress, curve: Curve
) -> Floats:
    """The projection after gradient descent by Adam, float32 (d, b); it begins with a mean and a projection.

    Many bits take fewer steps: with 256 of MiniLM, 300 steps find more than ITQ by both scores, 1,200 by one alone.
    """
    mean, start = begin
    entries, origin, rng = torch.from_numpy(rows), torch.from_numpy(mean), np.random.default_rng(settings.seed)
    scale = max(float(((rows - mean) @ start).std()), 1e-6)
    weight = torch.nn.Parameter(torch.from_numpy(start / scale))
    adam = torch.optim.Adam([weight], settings.learning_rate, fused=True)
    steps = max(1, round(settings.steps * min(1.0, FEW_BITS / settings.bits) ** 2))
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, settings.learning_rate, total_steps=steps + 1, pct_start=0.1)
    for step in range(1, steps + 1):
        among = entries[torch.from_numpy(rng.permutation(len(rows))[: settings.batch])]
        queries, hidden = _between(among, settings.neighbours, rng)
        target = (queries @ among.T).masked_fill(hidden, -2).topk(min(settings.neighbours, len(among) - 2)).indices
        theirs, values = (among - origin) @ weight, (queries - origin) @ weight
        codes = _hard(theirs)
        loss = torch.zeros(())
        for asked in (_hard(values), functional.normalize(values) * settings.bits**0.5):
            scores = asked @ codes.T / (settings.bits * settings.temperature)
            shares = torch.log_softmax(scores.masked_fill(hidden, -1e4), 1)
            loss = loss - shares.gather(1, target).mean()
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        schedule.step()
        progress("codes", step, steps, noted(curve, "codes", step, loss, theirs))
    trained: Floats = weight.detach().numpy()
    return trained


def _between(among: Tensor, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Queries (q, d) between an entry and one of its nearest others, and those two of each as a mask (q, n)."""
    own = torch.from_numpy(rng.permutation(len(among))[:QUERIES])
    each = torch.arange(len(own))
    hidden = torch.zeros(len(own), len(among), dtype=torch.bool)
    hidden[each, own] = True
    near = (among[own] @ among.T).masked_fill(hidden, -2).topk(min(count, len(among) - 2)).indices
    other = near[each, torch.from_numpy(rng.integers(0, near.shape[1], len(own)))]
    hidden[each, other] = True
    share = torch.from_numpy(rng.random((len(own), 1), dtype=np.float32))
    return functional.normalize(share * among[own] + (1 - share) * among[other]), hidden


def _hard(values: Tensor) -> Tensor:
    """Bits as -1 and +1 with the gradient of tanh(2 z): bits far from turning are left alone.

    With a gradient of 1 everywhere (`binarize.sign`) descent ends below where it starts.
    """
    soft = torch.tanh(2 * values)
    return soft + (torch.where(values > 0, 1.0, -1.0) - soft).detach()
