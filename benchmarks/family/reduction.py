"""Dimensionality reduction as Hinton and Salakhutdinov showed it: `python -m benchmarks.family.reduction [--tables]`.

A deep autoencoder with 30 real values against 30 principal components, by the mean squared error of Fashion-MNIST's
test images. With two values each test image is a point. Both pictures, docs/reduction.png and docs/plane.png, are drawn
when their models are trained: delete their lines from results/family/reduction.jsonl to have them drawn anew.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.family import pictures
from benchmarks.family.pixels import Components, Floats, Images, flat
from benchmarks.quality import tasks
from benchmarks.quality.notes import known, note, notes, table
from benchmarks.quality.results import cpu_seconds, write
from hashret.hasher import Hasher
from hashret.settings import Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
DEEP = {"kind": "deep", "hidden": (1000, 500, 250), "bits": 32, "steps": 1500}
MEMBERS = {
    "autoencoder 1000-500-250, 30 values": Settings(**DEEP, dimensions=30),
    "autoencoder 1000-500-250, 2 values": Settings(**DEEP, dimensions=2),
}
PEERS = {"PCA, 30 components": 30, "PCA, 2 components": 2}


def judge(train: Images, test: Images, name: str, chosen: Settings) -> Hasher | None:
    """Note the error of a net if it is not known yet; the model that was trained for it."""
    if known("family/reduction", method=name):
        return None
    start = cpu_seconds()
    made = Hasher.fit(train, chosen)
    seconds = round(cpu_seconds() - start, 1)
    note("family/reduction", {"method": name, "mse": float(made.error(test).mean()), "seconds": seconds})
    return made


def judge_peers(train: Images, test: Images) -> None:
    """The same of principal components."""
    for name, count in PEERS.items():
        if not known("family/reduction", method=name):
            start = cpu_seconds()
            error = squared(projected(train, test, count), flat(test))
            note("family/reduction", {"method": name, "mse": error, "seconds": round(cpu_seconds() - start, 1)})


def projected(train: Images, test: Images, count: int) -> Floats:
    """Test images through so many principal components of the train images."""
    components = Components.of(flat(train), count)
    return components.up(components.down(flat(test)))


def squared(one: Floats, other: Floats) -> float:
    """Mean squared difference."""
    return float(((one - other) ** 2).mean())


def draw_images(made: Hasher, task: tasks.Task, path: Path) -> None:
    """Rows of test images, of the model's, and of principal components'."""
    train, test = np.asarray(task.database.contents), np.asarray(task.queries.contents)
    classes = task.queries.labels.argmax(1)
    shown = test[np.concatenate([np.flatnonzero(classes == own)[:2] for own in range(10)])]
    lines = [flat(shown), made.reconstruct(made.transform(shown)), projected(train, shown, 30)]
    pictures.save(pictures.grid(lines), path)


def draw_planes(made: Hasher, task: tasks.Task, path: Path) -> None:
    """Test images as points of the model's plane and of principal components'."""
    train, test = np.asarray(task.database.contents), np.asarray(task.queries.contents)
    planes = [made.transform(test), Components.of(flat(train), 2).down(flat(test))]
    pictures.save(pictures.planes(planes, task.queries.labels.argmax(1)), path)


def text() -> str:
    """The table of what was noted."""
    rows = [[str(line["method"]), f"{line['mse']:.4f}", f"{line['seconds']:.0f}"] for line in notes("family/reduction")]
    head = ["Fashion-MNIST, test images", "mean squared error of a pixel", "seconds"]
    return table(head, sorted(rows, key=lambda row: float(row[1])))


DRAWN = dict(zip(MEMBERS, ((draw_images, "reduction.png"), (draw_planes, "plane.png")), strict=True))


def main() -> None:
    """Train what is not noted, draw it, write the table."""
    parser = argparse.ArgumentParser(description="Dimensionality reduction beside principal components")
    parser.add_argument("--tables", action="store_true", help="only write the table")
    if not parser.parse_args().tables:
        task = tasks.fashion()
        parts = np.asarray(task.database.contents), np.asarray(task.queries.contents)
        judge_peers(*parts)
        for name, chosen in MEMBERS.items():
            made = judge(*parts, name, chosen)
            if made:
                DRAWN[name][0](made, task, DOCS / DRAWN[name][1])
    write("reduction", text())


if __name__ == "__main__":
    main()
