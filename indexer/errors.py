"""The one tree of errors that hashret raises on purpose.

HashretError
  InvalidInput (ValueError)   what was handed in cannot be used; nothing stored was changed
  NotFound (LookupError)      a key, file or model that is not there
  Mismatch                    codes, models or file formats that do not belong together
  Corrupt                     stored bytes that are not what was written
  NotInstalled (ImportError)  an optional part whose package is not here

Every message says what was wrong, where (file:line, row, key) and what to do; `hint` adds the name that was meant.
"""

from collections.abc import Iterable


class HashretError(Exception):
    """Root of every error that hashret raises on purpose."""


class InvalidInput(HashretError, ValueError):  # noqa: N818 - names of situations, as users read them
    """Input that cannot be used; nothing stored was changed."""


class NotFound(HashretError, LookupError):  # noqa: N818
    """A key, file or model that is not there."""


class Mismatch(HashretError):  # noqa: N818
    """Codes, models or file formats that do not belong together."""


class Corrupt(HashretError):  # noqa: N818
    """Stored bytes that are not what was written."""


class NotInstalled(HashretError, ImportError):  # noqa: N818
    """An optional part whose package is not here."""


def hint(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the known one that is most like it; empty if none is like it."""
    from difflib import get_close_matches

    names = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), names, 1)
    return f"; did you mean {names[found[0]]!r}?" if found else ""
