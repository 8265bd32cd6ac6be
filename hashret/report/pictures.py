"""Small pictures of entries, from the best that is still there: their files, their stored vectors, or their codes.

A file counts only if its pixels are still those that were indexed. What the decoder makes of a code is no picture of
the entry but of what its bits know of it, and is marked so.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashret.features import Image
from hashret.hasher import Hasher
from hashret.inputs import Entry
from hashret.inputs.images import pixels, small
from hashret.meaning.bits import decoded
from hashret.rows import Floats
from indexer.bits import Codes, Ids, unpack
from indexer.errors import InvalidInput
from indexer.index import Index
from indexer.rows import Row

FILE, VECTOR, DECODER = "file", "vector", "decoder"
SIDE = 72  # pixels
AVERAGED = 1024  # entries


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as a data: URI, and where it is from."""

    uri: str
    source: str


class Pictures:
    """Pictures of some entries by id; none where contents are no images."""

    def __init__(self, index: Index, hasher: Hasher, vectors: bool) -> None:
        self.index, self.hasher, self.vectors = index, hasher, vectors
        self.found: dict[int, Picture] = {}

    def load(self, rows: Iterable[Row]) -> None:
        """Have the pictures of these entries."""
        if not isinstance(self.hasher.features, Image):
            return
        missing = []
        for row in rows:
            picture = self._of_file(row)
            if picture is None:
                missing.append(row.id)
            else:
                self.found[row.id] = Picture(uri(picture), FILE)
        if not missing:
            return
        ids = np.array(missing, dtype=np.int64)
        source = VECTOR if self.vectors else DECODER
        for number, back in zip(missing, self._rows(ids), strict=True):
            self.found[number] = Picture(uri(self.hasher.features.picture(back)), source)

    def sources(self) -> Counter[str]:
        """How many pictures are from where."""
        return Counter(picture.source for picture in self.found.values())

    def averages(self, codes: Codes) -> list[tuple[str, str]]:
        """For each bit what the decoder gives on average where it is 1, and where it is 0; none without images."""
        if not isinstance(self.hasher.features, Image) or not len(codes):
            return []
        some = codes[np.random.default_rng(0).permutation(len(codes))[:AVERAGED]]
        back = np.concatenate(list(decoded(self.hasher, some)))
        bits = unpack(some).astype(np.float32)
        sides = []
        for side in (bits, 1 - bits):
            mean = side.T @ back / np.maximum(side.sum(0), 1)[:, None]
            sides.append([uri(self.hasher.features.picture(row)) for row in mean])
        return list(zip(*sides, strict=True))

    def _of_file(self, row: Row) -> NDArray[np.uint8] | None:
        """The image in the file that an entry came from, if it is there and unchanged."""
        path = row.meta.get("path")
        if not isinstance(path, str):
            return None
        try:
            picture = pixels(Path(path), path)
        except (InvalidInput, OSError, ValueError):
            return None
        same = self.index.store.digests([row.key]).get(row.key) == Entry(row.key, picture, row.meta).digest()
        return picture if same else None

    def _rows(self, ids: Ids) -> Floats:
        """Pixels as the model has them, float32 (n, width)."""
        if self.vectors:
            return self.index.store.vectors(ids)
        return np.concatenate(list(decoded(self.hasher, self.index.codes(ids))))


def uri(picture: NDArray[np.uint8], side: int = SIDE) -> str:
    """A picture, at most so many pixels wide and high, as a data: URI."""
    kind, data = small(picture, side)
    return f"data:{kind};base64,{b64encode(data).decode()}"
