"""Raw results of the quality benchmarks: what a method made of a task, one file a run, from which tables are made.

A method either makes codes, or, where it has none to show (exact cosine, product quantization), ranks. A run whose
file is there is not run again: five seeds can be gathered piece by piece.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashret.contents import Contents
from hashret.hasher import Hasher
from indexer.bits import pack

RESULTS = Path(__file__).resolve().parents[1] / "results"
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Codes:
    """`codes` uint8 (n, bits / 8) of the database, `queries` float32 (q, bits): positive where the query's bit is 1.

    The asymmetric score of a query and an entry is the inner product of these values with the entry's signs, or of the
    query's `sides` float32 (q, w) with the entry's `answers` float32 (n, w).
    """

    codes: NDArray[np.uint8]
    queries: Floats
    sides: Floats | None = None
    answers: Floats | None = None

    @classmethod
    def learned(cls, hasher: Hasher, database: Contents, queries: Contents) -> Codes:
        """What a model of this package makes of database and queries."""
        asked, sides = hasher.weights.ask(hasher.rows(queries))
        codes = hasher.encode(database)
        if hasher.kind == "vector":
            return cls(codes, as_signs(asked), sides, hasher.weights.answer(codes))
        return cls(codes, sides)

    @classmethod
    def of(cls, database: Floats, queries: Floats) -> Codes:
        """Codes of real values, 1 where positive."""
        return cls(pack(database > 0), queries.astype(np.float32))


@dataclass(frozen=True)
class Ranking:
    """`near` int32 (q, k): the first k entries of each query, best first."""

    near: NDArray[np.int32]


Outcome = Codes | Ranking


@dataclass(frozen=True)
class Run:
    """The name of a run: method `hashret` on task `agnews20k`, and so on."""

    task: str
    method: str
    bits: int
    seed: int = 0

    @property
    def path(self) -> Path:
        """Its file."""
        return RESULTS / "codes" / f"{self.task}.{self.method}.{self.bits}.{self.seed}.npz"

    @classmethod
    def parse(cls, path: Path) -> Run:
        """The run of a file."""
        task, method, bits, seed = path.stem.split(".")
        return cls(task, method, int(bits), int(seed))


def stored(task: str) -> list[Run]:
    """Every run of a task that has a file."""
    return sorted((Run.parse(path) for path in (RESULTS / "codes").glob(f"{task}.*.npz")), key=lambda run: str(run))


def load(run: Run) -> tuple[Outcome, float]:
    """What a run made, and its seconds."""
    with np.load(run.path) as arrays:
        seconds = float(arrays["seconds"])
        if "near" in arrays:
            return Ranking(arrays["near"]), seconds
        return Codes(**{name: arrays[name] for name in arrays if name != "seconds"}), seconds


def make(run: Run, method: Callable[[], Outcome], force: bool = False) -> bool:
    """Run a method and store what it makes, unless that is stored; whether it ran."""
    if run.path.exists() and not force:
        return False
    run.path.parent.mkdir(parents=True, exist_ok=True)
    start = cpu_seconds()
    outcome = method()
    seconds = cpu_seconds() - start
    part = run.path.with_suffix(".part")
    with part.open("wb") as file:  # savez appends .npz to a path
        arrays = {name: array for name, array in asdict(outcome).items() if array is not None}
        np.savez_compressed(file, **arrays, seconds=seconds)
    part.replace(run.path)
    print(f"{run.task} {run.method} {run.bits} bits seed {run.seed}: {seconds:.1f} s", flush=True)
    return True


def cpu_seconds() -> float:
    """Processor time of this process and its finished children: what one core needs, however busy the machine is."""
    return float(sum(os.times()[:4]))


def write(name: str, text: str) -> None:
    """Print a table and keep it as results/NAME.md."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text.rstrip() + "\n", encoding="utf-8")
    print(text)


def as_signs(codes: NDArray[Any]) -> Floats:
    """Packed codes as -1 and +1, float32 (n, bits)."""
    return np.unpackbits(codes, axis=1).astype(np.float32) * 2 - 1
