"""Pictures by Pillow: rows of small grey images, and points of a plane in ten colours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.family.pixels import Floats

SIDE = 28
EDGE = 2  # white pixels between images
SCALE = 2  # pixels of the picture for each of an image
PLANE = 420  # pixels of the side of a plane
DOT = 2
COLOURS = (
    (31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189),
    (140, 86, 75), (227, 119, 194), (127, 127, 127), (188, 189, 34), (23, 190, 207),
)  # fmt: skip
Picture = NDArray[np.uint8]


def grid(lines: Sequence[Floats]) -> Picture:
    """Lines of images (n, 784), 0 to 1, as one grey picture, one line below the other."""
    step = SIDE + EDGE
    sheet = np.full((step * len(lines) - EDGE, step * max(map(len, lines)) - EDGE), 255, np.uint8)
    for down, line in enumerate(lines):
        for along, image in enumerate(np.clip(line, 0, 1)):
            pixels = np.rint(255 - 255 * image.reshape(SIDE, SIDE)).astype(np.uint8)  # dark on white, as on paper
            sheet[down * step : down * step + SIDE, along * step : along * step + SIDE] = pixels
    return sheet.repeat(SCALE, 0).repeat(SCALE, 1)


def planes(points: Sequence[Floats], classes: NDArray[np.int64]) -> Picture:
    """Planes of points (n, 2) side by side, dots of 2 x 2 pixels coloured by class; each plane fills its square."""
    sheet = np.full((PLANE, (PLANE + EDGE) * len(points) - EDGE, 3), 255, np.uint8)
    for number, plane in enumerate(points):
        low, high = np.quantile(plane, (0.005, 0.995), axis=0)
        places = np.clip((plane - low) / np.maximum(high - low, 1e-9), 0, 1) * (PLANE - DOT)
        across, down = np.rint(places).astype(int).T
        for right, up in np.ndindex(DOT, DOT):
            at = PLANE - 1 - up - down, right + across + number * (PLANE + EDGE)
            sheet[at] = np.array(COLOURS, np.uint8)[classes]
        if number:
            sheet[:, number * (PLANE + EDGE) - EDGE : number * (PLANE + EDGE)] = 0
    return sheet


def save(picture: Picture, path: Path) -> None:
    """Write a PNG, of colours by a palette."""
    image = Image.fromarray(picture)
    if picture.ndim == 3:
        image = image.quantize(len(COLOURS) + 2)
    image.save(path, optimize=True)
