"""Learning codes of embeddings: a projection by gradient, then the decoder its codes settle under in closed form.

1. Principal axes turned so that they lie nearest their signs (ITQ, Gong and Lazebnik 2011); where there are more bits
   than dimensions, a tight frame.
2. Gradient descent from there: of a batch the code of a query must be nearest to the codes of the `neighbours`
   nearest by cosine, as bits against bits and as real values against bits. Queries lie between an entry and a near one.
3. A ridge decoder of the codes, and the codes settled under it (see `hashret.settle`), by turns.

Without 2 and 3 recall at 64 bits is 2.8 points lower on GloVe and on MiniLM. Descent can also end below its start:
on pixels taken as embeddings it does. So some entries are held out of it, and decide between its end and its start.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hashret.features import Floats
from hashret.model.train import Progress, one_thread
from hashret.settings import Settings
from hashret.settle import Settled, settle
from indexer.bits import distances

QUERIES = 64  # queries of a step
HELD_OUT = 256  # entries that ask after descent whether it helped
DEPTH = 100  # answers in which their neighbours should be
DOUBT = 0.02  # of that share by bits and by the finer score together: so much is chance
FEW_BITS = 128  # up to so many take every step of descent
TURNED_ON = 25_000  # rows that the rotation is learned from, at most
TURNS = 50  # Gong and Lazebnik's number of iterations
ROUNDS = 2  # of decoder and codes; 4 change nothing
RIDGE = 1e-3  # of the squared length of a bit's column
ANCHOR = 1.0  # mu of `hashret.settle`, in units of the mean of diag G; 2: +.5 symmetric, -.3 to -3 points asymmetric


def learn(rows: Floats, settings: Settings, progress: Progress) -> Settled:
    """A model of unit vectors, float32 (n, d); `progress(phase, done, total)` is called after each step.

    Deterministic under `settings.seed`; leaves torch's global random state and number of threads as they were.
    """
    rng = np.random.default_rng(settings.seed)
    mean = rows.mean(0)
    centred = rows - mean
    with one_thread():
        start = rotated(centred, settings.bits, rng)
        model = _anchored(centred, mean, start)
        aside = rng.permutation(len(rows))[: min(HELD_OUT, len(rows) // 10)]
        others = np.delete(rows, aside, axis=0)
        if len(others) <= settings.neighbours + 2:
            return model
        weight = _descend(others, mean, start, settings, lambda *at: progress("codes", *at))
        trained = _anchored(centred, mean, weight)
        now, before = (_found(each, rows[aside], others, settings.neighbours) for each in (trained, model))
        return trained if now > before - DOUBT else model


def rotated(centred: Floats, bits: int, rng: np.random.Generator) -> Floats:
    """ITQ's projection, float32 (d, bits): orthonormal columns, or rows where bits > d."""
    width = centred.shape[1]
    axes: Floats = np.eye(width, dtype=np.float32)
    if bits < width:
        axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :bits].astype(np.float32)
    some = centred[rng.permutation(len(centred))[:TURNED_ON]] @ axes
    turn = np.linalg.qr(rng.standard_normal((bits, bits), dtype=np.float32))[0][: axes.shape[1]]
    for _ in range(TURNS):
        left, _, right = np.linalg.svd(some.T @ _sign(some @ turn), full_matrices=False)
        turn = left @ right
    weight: Floats = axes @ turn
    return weight


def ridge(codes: Floats, centred: Floats) -> Floats:
    """The decoder M float32 (b, d) of least |x - c M|^2 + RIDGE n |M|^2, for codes (n, b) of vectors (n, d)."""
    gram = codes.T @ codes + RIDGE * len(codes) * np.eye(codes.shape[1], dtype=np.float32)
    decoder: Floats = np.linalg.solve(gram, codes.T @ centred).astype(np.float32)
    return decoder


def _anchored(centred: Floats, mean: Floats, weight: Floats) -> Settled:
    """Decoder and codes by turns, from the signs of a projection (d, b)."""
    values = centred @ weight
    weight = weight / max(float(np.abs(values).mean()), 1e-9)
    codes = _sign(values)
    for left in range(ROUNDS, -1, -1):
        decoder = ridge(codes, centred)
        coupling = decoder @ decoder.T
        field = (decoder.T + ANCHOR * np.diag(coupling).mean() * weight).astype(np.float32)
        if left:
            codes = settle(field.T @ centred.T, coupling).T * 2 - 1
    return Settled(mean, field, decoder)


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
    rows: Floats, mean: Floats, start: Floats, settings: Settings, progress: Callable[[int, int], None]
) -> Floats:
    """The projection after gradient descent by Adam, float32 (d, b).

    Many bits take fewer steps: with 256 of MiniLM, 300 steps find more than ITQ by both scores, 1,200 by one alone.
    """
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
        codes, values = _hard((among - origin) @ weight), (queries - origin) @ weight
        loss = torch.zeros(())
        for asked in (_hard(values), functional.normalize(values) * settings.bits**0.5):
            scores = asked @ codes.T / (settings.bits * settings.temperature)
            shares = torch.log_softmax(scores.masked_fill(hidden, -1e4), 1)
            loss = loss - shares.gather(1, target).mean()
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        schedule.step()
        progress(step, steps)
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


def _sign(values: Floats) -> Floats:
    """Bits as -1 and +1."""
    return np.where(values > 0, np.float32(1), np.float32(-1))
