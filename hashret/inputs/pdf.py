"""PDF: the text layer, one entry a page, by pypdf.

A page and not a file, because a page is what a reader can be sent to, and because a book as one bag of words is like
every other book. Keys end as links do that browsers open at a page: name#page=7. Not here: pages that are pictures of
text, which want OCR first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from hashret.inputs.entry import Entry, File, Items, ReadOptions
from hashret.inputs.text import fault, unreadable
from indexer.errors import InvalidInput

if TYPE_CHECKING:
    from pypdf import PdfReader

_Result = TypeVar("_Result")


def read_pages(file: File, _options: ReadOptions) -> Items:
    """The pages of a file from 1: key = name#page=n, meta = its path and page. What is wrong is an entry's problem."""
    try:
        with file.path.open("rb") as stream:
            reader = _reader(stream, file)
            count = _tried(lambda: len(reader.pages), file.shown)
            page = 0
            file.meter.share = lambda: page / count
            for page in range(1, count + 1):
                try:
                    yield page, _entry(reader, page, file)
                except InvalidInput as error:
                    yield page, error
    except OSError as error:
        yield 0, InvalidInput(*unreadable(file, error).args)
    except InvalidInput as error:
        yield 0, error


def _reader(stream: Any, file: File) -> PdfReader:
    """The file opened; raises `InvalidInput` if it is broken, or locked by a password."""
    try:
        from pypdf import PasswordType, PdfReader
    except ImportError as error:
        raise InvalidInput(
            f"{file.shown}: PDF is read by pypdf: pip install 'hashret[pdf]', or choose other files by --glob"
        ) from error
    reader = _tried(lambda: PdfReader(stream), file.shown)
    if reader.is_encrypted and _tried(lambda: reader.decrypt(""), file.shown) is PasswordType.NOT_DECRYPTED:
        raise InvalidInput(f"{file.shown}: is locked by a password: save it without one")
    return reader


def _entry(reader: PdfReader, page: int, file: File) -> Entry:
    """A page as an entry; raises `InvalidInput` if it is broken or has no text."""
    place = f"{file.shown} page {page}"
    text = _tried(lambda: reader.pages[page - 1].extract_text(), place)
    if reason := fault(text):
        raise InvalidInput(f"{place}: {reason}")
    if not text.strip():
        raise InvalidInput(
            f"{place}: has no text: is it a picture that wants OCR first? --on-error skip passes it over"
        )
    return Entry(f"{file.name}#page={page}", text, {"path": file.shown, "page": page})


def _tried(read: Callable[[], _Result], place: str) -> _Result:
    """What pypdf reads; a broken file raises nearly anything in there, which becomes `InvalidInput`."""
    try:
        with _quiet():
            return read()
    except (OSError, MemoryError):
        raise
    except Exception as error:
        from pypdf.errors import DependencyError

        if isinstance(error, DependencyError):
            raise InvalidInput(f"{place}: pypdf does not read it alone: {error}, or save it without that") from error
        raise InvalidInput(f"{place}: cannot be read as PDF ({type(error).__name__}): save it again") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps pypdf's warnings from standard error: what it mends is none of a user's business."""
    logger = logging.getLogger("pypdf")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
