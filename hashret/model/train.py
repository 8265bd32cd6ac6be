"""Training: from rows to weights, in one stage or in two.

Codes that shall agree take two. Stage one learns 256 real values whose second views are neighbours as the entries' own
words or principal components tell; stage two learns the codes wanted, its second views drawn from the neighbours by
stage one, and does not tell such neighbours apart; of a network with inner layers it goes on from stage one's.
Everything else takes one stage, which may start from restricted Boltzmann machines. No label is ever seen.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from hashret.curve import Curve
from hashret.family import SEQUENCES
from hashret.forward.bottleneck import fitted
from hashret.forward.network import Weights
from hashret.model import neighbours, rbm
from hashret.model.checkpoint import Checkpoint
from hashret.model.fit import Progress, fit, one_thread
from hashret.model.nets import Autoencoder
from hashret.rows import Rows, Sparse
from hashret.settings import Settings

FIRST_WIDTH = 256  # values of stage one
FIRST_NEIGHBOURS = 15  # of an entry's own words: farther ones share a phrase, not a topic
FIRST_TEMPERATURE = 0.3  # whatever that of the codes is: neighbours want small groups kept apart
FEW, FEW_IMAGES = 50, 30  # one in so many may be a neighbour in a small collection
FEWEST = 8  # and one in so many in the smallest: all others would leave nobody to be told apart from


def train(
    rows: Rows, settings: Settings, progress: Progress, checkpoint: Path | None = None, curve: Curve | None = None
) -> Weights:
    """Learn an autoencoder from rows: `Sparse` or float32 (n, d), by resolved settings.

    `progress(phase, done, total, note)` is called after each step. Deterministic under `settings.seed`; leaves torch's
    global random state and number of threads as they were. With a `checkpoint` file a training that was stopped goes
    on from there, with the same result; the file is removed at the end. What each step came to goes into `curve`.
    """
    kept = Checkpoint(checkpoint, rows, settings, curve)
    with torch.random.fork_rng(), one_thread():
        torch.manual_seed(settings.seed)
        learn = _agreeing if settings.objective == "agreement" else _reconstructing
        net = learn(rows, settings, progress, kept)
        weights = net.export()
        entries = net.aid[0].detach().numpy() if settings.binarizer == "codebook" else None
        kept.remove()
        return replace(weights, bottleneck=fitted(settings, lambda: weights.values(rows), entries))


def _reconstructing(rows: Rows, settings: Settings, progress: Progress, kept: Checkpoint) -> Autoencoder:
    """One stage."""
    net = _net(rows, settings)
    if settings.start == "rbm":
        widths = [*settings.hidden, settings.dimensions or settings.bits]
        factor = rbm.scale(rows, settings.loss)
        scaled = (
            replace(rows, data=rows.data * np.float32(factor))
            if isinstance(rows, Sparse)
            else rows * np.float32(factor)
        )
        rng = np.random.default_rng(settings.seed)
        stack = rbm.pretrain(scaled, widths, settings, rng, lambda *at: progress("rbm", *at))
        words = float((scaled.data if isinstance(scaled, Sparse) else scaled).sum()) / len(rows)
        net.start_from_rbms(stack, factor, words)
    return fit(net, rows, None, "codes", progress, kept)


def _agreeing(rows: Rows, settings: Settings, progress: Progress, kept: Checkpoint) -> Autoencoder:
    """Two stages; see the top of this file."""
    words = rows
    if isinstance(rows, Sparse) and (settings.net in SEQUENCES or settings.weighting != "tfidf"):
        words = rows.bag().unit()
    reach = _reach(rows, settings)
    guess = neighbours.guess(words, min(FIRST_NEIGHBOURS, reach), settings.seed)
    draft = replace(
        settings, bits=FIRST_WIDTH, dimensions=None, binarizer="linear", penalty="none", reconstruction=0.0,
        temperature=FIRST_TEMPERATURE, start="random",
    )  # fmt: skip
    first = fit(_net(rows, draft), rows, guess, "stage 1", progress, kept)
    better = neighbours.by_logits(first.export().values(rows), reach, settings.seed)
    net = _net(rows, settings)
    net.start_from(first)
    return fit(net, rows, better, "stage 2", progress, kept)


def _reach(rows: Rows, settings: Settings) -> int:
    """How many neighbours stage two draws from: no more than a share of the entries, or as many as stage one.

    Of 1,000 to 2,000 posts of 20 Newsgroups mAP is best by 30 to 60 neighbours, of 400 by 15, of 60 by 8
    (benchmarks/quality/few.py).
    """
    share = max(FIRST_NEIGHBOURS, len(rows) // (FEW if isinstance(rows, Sparse) else FEW_IMAGES))
    return max(1, min(settings.neighbours, share, len(rows) // FEWEST))


def _net(rows: Rows, settings: Settings) -> Autoencoder:
    """A fresh network for these rows."""
    return Autoencoder(rows.width if isinstance(rows, Sparse) else rows.shape[1], settings)
