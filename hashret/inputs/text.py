"""Bytes to text: opening (plain, .gz, stdin), encodings and byte-order marks, whole documents and lines.

Not here: what the lines say; `records` reads JSON out of them and `tables` CSV.
"""

from __future__ import annotations

import codecs
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from gzip import GzipFile
from typing import IO, NamedTuple, cast

from hashret.inputs.entry import Entry, File, Items, ReadOptions
from indexer.errors import InvalidInput, NotFound

# UTF-32 before UTF-16: its little-endian mark begins with the other's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# These names of Python's write or want a mark of their own.
_WITHOUT_MARK = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}


class Line(NamedTuple):
    """A line with its end, counted from 1; `problem` says why `text` is not to be trusted."""

    number: int
    text: str
    problem: InvalidInput | None


@contextmanager
def opened(file: File) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked if its name ends in .gz, from the start.

    Raises `NotFound` for a file that is gone and `InvalidInput` for one that cannot be read, also in mid-reading.
    """
    try:
        if file.stream is not None:
            file.meter.share = _position(file.stream, file.stream.seek(0, os.SEEK_END))
            file.stream.seek(0)
            yield file.stream
            return
        with file.path.open("rb") as plain:
            file.meter.share = _position(plain, os.fstat(plain.fileno()).st_size)
            if file.path.suffix.lower() != ".gz":
                yield plain
                return
            with GzipFile(fileobj=plain, mode="rb") as unpacked:
                yield cast("IO[bytes]", unpacked)
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(file, error) from error


def standard_input(wanted: str) -> IO[bytes]:
    """What is piped in; raises `InvalidInput` where there is none, naming what is `wanted` in its place."""
    if sys.stdin is None:
        raise InvalidInput(f"-: standard input is closed: give {wanted}, or something to read")
    return sys.stdin.buffer


def _position(stream: IO[bytes], size: int) -> Callable[[], float]:
    """What tells the share of a stream that was read; packed bytes where it is packed."""
    return lambda: 1.0 if stream.closed or not size else stream.tell() / size


def unreadable(file: File, error: Exception) -> InvalidInput | NotFound:
    """The message for a file that the system would not read."""
    if isinstance(error, FileNotFoundError):
        return NotFound(f"{file.shown}: no such file or folder: check the path")
    if isinstance(error, PermissionError):
        return InvalidInput(f"{file.shown}: no permission to read it: change its mode or its owner")
    if isinstance(error, OSError) and error.strerror:
        return InvalidInput(f"{file.shown}: cannot be read ({error.strerror.lower()}): check the file")
    return InvalidInput(f"{file.shown}: cannot be unpacked, it is broken or cut off: make the .gz file again")


def lines(file: File, options: ReadOptions) -> Iterator[Line]:
    """The lines of a text file, split at newlines only, without a byte-order mark; one line at a time in memory.

    Raises as `opened`. A line that cannot be decoded carries its problem, and the lines after it follow.
    """
    with opened(file) as stream:
        encoding = _encoding(stream, options.encoding)
        for number, raw in enumerate(_raw_lines(stream, "\n".encode(encoding)), 1):
            try:
                yield Line(number, raw.decode(encoding), None)
            except UnicodeDecodeError as error:
                problem = _undecodable(f"{file.shown}:{number}", f"byte {error.start + 1} of the line", encoding)
                yield Line(number, raw.decode(encoding, errors="replace"), problem)


def _raw_lines(stream: IO[bytes], newline: bytes) -> Iterator[bytes]:
    """The bytes of each line; in UTF-16 and UTF-32 the byte 10 ends a line only as a whole aligned newline."""
    raw = b""
    while piece := stream.readline():
        raw += piece
        if len(newline) > 1:
            raw += stream.read(-len(raw) % len(newline))
        if raw.endswith(newline):
            yield raw
            raw = b""
    if raw:
        yield raw


def _encoding(stream: IO[bytes], default: str) -> str:
    """The encoding that a byte-order mark tells, else `default`; leaves the stream after the mark."""
    head = stream.read(4)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            stream.seek(len(mark))
            return encoding
    stream.seek(0)
    return _WITHOUT_MARK.get(codecs.lookup(default).name, default)


def _undecodable(place: str, what: str, encoding: str) -> InvalidInput:
    """The message for bytes that are not in the encoding."""
    return InvalidInput(f"{place}: {what} is not {encoding}: convert the file or name its encoding with --encoding")


def fault(text: str) -> str | None:
    """Why a text cannot be stored, with what to do; None if it can."""
    if "\0" in text:
        where = text.index("\0") + 1
        return f"character {where} is NUL: is it a binary file, or UTF-16 that --encoding should name?"
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            return f"character {error.start + 1} is half of a surrogate pair: repair the text"
    return None


def read_document(file: File, options: ReadOptions) -> Items:
    """A text file as one entry: key = name, meta = its path. Anything wrong with it is the entry's problem."""
    try:
        text = _document(file, options)
        yield 0, Entry(file.name, text, {"path": file.shown})
    except (InvalidInput, NotFound) as error:
        yield 0, InvalidInput(*error.args)


def _document(file: File, options: ReadOptions) -> str:
    """The text of a file; raises `InvalidInput` if it is not text or blank."""
    with opened(file) as stream:
        encoding = _encoding(stream, options.encoding)
        raw = stream.read()
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _undecodable(f"{file.shown}:{line}", f"byte {error.start + 1} of the file", encoding) from error
    if reason := fault(text):
        raise InvalidInput(f"{file.shown}: {reason}")
    if not text.strip():
        raise InvalidInput(f"{file.shown}: has no text: remove the file or fill it")
    return text


def read_lines(file: File, options: ReadOptions) -> Items:
    """A text file as one entry a line: key = name:line. Blank lines are no entries."""
    for number, text, problem in lines(file, options):
        reason = fault(text)
        if problem is not None:
            yield number, problem
        elif reason is not None:
            yield number, InvalidInput(f"{file.shown}:{number}: {reason}")
        elif text.strip():
            yield number, Entry(f"{file.name}:{number}", text.rstrip("\r\n"))
