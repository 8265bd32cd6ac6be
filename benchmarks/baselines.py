"""Codes to compare with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def itq(points: Floats, seed: int, rounds: int = 50) -> Callable[[Floats], Floats]:
    """Iterative quantization (Gong and Lazebnik 2011): the rotation that brings centred points nearest to their signs.

    `points` (n, bits); the function returned gives the rotated points, whose signs are the bits.
    """
    mean = points.mean(0)
    bits = points.shape[1]
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(bits, bits)))[0]
    for _ in range(rounds):
        left, _, right = np.linalg.svd((points - mean).T @ np.sign((points - mean) @ rotation))
        rotation = left @ right
    return lambda rows: (rows - mean) @ rotation
