"""Views of an entry: what training shows of it in place of itself, drawn anew each time.

Corruptions are a table of functions (denoising, Vincent et al. 2008 and 2010): words and embeddings lose a share of
their values. Images are moved a little, as a camera would, and lit anew, as the day would: how bright each place is
tells one thing from another worst. (Fashion-MNIST, 64 bits, one stage, mAP@1000: as they are .709, moved .733, lit anew
too .768, with a shade that varies over the image .775; pixels hidden, .718 to .705, or noise, .718 to .706, are worse
than neither.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hashret.rows import Floats, Rows, Sparse
from hashret.settings import Settings

# The ranges of `augment` 1, uniform from - to +; half of these moves lose three points on digits, where they gain most.
_SHIFT = 1.5 / 28  # of the side
_ANGLE = 8.0  # degrees
_ZOOM = 0.08  # logarithm, each axis its own
_GAMMA = 0.7  # logarithm of the power of a pixel in [0, 1]
_GAIN = 0.3  # logarithm of the factor
_SHADE = 0.5  # standard deviation of the logarithm of a second factor, at each of 4 x 4 places


def view(rows: Rows, settings: Settings, rng: np.random.Generator) -> Sparse | Tensor:
    """One view of each row, of the same width: images augmented by `settings.augment`, then any row corrupted.

    What is left of words weighted by tf-idf is scaled to length 1 again.
    """
    if settings.augment and not isinstance(rows, Sparse):
        rows = augmented(rows, settings.image_size, settings.augment, rng)
    if settings.corruption != "none" and settings.noise:
        rows = CORRUPTIONS[settings.corruption](rows, settings.noise, rng)
    if isinstance(rows, Sparse):
        return rows.unit() if settings.weighting == "tfidf" else rows
    return torch.from_numpy(rows)


def masked(rows: Rows, share: float, rng: np.random.Generator) -> Rows:
    """Masking noise: each value of a row is hidden with the row's own probability, from half to 1.5 times `share`.

    Rows of which little is left teach the code of a short query.
    """
    shares = rng.uniform(share / 2, min(1.5 * share, 0.95), len(rows))
    if isinstance(rows, Sparse):
        owners = rows.owners()
        return rows.only(rng.random(len(owners), dtype=np.float32) >= shares[owners])
    return rows * (rng.random(rows.shape) >= shares[:, None]).astype(np.float32)


def blurred(rows: Rows, deviation: float, rng: np.random.Generator) -> Rows:
    """Additive Gaussian noise of this standard deviation; of sparse rows on the words that are there, not below 0."""
    if isinstance(rows, Sparse):
        noise = rng.standard_normal(len(rows.data), dtype=np.float32) * np.float32(deviation)
        return replace(rows, data=np.maximum(rows.data + noise, 0))
    return rows + rng.standard_normal(rows.shape, dtype=np.float32) * np.float32(deviation)


def salted(rows: Rows, share: float, rng: np.random.Generator) -> Rows:
    """Salt and pepper: so many values become the row's largest or its smallest, by a fair coin.

    Of a sparse row half of this share of its words goes, and as many others come in with the weight of its largest.
    """
    if not isinstance(rows, Sparse):
        high, low = rows.max(1, keepdims=True, initial=0), rows.min(1, keepdims=True, initial=0)
        drawn = rng.random(rows.shape)
        return np.where(drawn < share / 2, low, np.where(drawn > 1 - share / 2, high, rows))
    owners, drawn = rows.owners(), rng.random(len(rows.data))
    largest = np.zeros(len(rows), np.float32)
    np.maximum.at(largest, owners, rows.data)
    salt = drawn > 1 - share / 2
    indices = np.where(salt, rng.integers(0, rows.width, len(owners)), rows.indices).astype(np.int32)
    mixed = replace(rows, indices=indices, data=np.where(salt, largest[owners], rows.data))
    return mixed.only(drawn >= share / 2)


CORRUPTIONS: dict[str, Callable[[Rows, float, np.random.Generator], Rows]] = {
    "none": lambda rows, share, rng: rows,
    "masking": masked,
    "gaussian": blurred,
    "salt-and-pepper": salted,
}


def augmented(rows: Floats, size: int, strength: float, rng: np.random.Generator) -> Floats:
    """Images float32 (n, size * size * channels) in [0, 1], moved and lit anew; what comes in from outside is black.

    `strength` scales every range. Lighting is pixel ** gamma, times a factor that varies smoothly over the image: not
    below 0, and not held below 1.
    """
    images = torch.from_numpy(rows).reshape(len(rows), size, size, -1).permute(0, 3, 1, 2)
    moves = _moves(len(rows), strength, rng)
    grid = functional.affine_grid(moves, list(images.shape), align_corners=False)
    moved = functional.grid_sample(images, grid, align_corners=False)
    gamma, gain = (_between(reach * strength, len(rows), rng)[:, None, None, None] for reach in (_GAMMA, _GAIN))
    places = torch.from_numpy(rng.standard_normal((len(rows), 1, 4, 4), dtype=np.float32)) * (_SHADE * strength)
    shade = functional.interpolate(places, size=(size, size), mode="bilinear")
    lit = moved.clamp(min=1e-6) ** gamma.exp() * (shade + gain).exp()
    out: Floats = lit.permute(0, 2, 3, 1).flatten(1).numpy()
    return out


def _moves(count: int, strength: float, rng: np.random.Generator) -> Tensor:
    """Random affine maps for `affine_grid`, whose image is 2 wide: float32 (count, 2, 3)."""
    angle, wide, high = (_between(reach * strength, count, rng) for reach in (math.radians(_ANGLE), _ZOOM, _ZOOM))
    right, down = (_between(2 * _SHIFT * strength, count, rng) for _ in range(2))
    wide, high = wide.exp(), high.exp()
    rows = (angle.cos() * wide, -angle.sin() * high, right, angle.sin() * wide, angle.cos() * high, down)
    return torch.stack(rows, 1).reshape(count, 2, 3)


def _between(reach: float, count: int, rng: np.random.Generator) -> Tensor:
    """Uniform from -reach to reach, float32 (count,)."""
    return torch.from_numpy(rng.uniform(-reach, reach, count).astype(np.float32))
