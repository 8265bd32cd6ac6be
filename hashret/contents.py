"""Contents as a user hands them in: of what kind they are, and that each of them can be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashret.rows import Floats, Sparse
from indexer.errors import InvalidInput

Contents = Sequence[Any] | NDArray[Any] | Sparse  # what a user may hand in: strings, images, float rows


def kind_of(contents: Contents) -> str:
    """The kind that these contents are, by their first element; raises `InvalidInput` if it is none of ours."""
    if isinstance(contents, Sparse):
        return "matrix"
    if isinstance(contents, str):
        raise InvalidInput("contents are one text: give a list of texts")
    if len(contents) == 0:
        raise InvalidInput("nothing to learn from: give at least one text, image or embedding")
    first = contents[0]
    odd = next((number for number, content in enumerate(contents) if type(content) is not type(first)), None)
    if odd is not None:
        raise InvalidInput(
            f"content {odd} is {type(contents[odd]).__name__}, content 0 is {type(first).__name__}: "
            "give one kind of content"
        )
    if isinstance(first, str):
        return "text"
    if isinstance(first, np.ndarray) and first.ndim == 1:
        return "vector"
    if isinstance(first, np.ndarray) and first.dtype == np.uint8 and first.ndim in (2, 3):
        return "image"
    raise InvalidInput(
        f"contents are {type(first).__name__}: give str, uint8 images (h, w) or (h, w, 3), or float rows (n, d)"
    )


def check_text(contents: Sequence[str]) -> None:
    """Raise `InvalidInput` for the first text that UTF-8 cannot write, as half of a pair of surrogates."""
    for number, text in enumerate(contents):
        try:
            text.isascii() or text.encode()
        except UnicodeEncodeError as error:
            place = f"text {number} holds {text[error.start]!r} at character {error.start}"
            raise InvalidInput(f"{place}, which UTF-8 cannot write: remove it") from error


def check_cells(rows: Sparse) -> None:
    """Raise `InvalidInput` for the first row with NaN, infinity or the number of a column that is not there."""
    broken = np.flatnonzero(~np.isfinite(rows.data) | (rows.indices < 0) | (rows.indices >= rows.width))
    if len(broken):
        at = broken[0]
        place = f"row {rows.owners()[at]} holds {rows.data[at]} in column {rows.indices[at]}"
        raise InvalidInput(f"{place}: give numbers in columns 0 to {rows.width - 1}")


def grey_or_colour(number: int, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image (h, w) or (h, w, 3 or 4); raises `InvalidInput` for an array that is none, but for (h, w, 1)."""
    shape = image.shape
    if (
        image.dtype != np.uint8
        or len(shape) not in (2, 3)
        or 0 in shape
        or (len(shape) == 3 and shape[2] not in (1, 3, 4))
    ):
        raise InvalidInput(f"image {number} is {image.dtype} of shape {shape}: give uint8 (h, w) or (h, w, 3)")
    return image[:, :, 0] if shape[2:] == (1,) else image


def stacked(contents: Sequence[Floats] | Floats) -> Floats:
    """Rows of equal length as one float32 matrix; raises `InvalidInput` naming the first odd row."""
    if not isinstance(contents, np.ndarray):
        for number, row in enumerate(contents):
            if np.shape(row) != np.shape(contents[0]):
                raise InvalidInput(f"row {number} has shape {np.shape(row)}, row 0 has {np.shape(contents[0])}")
    given = np.asarray(contents)
    if given.dtype.kind == "c" or given.shape[1:] in ((), (0,)):
        raise InvalidInput(
            f"embeddings are {given.dtype} of shape {given.shape}: give real numbers (n, d), d at least 1"
        )
    with np.errstate(over="ignore"):  # told below
        rows = np.ascontiguousarray(given, dtype=np.float32)  # column-major rows would sum, and so learn, otherwise
    if not np.isfinite(np.vdot(rows, rows)):  # a fifth of the time of looking at every value
        broken = np.flatnonzero(~np.isfinite(rows).all(1))
        if len(broken):
            raise InvalidInput(f"row {broken[0]} holds NaN or infinity: remove it or mend it")
    return rows
