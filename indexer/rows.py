"""What goes into the store and comes out of it: a batch of entries, one entry, a model, how far its codes are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.bits import Codes
from indexer.errors import Corrupt, InvalidInput


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries to store, keys all different; a column that is None stays empty."""

    keys: Sequence[str]
    codes: Codes
    contents: Sequence[str | None] | None = None
    metas: Sequence[Mapping[str, Any]] | None = None
    digests: Sequence[bytes] | None = None
    vectors: NDArray[np.floating[Any]] | None = None


class Row(NamedTuple):
    """A stored entry."""

    id: int
    key: str
    content: str | None
    meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of meta, the number of entries that have it, not null, its types of JSON, and whether it has an index."""

    name: str
    entries: int
    types: tuple[str, ...]
    indexed: bool


@dataclass(frozen=True, slots=True)
class Model:
    """A stored model: opaque to the indexer but for its length of codes and its digest."""

    id: int
    bits: int
    digest: str
    settings: str
    weights: bytes


@dataclass(frozen=True, slots=True)
class Generation:
    """A model of a file, and how many of its `entries` have a code by it; `digest` is empty for ready-made codes."""

    id: int
    digest: str
    bits: int
    created: str
    encoded: int
    entries: int
    in_use: bool

    @property
    def complete(self) -> bool:
        """Whether every entry has its code."""
        return self.encoded == self.entries

    @property
    def share(self) -> float:
        """How many of the entries have its code, 0 to 1."""
        return self.encoded / self.entries if self.entries else 1.0


class Lacking(NamedTuple):
    """An entry without a code by the model beside, and what there is to make it of: float32 (d,) of a vector."""

    id: int
    key: str
    digest: bytes | None
    content: str | None
    vector: NDArray[np.float32] | None


def row_of(row: Any) -> Row:
    """An entry of its columns; raises `Corrupt` for a meta that is no JSON."""
    try:
        return Row(row[0], row[1], row[2], json.loads(row[3]) if row[3] else {})
    except ValueError as error:
        raise Corrupt(f"entry {row[1]!r}: its meta is damaged ({error}): add it again") from error


def meta_text(meta: Mapping[str, Any] | None) -> str | None:
    """The meta of an entry as it is stored; raises `InvalidInput` for what JSON does not know, as NaN."""
    if meta is not None and not isinstance(meta, Mapping):
        raise InvalidInput(f"meta is of type {type(meta).__name__}: give a mapping of texts, numbers and booleans")
    try:
        text = json.dumps(dict(meta), ensure_ascii=False, allow_nan=False) if meta else None
        if text is not None and not text.isascii():
            text.encode()
        return text
    except (TypeError, ValueError, RecursionError) as error:
        fields = ", ".join(map(ascii, list(meta or ())[:8]))
        raise InvalidInput(f"meta with {fields} is no JSON ({error}): give texts, numbers and booleans") from error
