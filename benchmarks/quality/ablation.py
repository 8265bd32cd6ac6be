"""What each ingredient of the default settings gives: `python -m benchmarks.quality.ablation [--tasks ...]`.

Each row of `VARIANTS` turns one of them off or changes it, by a setting or by what it puts in the place of a part of
the learner; the same seeds as the default itself. Runs that are noted are skipped, as everywhere here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.quality import peers, tasks
from benchmarks.quality.figures import learn, told
from benchmarks.quality.results import Codes, Run, write
from hashret.model import fit, neighbours, train
from hashret.model.checkpoint import Checkpoint
from hashret.model.nets import Autoencoder
from hashret.rows import Rows
from hashret.settings import Settings


@dataclass(frozen=True)
class Variant:
    """Settings that differ from the default, and what stands in for parts of `hashret.model`, by dotted name."""

    name: str
    settings: Mapping[str, float] = field(default_factory=dict)
    instead: Mapping[str, object] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        """The method of a run; the default is the run of the other tables."""
        words = "".join(mark if mark.isalnum() else " " for mark in self.name).split()
        return "-".join(["hashret", *(words if self.name != "default" else [])])

    def run(self, task: tasks.Task, bits: int, seed: int) -> Codes:
        """The learner with this change."""
        with ExitStack() as stack:
            for part, other in self.instead.items():
                stack.enter_context(patch(f"hashret.model.{part}", other))
            return peers.hashret(task, bits, seed, **self.settings)


def one_stage(rows: Rows, settings: Settings, progress: train.Progress, kept: Checkpoint) -> Autoencoder:
    """Codes straight from the neighbours that stage one starts from."""
    near = neighbours.guess(rows, train.FIRST_NEIGHBOURS, settings.seed)
    return train.fit(train._net(rows, settings), rows, near, "codes", progress, kept)


def adam(optimizers: Callable[..., Any], net: Autoencoder, sparse: bool) -> Any:
    """Adam for words too, at the step size that serves it best."""
    net.settings = replace(net.settings, learning_rate=0.01)
    return optimizers(net, False)


VARIANTS = (
    Variant("default"),
    Variant("one stage", instead={"train._agreeing": one_stage}),
    Variant("first neighbours by words", instead={"neighbours._topical": lambda rows, seed: False}),
    Variant("first neighbours by components", instead={"neighbours._topical": lambda rows, seed: True}),
    Variant("stage one with 64 values", instead={"train.FIRST_WIDTH": 64}),
    Variant("no neighbours, only masked views", instead={"step.SHARED": 1.0}),
    Variant("20 neighbours", {"neighbours": 20}),
    Variant("neighbours told apart too", instead={"neighbours.Neighbours.alike": lambda self, rows: None}),
    Variant("no masking", {"corruption": "none"}),
    Variant("no reconstruction", {"reconstruction": 0.0}),
    Variant("temperature .3 in both stages", {"temperature": 0.3}),
    Variant("temperature .7, in stage one .5", {"temperature": 0.7}, {"train.FIRST_TEMPERATURE": 0.5}),
    Variant("Adam", instead={"fit._optimizers": partial(adam, fit._optimizers)}),
    Variant("sign, straight through", {"binarizer": "sign"}),
    Variant("half the steps", {"steps": 600}),
)


def figures(task: tasks.Task, variant: Variant, options: argparse.Namespace) -> list[float]:
    """Median P@100 over the seeds, by Hamming distance and by asymmetric scores, and median seconds."""
    rows = []
    for seed in options.seeds:
        run = Run(task.name, variant.slug, options.bits, seed)
        name = "text" if variant.name == "default" else "ablation"
        learn(name, task, run, partial(variant.run, task, options.bits, seed), options.force)
        line = told(name)[run]
        symmetric, _, soft = line["figures"]
        rows.append([symmetric, soft, line["seconds"]])
    return [float(value) for value in np.median(rows, axis=0)]


def table(found: dict[str, dict[str, list[float]]], bits: int) -> str:
    """A row for each variant, and how far it lies from the default in points of P@100."""
    lines = [f"| {bits} bits: P@100 / asymmetric (points from the default) | {' | '.join(found)} | seconds |"]
    lines.append("|---" * (len(found) + 2) + "|")
    for name in (variant.name for variant in VARIANTS):
        cells = []
        for rows in found.values():
            symmetric, soft, _ = rows[name]
            cells.append(f"{symmetric:.3f} / {soft:.3f} ({100 * (symmetric - rows['default'][0]):+.1f})")
        seconds = max(rows[name][2] for rows in found.values())
        lines.append(f"| {name} | {' | '.join(cells)} | {seconds:.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is not noted, then write the table."""
    parser = argparse.ArgumentParser(description="What each ingredient of the default settings gives")
    parser.add_argument("--tasks", nargs="+", default=list(tasks.TEXTS), choices=list(tasks.TEXTS))
    parser.add_argument("--bits", type=int, default=32)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--force", action="store_true", help="run again what is noted")
    options = parser.parse_args()
    loaded = [tasks.TEXTS[name]() for name in options.tasks]
    found = {task.name: {variant.name: figures(task, variant, options) for variant in VARIANTS} for task in loaded}
    write("ablation", table(found, options.bits))


if __name__ == "__main__":
    main()
