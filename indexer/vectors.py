"""How a vector is stored beside its entry: as float16, or as int8 with a scale of its own for half the bytes.

float16   d values of 2 bytes, little-endian
int8      the scale as a float32, little-endian, then d values of 1 byte: each times the scale is a value again

The scale is the largest magnitude of a vector / 127. The fact "vectors" of a file says which of these its vectors have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMS = ("float16", "int8")


def to_blobs(rows: NDArray[Any], form: str) -> list[bytes]:
    """Vectors (n, d) as bytes."""
    if form != "int8":
        return [row.tobytes() for row in rows.astype("<f2")]
    values = rows.astype(np.float32)
    scales = (np.abs(values).max(axis=1, initial=0) / 127).astype("<f4")
    divisors = np.where(scales > 0, scales, 1)[:, None]
    small = np.rint(values / divisors).clip(-127, 127).astype(np.int8)
    return [scale.tobytes() + row.tobytes() for scale, row in zip(scales, small, strict=True)]


def from_blobs(blobs: Sequence[bytes], form: str) -> NDArray[np.float32]:
    """Stored vectors, float32 (n, d)."""
    if not blobs:
        return np.zeros((0, 0), dtype=np.float32)
    whole = np.frombuffer(b"".join(blobs), dtype=np.uint8).reshape(len(blobs), -1)
    if form != "int8":
        return whole.view("<f2").astype(np.float32)
    scales = np.ascontiguousarray(whole[:, :4]).view("<f4").astype(np.float32)
    return whole[:, 4:].view(np.int8).astype(np.float32) * scales
