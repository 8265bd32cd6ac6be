"""How a training went: loss and balance of bits along its steps, few enough points to draw and to keep.

A curve is no part of a model: it changes neither its bytes nor its digest, and a file keeps it as a fact under that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Self

from indexer.store import Store

MOST = 400  # points of a stage; then two become one, and so on


@dataclass(slots=True)
class Stage:
    """One stage: `points` are [last step, mean loss, mean balance] of `every` steps each, `rest` those after them.

    Balance is 1 where every bit of a batch is 1 in half of its entries, 0 where all bits are alike.
    """

    every: int = 1
    points: list[list[float]] = field(default_factory=list)
    rest: list[list[float]] = field(default_factory=list)

    def note(self, step: int, loss: float, balance: float) -> None:
        """One step more."""
        self.rest.append([step, round(loss, 5), round(balance, 4)])
        if len(self.rest) == self.every:
            self.points.append(_mean(self.rest))
            self.rest = []
        if len(self.points) >= MOST:
            self.points = [_mean(self.points[at : at + 2]) for at in range(0, MOST, 2)]
            self.every *= 2


@dataclass(slots=True)
class Curve:
    """The stages of a training by name, in order."""

    stages: dict[str, Stage] = field(default_factory=dict)

    def note(self, stage: str, step: int, loss: float, balance: float) -> None:
        """One step more of a stage."""
        self.stages.setdefault(stage, Stage()).note(step, loss, balance)

    def points(self) -> dict[str, list[tuple[float, float, float]]]:
        """(step, loss, balance) of each stage, steps ascending."""
        return {
            name: [(at[0], at[1], at[2]) for at in (*stage.points, *([_mean(stage.rest)] if stage.rest else []))]
            for name, stage in self.stages.items()
        }

    def to_json(self) -> str:
        """All of it as JSON."""
        return json.dumps({name: [each.every, each.points, each.rest] for name, each in self.stages.items()})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        return cls({name: Stage(*parts) for name, parts in json.loads(text).items()})


def facts(digest: str, curve: Curve) -> dict[str, str]:
    """How the model of this digest was trained, as a file notes it; nothing if that is not known."""
    return {f"curve {digest}": curve.to_json()} if curve.stages else {}


def keep(store: Store, digest: str, curve: Curve) -> None:
    """Note it in a file that is there."""
    for name, value in facts(digest, curve).items():
        store.set_fact(name, value)


def kept(store: Store, digest: str) -> Curve:
    """What was noted; empty if nothing was."""
    return Curve.from_json(store.fact(f"curve {digest}") or "{}")


def forget(store: Store, digest: str) -> None:
    """Take back what was noted of a model that is no more."""
    store.drop_fact(f"curve {digest}")


def _mean(points: list[list[float]]) -> list[float]:
    """Several points as one at the last of their steps."""
    count = len(points)
    return [points[-1][0], round(sum(at[1] for at in points) / count, 5), round(sum(at[2] for at in points) / count, 4)]
