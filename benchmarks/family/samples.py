"""Images that nobody made: `python -m benchmarks.family.samples` draws docs/samples.png.

A variational autoencoder of Fashion-MNIST has learned codes that are spread like a normal distribution, so that any
draw of it is the code of an image. Four rows are such draws decoded (`Hasher.sample`), two go from one test image to
another by equal steps in the bottleneck (`Hasher.interpolate`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.family import pictures
from benchmarks.family.pixels import Images
from benchmarks.family.reduction import DOCS
from benchmarks.quality import tasks
from hashret.hasher import Hasher
from hashret.settings import Settings

CHOSEN = Settings(kind="variational", bits=32, loss="bernoulli", steps=2000)
PAIRS = ((0, 3), (19, 23))  # test images: a boot and trousers, a shirt and a shoe
ROWS, ACROSS = 4, 16


def draw(train: Images, test: Images, chosen: Settings = CHOSEN, path: Path = DOCS / "samples.png") -> None:
    """Train, sample, walk, and save the picture."""
    hasher = Hasher.fit(train, chosen)
    lines = [*hasher.sample(ROWS * ACROSS).reshape(ROWS, ACROSS, -1)]
    lines += [hasher.interpolate(test[one], test[other], ACROSS) for one, other in PAIRS]
    pictures.save(pictures.grid(lines), path)


def main() -> None:
    """All of Fashion-MNIST."""
    task = tasks.fashion()
    draw(np.asarray(task.database.contents), np.asarray(task.queries.contents))


if __name__ == "__main__":
    main()
