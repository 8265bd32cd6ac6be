"""Images whose vectors are kept: by codes, by pixels, and by both. `python -m benchmarks.quality.pictures`.

The whole database is put in order by each of what `hashret.searching` weighs: the asymmetric score of 64-bit codes, the
cosine of pixels at the model's size, and half of each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.notes import table
from benchmarks.quality.results import write
from benchmarks.quality.tasks import TEN, Task, digits, fashion_sample
from hashret.evaluate import average_precision, precision_at
from hashret.hasher import Hasher
from hashret.scores import combined
from hashret.settings import Settings

BITS = 64
TASKS = {"digits": digits, "fashion_sample": fashion_sample}
NETS = ("mlp", "conv")


def orders(hasher: Hasher, task: Task) -> dict[str, NDArray[np.float32]]:
    """Scores float32 (queries, entries) of each way."""
    asked, entries = (np.asarray(hasher.rows(part.contents)) for part in (task.queries, task.database))
    sides = hasher.weights.ask(asked)[1]
    codes = hasher.encode(task.database.contents)
    soft = np.stack([hasher.weights.scores(codes, side) for side in sides])
    lengths = (np.linalg.norm(rows, axis=1, keepdims=True) for rows in (asked, entries))
    near, far = (rows / np.maximum(length, 1e-9) for rows, length in zip((asked, entries), lengths, strict=True))
    own = near @ far.T
    return {"codes": soft, "pixels": own, "both": combined("image", own, soft)}


def cell(scores: NDArray[np.float32], task: Task) -> str:
    """P@10 and the mAP of the whole order."""
    relevant = task.relevant(slice(0, len(scores)))
    figures = (precision_at(-scores, relevant, TEN).mean(), average_precision(-scores, relevant).mean())
    return " / ".join(f"{figure:.3f}".lstrip("0") for figure in figures)


def main() -> None:
    """Every task by every net."""
    lines = []
    for name, load in TASKS.items():
        task = load()
        for net in NETS:
            hasher = Hasher.fit(task.database.contents, Settings(bits=BITS, net=net))
            lines.append([f"{name}, {net}", *(cell(scores, task) for scores in orders(hasher, task).values())])
    write("pictures", table(["P@10 / mAP", "codes", "pixels", "both"], lines))


if __name__ == "__main__":
    main()
