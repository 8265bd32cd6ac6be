"""Images as numbers, how far two of them are apart, and what principal components and JPEG make of them."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Images = NDArray[np.uint8]


def flat(images: Images) -> Floats:
    """Pixels from 0 to 1, float32 (n, pixels)."""
    return images.reshape(len(images), -1).astype(np.float32) / 255


def psnr(one: NDArray[Any], other: NDArray[Any]) -> float:
    """10 log10(1 / mean squared difference) in decibels, of pixels from 0 to 1; the mean is over all images."""
    return float(10 * np.log10(1 / np.mean((np.clip(one, 0, 1) - np.clip(other, 0, 1)) ** 2)))


def noisy(images: Images, deviation: float, seed: int = 0) -> Images:
    """Images with Gaussian noise of this standard deviation, cut to what a pixel can be."""
    noise = np.random.default_rng(seed).normal(0, 255 * deviation, images.shape)
    return np.clip(np.rint(images + noise), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Components:
    """Principal components of rows (n, d): `centre` (d,), `axes` (d, k) by falling `variance` (k,)."""

    centre: Floats
    axes: Floats
    variance: Floats

    @classmethod
    def of(cls, rows: Floats, count: int) -> Components:
        """The first `count` of these rows."""
        centre = rows.mean(0)
        variance, axes = np.linalg.eigh(np.cov(rows.T))
        return cls(centre, axes[:, ::-1][:, :count].astype(np.float32), variance[::-1][:count].astype(np.float32))

    def down(self, rows: Floats) -> Floats:
        """Coefficients float32 (n, k)."""
        found: Floats = (rows - self.centre) @ self.axes
        return found

    def up(self, coefficients: Floats) -> Floats:
        """Rows of coefficients, float32 (n, d)."""
        rows: Floats = coefficients @ self.axes.T + self.centre
        return rows


def allotted(variance: NDArray[Any], bits: int) -> NDArray[np.int64]:
    """How many of the bits each component gets: one after the other goes where most is lost, variance / 4^bits."""
    given = np.zeros(len(variance), np.int64)
    for _ in range(bits):
        given[np.argmax(variance / 4.0**given)] += 1
    return given


def levels(values: Floats, count: int, rounds: int = 30) -> Floats:
    """The `count` levels that quantise values (n,) with about the least squared error (Lloyd 1982), in order."""
    found = np.quantile(values, (np.arange(count) + 0.5) / count)
    ordered = np.sort(values).astype(np.float64)
    sums = np.concatenate(([0.0], np.cumsum(ordered)))
    for _ in range(rounds):
        edges = np.concatenate(([0], np.searchsorted(ordered, (found[1:] + found[:-1]) / 2), [len(ordered)]))
        sizes = np.diff(edges)
        found = np.where(sizes, (sums[edges[1:]] - sums[edges[:-1]]) / np.maximum(sizes, 1), found)
    return found.astype(np.float32)


def quantised(train: Floats, test: Floats, given: NDArray[np.int64]) -> Floats:
    """Coefficients (n, k) with so many bits each, levels learned from `train`; one without bits is its mean."""
    out = np.zeros_like(test)
    for place, bits in enumerate(given):
        found = levels(train[:, place], 1 << int(bits))
        edges = (found[1:] + found[:-1]) / 2
        out[:, place] = found[np.searchsorted(edges, test[:, place])]
    return out


def jpeg(image: Images, quality: int) -> tuple[int, int, Images]:
    """Bytes of a grey image as JPEG, those of them that are neither header nor table, and what it shows."""
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, optimize=True)
    data = buffer.getvalue()
    scan = data.rindex(b"\xff\xda")  # start of scan: a marker, then a header as long as its first two bytes say
    body = len(data) - 2 - (scan + 2 + int.from_bytes(data[scan + 2 : scan + 4], "big"))
    return len(data), body, np.asarray(Image.open(buffer))
