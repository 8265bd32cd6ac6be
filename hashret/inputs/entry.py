"""What a reader hands on: `Entry`, the file it came from, and the options of reading.

Not here: any format. Every other chapter of `inputs` imports this one, and this one none of them.
"""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import InvalidInput

_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


_NO_TEXT = ("idna", "punycode", "undefined")  # codecs of Python for the names of hosts, and for nothing


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One thing to index.

    key      non-empty, unique in a database; the same key again is an update
    content  str, or an array: image uint8 (h, w) or (h, w, 3), vector float32 (d,)
    meta     the other fields, as JSON values

    Two entries are equal if key, content (dtype and shape included) and meta are. Raises `InvalidInput` for a key that
    is no text or empty, and for content of another type.
    """

    key: str
    content: str | NDArray[Any]
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check key and content, because everything after this trusts them."""
        if not isinstance(self.key, str) or not self.key:
            raise InvalidInput(f"key is {self.key!r}: give a text that is not empty")
        if not isinstance(self.content, (str, np.ndarray)):
            kind = type(self.content).__name__
            raise InvalidInput(f"entry {self.key!r}: content is of type {kind}: give a str or a numpy array")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Entry):
            return NotImplemented
        return (self.key, self.meta) == (other.key, other.meta) and _same(self.content, other.content)

    __hash__ = None  # type: ignore[assignment]  # arrays and dicts can change

    def digest(self) -> bytes:
        """SHA-256, 32 bytes, of content and meta, not of the key: equal digests need no new code.

        The same on every machine: texts as UTF-8, arrays as dtype, shape and little-endian C-order bytes, meta as JSON
        with sorted names. Raises `InvalidInput` for meta that is not JSON and for text that UTF-8 cannot hold.
        """
        try:
            head, body = _parts(self.content)
            meta = _JSON.encode(self.meta)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInput(f"entry {self.key!r}: cannot be stored: {error}") from error
        # The length keeps a text that ends like a meta apart from that meta.
        head += f" {len(body)}\n"
        return hashlib.sha256(head.encode("ascii") + body + meta.encode("ascii")).digest()


def _parts(content: str | NDArray[Any]) -> tuple[str, bytes]:
    """The type tag and the bytes that stand for `content` in a digest."""
    if isinstance(content, str):
        return "text", content.encode("utf-8")
    if content.dtype.hasobject:
        raise TypeError("the array holds Python objects")
    little = content.astype(content.dtype.newbyteorder("<"), copy=False)
    return f"array {little.dtype.str} {content.shape}", little.tobytes()


def _same(left: str | NDArray[Any], right: str | NDArray[Any]) -> bool:
    """Whether two contents are the same; NaN equals NaN, because bytes are compared."""
    if isinstance(left, str) or isinstance(right, str):
        return isinstance(left, str) and isinstance(right, str) and left == right
    return _parts(left) == _parts(right)


def _option(default: Any, text: str, **more: Any) -> Any:
    """A field with its help text."""
    return field(default=default, metadata={"help": text, **more})


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How files are read; every field is an option of the command line.

    Raises `InvalidInput` for an unknown encoding or `on_error`.
    """

    text_field: str | None = _option(
        None, "Rows: field with the text [text, content, body, document, or the only one]."
    )
    title_field: str | None = _option(None, "Rows: field that is read before the text, and may be empty, as a title.")
    id_field: str | None = _option(None, "Rows: field with the id [id, _id, key, or file:line].")
    ids: str | None = _option(None, "Matrices: file with the ids of the rows, .txt (one a line) or .json (a list).")
    array: str | None = _option(None, "NPZ: array of embeddings; Parquet: column of those or of images [the only one].")
    sql: str | None = _option(None, 'SQLite: the query whose rows to read, as "SELECT id, body AS text FROM notes".')
    glob: tuple[str, ...] = _option((), "Folders: read only these, as **/*.md; may be repeated.", metavar="PATTERN")
    encoding: str = _option("utf-8", "Encoding of text files; a byte-order mark in a file goes first.")
    on_error: str = _option("fail", "At an entry that cannot be read.", choices=("fail", "skip"))
    lines: bool = _option(False, "Take each line of .txt, .md and stdin as one entry.")

    def __post_init__(self) -> None:
        """Check what can be checked without a file."""
        try:
            newline = b"" if codecs.lookup(self.encoding).name in _NO_TEXT else "\n".encode(self.encoding)
        except LookupError as error:
            raise InvalidInput(f"encoding is {self.encoding!r}: give a name that Python knows, as utf-8") from error
        if b"\n" not in newline:
            raise InvalidInput(
                f"encoding is {self.encoding!r}: it has no lines as ASCII has; convert the files to utf-8"
            )
        if self.on_error not in ("fail", "skip"):
            raise InvalidInput(f"on_error is {self.on_error!r}: give fail or skip")
        if isinstance(self.glob, str):
            raise InvalidInput(f"glob is {self.glob!r}: give a tuple of patterns")


@dataclass(slots=True)
class Meter:
    """How far a reader has come: `share()` of its file from 0 to 1; a reader that cannot tell leaves it at 0."""

    share: Callable[[], float] = lambda: 0.0


@dataclass(frozen=True, slots=True)
class File:
    """A file to read: `path` for opening and messages, `name` for keys, `stream` if its bytes are already here."""

    path: Path
    name: str
    stream: IO[bytes] | None = None
    meter: Meter = field(default_factory=Meter)

    @property
    def shown(self) -> str:
        """The path as messages and meta give it, with forward slashes."""
        return self.path.as_posix()


# What a reader yields: a row (line and page from 1, row from 0) with its entry, or with why there is none. A problem of
# the whole file is raised instead.
Items = Generator[tuple[int, Entry | InvalidInput]]
