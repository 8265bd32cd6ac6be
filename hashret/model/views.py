"""Views of an entry: what training shows of it in place of itself, drawn anew each time.

Words and embeddings lose a share of their values (Vincent et al. 2008). Images are moved a little, as a camera would,
and lit anew, as the day would: how bright each place is tells one thing from another worst. (Fashion-MNIST, 64 bits,
one stage, mAP@1000: as they are .709, moved .733, lit anew too .768, with a shade that varies over the image .775;
pixels hidden, .718 to .705, or noise, .718 to .706, are worse than neither.)
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hashret.features import Floats, Rows, Sparse
from hashret.settings import Settings

# The ranges of `augment` 1, uniform from - to +; half of these moves lose three points on digits, where they gain most.
_SHIFT = 1.5 / 28  # of the side
_ANGLE = 8.0  # degrees
_ZOOM = 0.08  # logarithm, each axis its own
_GAMMA = 0.7  # logarithm of the power of a pixel in [0, 1]
_GAIN = 0.3  # logarithm of the factor
_SHADE = 0.5  # standard deviation of the logarithm of a second factor, at each of 4 x 4 places


def view(rows: Rows, settings: Settings, rng: np.random.Generator) -> Sparse | Tensor:
    """One view of each row, of the same width: images augmented by `settings.augment`, then any row masked."""
    if settings.augment and not isinstance(rows, Sparse):
        rows = augmented(rows, settings.image_size, settings.augment, rng)
    return masked(rows, settings.mask, rng)


def masked(rows: Rows, share: float, rng: np.random.Generator) -> Sparse | Tensor:
    """Masking noise: each value of a row is hidden with the row's own probability, from half to 1.5 times `share`.

    Rows of which little is left teach the code of a short query. What is left of a sparse row is scaled to length 1.
    """
    if not share and not isinstance(rows, Sparse):
        return torch.from_numpy(rows)
    shares = rng.uniform(share / 2, min(1.5 * share, 0.95), len(rows))
    if isinstance(rows, Sparse):
        owners = rows.owners()
        kept = rng.random(len(owners), dtype=np.float32) >= shares[owners]
        ends = np.cumsum(np.bincount(owners[kept], minlength=len(rows)))
        return Sparse(np.append(0, ends), rows.indices[kept], rows.data[kept], rows.width).unit()
    return torch.from_numpy(rows * (rng.random(rows.shape) >= shares[:, None]).astype(np.float32))


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
