"""PNG and JPEG files to uint8 arrays, one entry a file, and back to PNG.

Grey images stay grey, everything else becomes RGB; turned as the camera says, transparency laid on white, 16 bits cut
to 8. Not here: scaling, which belongs to the model (`features`). Pillow is imported when the first image is read.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashret.inputs.entry import Entry, File, Items, ReadOptions
from hashret.inputs.text import unreadable
from indexer.errors import InvalidInput

if TYPE_CHECKING:
    from PIL.Image import Image


_WRITER = "Software"  # the note of a PNG file that tells who wrote it


def read_image(file: File, _options: ReadOptions) -> Items:
    """An image as one entry: content uint8 (h, w) or (h, w, 3), key = name, meta = its path and folder.

    `folder` is the part of the name before the last slash: a label where images lie in one folder a class.
    """
    try:
        if not file.path.stat().st_size:
            raise InvalidInput(f"{file.shown}: is an empty file: remove it or fetch it again")
        folder = PurePosixPath(file.name).parent.as_posix()
        meta = {"path": file.shown, "folder": "" if folder == "." else folder}
        yield 0, Entry(file.name, pixels(file.path, file.shown), meta)
    except OSError as error:
        yield 0, InvalidInput(*unreadable(file, error).args)
    except InvalidInput as error:
        yield 0, error


def write_image(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write uint8 (h, w) or (h, w, 3) as a PNG file, and the folders above it where they are missing.

    Raises `InvalidInput` where a file is that was not written so: it may be the only one of its kind.
    """
    from PIL import Image, UnidentifiedImageError
    from PIL.PngImagePlugin import PngInfo

    if path.exists():
        try:
            with Image.open(path) as there:
                ours = there.info.get(_WRITER) == "hashret"
        except UnidentifiedImageError:
            ours = False
        if not ours:
            raise InvalidInput(f"{path}: is there and was not written by hashret: give another folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    note = PngInfo()
    note.add_text(_WRITER, "hashret")
    Image.fromarray(picture).save(path, "PNG", pnginfo=note)


def small(picture: NDArray[np.uint8], side: int) -> tuple[str, bytes]:
    """Media type and bytes of a picture (h, w), (h, w, 3) or (h, w, 4), cut down to so many pixels a side.

    PNG, or JPEG where that is less; one that is small enough keeps every pixel and is PNG.
    """
    from PIL import Image

    image, png, jpeg = Image.fromarray(picture), BytesIO(), BytesIO()
    if max(image.size) <= side:
        image.save(png, "PNG", optimize=True)
        return "image/png", png.getvalue()
    image.thumbnail((side, side))
    image.save(png, "PNG", optimize=True)
    if image.mode == "RGBA":
        return "image/png", png.getvalue()
    image.save(jpeg, "JPEG", quality=80)
    kind, best = min(("image/png", png), ("image/jpeg", jpeg), key=lambda pair: len(pair[1].getvalue()))
    return kind, best.getvalue()


def pixels(data: Path | BytesIO, place: str) -> NDArray[np.uint8]:
    """The pixels of an image file, uint8 (h, w) or (h, w, 3).

    Raises `InvalidInput` naming `place` if it is broken, cut off or far too large.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # broken EXIF and the like: the pixels are what counts
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(data, formats=("PNG", "JPEG")) as image:
                image.load()
                return decoded(image)
    except PermissionError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        most = Image.MAX_IMAGE_PIXELS
        raise InvalidInput(f"{place}: has more than {most:,} pixels: scale it down first") from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error) as error:
        raise InvalidInput(
            f"{place}: cannot be read as PNG or JPEG, it is broken or cut off: fetch it again"
        ) from error


def decoded(image: Image) -> NDArray[np.uint8]:
    """The pixels of one of Pillow's images, uint8 (h, w) or (h, w, 3), turned as the camera says."""
    from PIL import ImageOps

    return _array(ImageOps.exif_transpose(image))


def _array(image: Image) -> NDArray[np.uint8]:
    """An open image as uint8 (h, w) or (h, w, 3)."""
    from PIL import Image

    if image.mode.startswith("I"):
        deep = np.asarray(image).clip(0, 65535)
        return (deep >> 8).astype(np.uint8)
    grey = image.mode in ("1", "L", "LA")
    if "A" in image.getbands() or "transparency" in image.info:
        over = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over)
    return np.array(image.convert("L" if grey else "RGB"), dtype=np.uint8)
