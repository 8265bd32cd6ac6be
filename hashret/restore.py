"""Images as a model gives them back: what it never saw in training, as noise, does not return."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from hashret.features import Image
from hashret.hasher import Hasher
from hashret.inputs import Entry
from hashret.inputs.images import write_image
from hashret.rows import Floats
from indexer.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Restored:
    """One image: `path` was written. With noise added, the PSNR in decibels `before` and `after`, else None."""

    key: str
    path: str
    before: float | None
    after: float | None
    gained: float | None


def psnr(clean: Floats, other: Floats) -> float:
    """Peak signal-to-noise ratio of pixels in [0, 1], in decibels: -10 log10 of the mean squared difference."""
    return float(-10 * np.log10(max(float(((clean - other) ** 2).mean()), 1e-12)))


def restore(hasher: Hasher, entries: Iterable[Entry], folder: str, noise: float, seed: int) -> Iterator[Restored]:
    """Write each entry's image to the folder as PNG under its own name, with `noise` added first where that is not 0.

    Raises `InvalidInput` if the model, or an entry, is not of images, or if two of them would be one file.
    """
    if not isinstance(hasher.features, Image):
        raise InvalidInput(f"only images are denoised: the model encodes {hasher.kind}")
    rng = np.random.default_rng(seed)
    written: set[Path] = set()
    for entry in entries:
        if isinstance(entry.content, str) or entry.content.dtype != np.uint8:
            raise InvalidInput(f"{entry.key}: is no image: give .png or .jpg files")
        clean: Floats = hasher.features.transform([entry.content])
        rows = clean
        if noise:
            rows = (clean + noise * rng.standard_normal(clean.shape, dtype=np.float32)).clip(0, 1)
        back = hasher.reconstruct(hasher.weights.values(rows)).clip(0, 1)
        path = Path(folder) / _name(entry.key)
        if path in written:
            raise InvalidInput(f"{entry.key}: another image is written as {path}: give each a name of its own")
        written.add(path)
        write_image(path, hasher.features.picture(back[0]))
        before, after = (psnr(clean, rows), psnr(clean, back)) if noise else (None, None)
        gained = None if before is None or after is None else after - before
        yield Restored(entry.key, str(path), before, after, gained)


def _name(key: str) -> PurePath:
    """Where an image goes below the folder: by its key, but of a path that leads elsewhere by its last part alone."""
    path = PurePath(key)
    outside = path.is_absolute() or ".." in path.parts
    return (PurePath(path.name) if outside else path).with_suffix(".png")
