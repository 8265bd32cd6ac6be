"""Training: two stages of one loop.

Stage one learns 256 real values whose second views are neighbours by the entries' own cosine; stage two learns the
codes wanted, its second views drawn from the neighbours by stage one, and does not tell such neighbours apart; of a
network with inner layers it goes on from stage one's. In each step two views of a batch are made (`views`), encoded
and, in stage two, binarized; the loss is the agreement of the two codes plus the reconstruction of the input as it was.
No label is ever seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from hashret.features import Rows, Sparse
from hashret.forward import Weights
from hashret.model import binarize, neighbours, objectives
from hashret.model.neighbours import Neighbours
from hashret.model.nets import Autoencoder
from hashret.model.views import view
from hashret.settings import Settings

Progress = Callable[[str, int, int], None]
FIRST_WIDTH = 256  # values of stage one
FIRST_NEIGHBOURS = 15  # of an entry's own words: farther ones share a phrase, not a topic
FIRST_TEMPERATURE = 0.3  # whatever that of the codes is: neighbours want small groups kept apart
SHARED = 0.5  # share of second views that are the entry itself, masked anew
FEW = 30  # one in so many entries may be a neighbour in a small collection of images
DECODER_RATE = 0.01
COLUMNS = 1024  # words of the vocabulary that a step reconstructs, drawn anew each step


def train(rows: Rows, settings: Settings, progress: Progress) -> Weights:
    """Learn an autoencoder from rows: `Sparse` or float32 (n, d).

    `progress(phase, done, total)` is called after each step. Deterministic under `settings.seed`; leaves torch's
    global random state and number of threads as they were.
    """
    with torch.random.fork_rng(), one_thread():
        torch.manual_seed(settings.seed)
        guess = neighbours.guess(rows, min(FIRST_NEIGHBOURS, settings.neighbours), settings.seed)
        draft = replace(settings, bits=FIRST_WIDTH, reconstruction=0.0, temperature=FIRST_TEMPERATURE)
        first = _fit(_net(rows, draft), rows, draft, guess, binarize.identity, lambda *at: progress("stage 1", *at))
        better = neighbours.by_logits(first.export().logits(rows), _reach(rows, settings))
        net = _net(rows, settings)
        net.start_from(first)
        return _fit(net, rows, settings, better, binarize.sign, lambda *at: progress("stage 2", *at)).export()


def _reach(rows: Rows, settings: Settings) -> int:
    """How many neighbours stage two draws from: of dense rows no more than a share, or as many as stage one."""
    if isinstance(rows, Sparse):
        return settings.neighbours
    return min(settings.neighbours, max(FIRST_NEIGHBOURS, len(rows) // FEW))


def _net(rows: Rows, settings: Settings) -> Autoencoder:
    """A fresh network for these rows."""
    width = rows.width if isinstance(rows, Sparse) else rows.shape[1]
    return Autoencoder(width, settings.bits, settings.hidden, settings.convolution, settings.image_size)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread: sums have one order whatever the machine, and steps this small are no faster on two (28 and 40 s)."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _fit(
    net: Autoencoder,
    rows: Rows,
    settings: Settings,
    near: Neighbours,
    code: Callable[[Tensor], Tensor],
    progress: Callable[[int, int], None],
) -> Autoencoder:
    """One stage: the training loop, with `code` between the logits and the loss."""
    rng = np.random.default_rng(settings.seed)
    optimizers, schedules = _optimizers(net, settings, isinstance(rows, Sparse))
    for step, own in enumerate(_batches(len(rows), settings, rng), 1):
        other = np.where(rng.random(len(own)) < SHARED, own, near.draw(own, rng))
        shown = np.concatenate([own, other])
        codes = code(net.encode(view(_take(rows, shown), settings, rng)))
        loss = objectives.agreement(codes, settings.temperature, near.alike(shown))
        if settings.reconstruction:
            loss = loss + settings.reconstruction * _reconstruction(net, codes[: len(own)], _take(rows, own), rng)
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
        progress(step, settings.steps)
    return net


def _optimizers(net: Autoencoder, settings: Settings, sparse: bool) -> tuple[list[Optimizer], list[LRScheduler]]:
    """Momentum for an encoder of words, Adam for all else, each with its step sizes (Smith and Topin 2019).

    Adam gives a word that is rare steps as long as one that is everywhere, and so learns its accidents: by momentum
    P@100 of 32 bits is the same on 20 Newsgroups and .85 in place of .84 on Reuters.
    """
    encoder, decoder = net.encoder.parameters(), net.decoder.parameters()
    rates = settings.learning_rate, DECODER_RATE
    both: list[Optimizer] = [
        torch.optim.SGD(encoder, rates[0], momentum=0.9, nesterov=True, fused=True)
        if sparse
        else torch.optim.Adam(encoder, rates[0], fused=True),
        torch.optim.Adam(decoder, rates[1], fused=True),
    ]
    steps = settings.steps + 1
    return both, [
        OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1, cycle_momentum=False)
        for optimizer, rate in zip(both, rates, strict=True)
    ]


def _batches(count: int, settings: Settings, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """`settings.steps` batches of row numbers, each row once before any comes again."""
    every = np.resize(np.arange(count), max(count, 2))  # batch normalisation needs two rows
    size = min(settings.batch, len(every))
    order = rng.permutation(every)
    for _ in range(settings.steps):
        if len(order) < size:
            order = rng.permutation(every)
        own, order = order[:size], order[size:]
        yield own


def _reconstruction(net: Autoencoder, codes: Tensor, rows: Rows, rng: np.random.Generator) -> Tensor:
    """Words by multinomial cross-entropy over a sample of columns, dense features by squared error."""
    if not isinstance(rows, Sparse):
        return objectives.squared(net.decode(codes), torch.from_numpy(rows))
    columns = np.sort(rng.choice(rows.width, min(COLUMNS, rows.width), replace=False))
    place = np.full(rows.width, -1)
    place[columns] = np.arange(len(columns))
    at = place[rows.indices]
    target = torch.zeros(len(rows), len(columns))
    target[rows.owners()[at >= 0], at[at >= 0]] = torch.from_numpy(rows.data[at >= 0])
    return objectives.multinomial(net.decode(codes, torch.from_numpy(columns)), target)


def _take(rows: Rows, numbers: NDArray[np.int64]) -> Rows:
    """These rows."""
    return rows.take(numbers) if isinstance(rows, Sparse) else rows[numbers]
