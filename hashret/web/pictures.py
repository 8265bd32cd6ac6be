"""Pictures of entries. Contents of images are not stored, so one is shown as there is something to show it from:

- its file, found by its key in the folder that was indexed;
- its stored vector, which is its pixels at the model's size;
- its code: what the model gives back of it.

Every picture is read and drawn anew as PNG, so that nothing but pixels leaves the folder.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashret.engine import Engine
from hashret.features import Image
from hashret.inputs.images import pixels
from indexer.errors import InvalidInput, NotFound

SMALL = 64  # pictures with a shorter side are shown with their pixels as squares, not blurred


def home(engine: Engine) -> Path | None:
    """The folder that the images were indexed from, as the first of them tells; None if none does or it is gone."""
    if not isinstance(engine.hasher.features, Image):
        return None
    for row in engine.index.store.listed(size=1):
        path = str(row.meta.get("path", ""))
        if path.endswith(f"/{row.key}") and Path(path).is_file():
            return Path(path.removesuffix(row.key))
        if path == row.key and Path(path).is_file():
            return Path()
    return None


def source(engine: Engine, folder: Path | None) -> str | None:
    """Where pictures come from as a rule: files, vectors or codes; None where entries are no images."""
    if not isinstance(engine.hasher.features, Image):
        return None
    return "files" if folder else "vectors" if engine.index.store.keeps_vectors else "codes"


def picture(engine: Engine, folder: Path | None, key: str, size: int) -> bytes:
    """The picture of an entry as PNG, its longer side `size` pixels at most; raises `NotFound`."""
    ids = engine.index.ids([key])
    file = inside(folder, key) if folder else None
    if file is not None and _another(file, str(engine.get(key).meta.get("path", ""))):
        file = None
    features = engine.hasher.features
    if not isinstance(features, Image):
        raise NotFound(f"{key}: has no picture: the file holds entries of kind {engine.hasher.kind}")
    if file is not None:
        try:
            return _file(file, file.stat().st_mtime_ns, size)
        except (OSError, InvalidInput):  # gone or broken by now; what is stored is still there
            pass
    if engine.index.store.keeps_vectors:
        row = engine.index.store.vectors(ids)[0]
    else:
        row = engine.hasher.reconstruct(engine.index.codes(ids))[0]
    return _png(features.picture(row), size)


def inside(folder: Path, key: str) -> Path | None:
    """The file of this key if it lies in the folder, links followed; else None."""
    try:
        path = (folder / key).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError):  # a name that no file can have
        return None


def _another(file: Path, told: str) -> bool:
    """Whether an entry tells of another file than was found by its key, as where two folders were indexed."""
    try:
        return not Path(told).samefile(file)
    except (OSError, ValueError):  # the folder was moved since, or it tells of none
        return False


@lru_cache(maxsize=1024)
def _file(path: Path, _changed: int, size: int) -> bytes:
    """An image file as PNG; kept, because a photograph takes a tenth of a second."""
    return _png(pixels(path, str(path)), size)


def _png(image: NDArray[np.uint8], size: int) -> bytes:
    """Pixels uint8 (h, w) or (h, w, 3) as PNG."""
    from PIL import Image as Picture

    drawn = Picture.fromarray(image)
    if min(drawn.size) < SMALL:
        times = max(1, size // max(drawn.size))
        drawn = drawn.resize((drawn.width * times, drawn.height * times), Picture.Resampling.NEAREST)
    drawn.thumbnail((size, size))
    out = BytesIO()
    drawn.save(out, "PNG")
    return out.getvalue()
