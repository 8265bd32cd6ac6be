"""The training loop: one for every kind of network, from its first step, or from where it was stopped, to its last.

Step sizes rise and fall once (Smith and Topin 2019). Some entries may be held out, and the weights of the step that did
best on them are the ones that stay. A GPU is used where there is one, in bfloat16 where that is enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from hashret.curve import Curve
from hashret.model.checkpoint import Checkpoint, Tensors
from hashret.model.neighbours import Neighbours
from hashret.model.nets import Autoencoder
from hashret.model.step import loss
from hashret.rows import Rows, Sparse
from hashret.settings import Settings

DECODER_RATE = 0.01  # beside an encoder of words, whose momentum takes steps of another kind
LOOKS = 40  # at the held-out entries, in a training that is not stopped
HELD_OUT, SHARE = 1000, 20  # so many entries, but no more than one in so many
GAIN = 1e-4  # of the loss: less is no gain


class Progress(Protocol):
    """What is called after each step: how far a phase is, and how it goes."""

    def __call__(self, phase: str, done: int, total: int, note: str = "") -> object:
        """Total 0 where the end is not known."""


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of torch: its sums have one order, and steps this small are no faster on two (28 and 40 s)."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def device() -> torch.device:
    """Where to train."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def noted(curve: Curve, stage: str, step: int, total: Tensor, values: Tensor) -> str:
    """Note, and tell, the loss and how evenly bits are 0 and 1 in a batch of values (n, b); see `Curve`."""
    ones = (values > 0).float().mean(0)
    loss, balance = float(total.detach()), float(1 - (2 * ones - 1).abs().mean())
    curve.note(stage, step, loss, balance)
    return f"loss {loss:.3f}, balance {balance:.2f}"


def fit(
    net: Autoencoder, rows: Rows, near: Neighbours | None, phase: str, progress: Progress, checkpoint: Checkpoint
) -> Autoencoder:
    """Train a network in place; `phase` names it for `progress` and in the checkpoint."""
    run = _Run(net.to(device()), rows, near)
    run.restore(checkpoint.stage(phase))
    while run.step < net.settings.steps and not run.stopped:
        total, values = run.loss(run.batch())
        total.backward()  # type: ignore[no-untyped-call]
        run.advance()
        if run.looks and run.step % run.looks == 0:
            run.look()
        note = noted(checkpoint.curve, phase, run.step, total, values)
        if checkpoint.due():
            checkpoint.keep(phase, *run.state())
        progress(phase, run.step, net.settings.steps, note)
    run.finish()
    checkpoint.keep(phase, *run.state(over=True))
    return net.cpu()


class _Run:
    """What changes while a network trains."""

    def __init__(self, net: Autoencoder, rows: Rows, near: Neighbours | None) -> None:
        self.net, self.rows, self.near, self.settings = net, rows, near, net.settings
        self.rng = np.random.default_rng(self.settings.seed)
        self.held, own = _held_out(len(rows), self.settings)
        self.every = np.resize(own, max(len(own), 2))  # batch normalisation needs two rows
        self.order = self.rng.permutation(self.every)
        self.optimizers, self.schedules = _optimizers(net, isinstance(rows, Sparse))
        self.step, self.since, self.lowest = 0, 0, float("inf")
        self.best: Tensors = {}

    @property
    def stopped(self) -> bool:
        """Whether held-out entries gained nothing for too long."""
        return 0 < self.settings.patience < self.since

    @property
    def looks(self) -> int:
        """Steps between two looks at held-out entries; 0 for none."""
        return max(1, self.settings.steps // LOOKS) if len(self.held) else 0

    def batch(self) -> NDArray[np.int64]:
        """Row numbers, each row once before any comes again."""
        size = min(self.settings.batch, len(self.every))
        if len(self.order) < size:
            self.order = self.rng.permutation(self.every)
        own, self.order = self.order[:size], self.order[size:]
        return own

    def loss(self, own: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Loss and values of a batch."""
        kind = self.net.encoder[0].device.type
        with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
            return loss(self.net, self.rows, own, self.near, self.rng, self.step / self.settings.steps)

    def advance(self) -> None:
        """Step along the gradient."""
        if self.settings.clip:
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.settings.clip)
        for optimizer, schedule in zip(self.optimizers, self.schedules, strict=True):
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
        self.step += 1

    def look(self) -> None:
        """Keep the weights if the held-out entries, seen through the same noise each time, have a lower loss."""
        with torch.random.fork_rng(), torch.enable_grad():  # a contractive penalty is made of gradients
            torch.manual_seed(self.settings.seed)
            self.net.eval()
            now = float(loss(self.net, self.rows, self.held, self.near, np.random.default_rng(0), 1.0)[0].detach())
            self.net.train()
        self.since += 1
        if now < self.lowest * (1 - GAIN) or not self.best:
            self.lowest, self.since = now, 0
            self.best = {name: part.detach().clone() for name, part in self.net.state_dict().items()}

    def finish(self) -> None:
        """Go back to the best weights, if any were kept."""
        if self.best:
            self.net.load_state_dict(self.best)

    def state(self, over: bool = False) -> tuple[Tensors, dict[str, Any]]:
        """All that the next step depends on; less where training is `over`."""
        tensors = {f"net.{name}": part for name, part in self.net.state_dict().items()}
        tensors |= {f"best.{name}": part for name, part in self.best.items() if not over}
        for number, optimizer in enumerate(self.optimizers if not over else []):
            for place, part in enumerate(optimizer.param_groups[0]["params"]):
                tensors |= {f"{number}.{place}.{slot}": kept for slot, kept in optimizer.state[part].items()}
        tensors |= {"order": torch.from_numpy(self.order), "random": torch.get_rng_state()}
        if torch.cuda.is_available():
            tensors["random on cuda"] = torch.cuda.get_rng_state()
        numbers = {"step": self.step, "since": self.since, "lowest": self.lowest, "rng": self.rng.bit_generator.state}
        return tensors, {**numbers, "rates": [optimizer.param_groups[0]["lr"] for optimizer in self.optimizers]}

    def restore(self, kept: tuple[Tensors, dict[str, Any]] | None) -> None:
        """Be what `state` told."""
        if kept is None:
            return
        tensors, numbers = kept
        self.net.load_state_dict(_under(tensors, "net."))
        self.best = _under(tensors, "best.")
        for number, (optimizer, schedule) in enumerate(zip(self.optimizers, self.schedules, strict=True)):
            slots = {
                place: _under(tensors, f"{number}.{place}.")
                for place in range(len(optimizer.param_groups[0]["params"]))
            }
            groups = [{**optimizer.state_dict()["param_groups"][0], "lr": numbers["rates"][number]}]
            slots = {place: part for place, part in slots.items() if part}
            optimizer.load_state_dict({"state": slots, "param_groups": groups})
            schedule.last_epoch, schedule._step_count = numbers["step"], numbers["step"] + 1
        self.step, self.since, self.lowest = numbers["step"], numbers["since"], numbers["lowest"]
        self.rng.bit_generator.state = numbers["rng"]
        self.order = tensors["order"].numpy()
        torch.set_rng_state(tensors["random"])
        if "random on cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random on cuda"])


def _under(tensors: Tensors, prefix: str) -> Tensors:
    """The tensors whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): part for name, part in tensors.items() if name.startswith(prefix)}


def _held_out(count: int, settings: Settings) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers that are looked at and those that are learned from; all of them where nothing may stop training."""
    size = min(HELD_OUT, count // SHARE) if settings.patience else 0
    if size < 2:
        return np.zeros(0, np.int64), np.arange(count)
    order = np.random.default_rng(settings.seed + 1).permutation(count)
    return np.sort(order[:size]), np.sort(order[size:])


def _optimizers(net: Autoencoder, sparse: bool) -> tuple[list[Optimizer], list[LRScheduler]]:
    """Momentum for an encoder of words whose codes shall agree, Adam for all else, each with its step sizes.

    Adam gives a word that is rare steps as long as one that is everywhere, and so learns its accidents: by momentum
    P@100 of 32 bits is the same on 20 Newsgroups and .85 in place of .84 on Reuters.
    """
    settings = net.settings
    momentum = sparse and settings.objective == "agreement" and net.front is None
    encoder = list(net.encoder)
    others = [part for name, part in net.named_parameters() if not name.startswith("encoder.")]
    rates = (settings.learning_rate, DECODER_RATE if settings.objective == "agreement" else settings.learning_rate)
    both: list[Optimizer] = [
        torch.optim.SGD(encoder, rates[0], momentum=0.9, nesterov=True, fused=True)
        if momentum
        else torch.optim.Adam(encoder, rates[0], fused=True),
        torch.optim.Adam(others, rates[1], fused=True),
    ]
    return both, [
        OneCycleLR(optimizer, rate, total_steps=settings.steps + 1, pct_start=0.1, cycle_momentum=False)
        for optimizer, rate in zip(both, rates, strict=True)
    ]
