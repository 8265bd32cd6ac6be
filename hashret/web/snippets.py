"""The part of a long text that holds most of the words of a query."""

from __future__ import annotations

import re
import unicodedata

from hashret.features import WORD

MOST = 20_000  # characters that are looked at: a snippet of a book is of its beginning


def fold(word: str) -> str:
    """A word as the vocabulary knows it: lower-case, without accents."""
    return "".join(part for part in unicodedata.normalize("NFKD", word) if not unicodedata.combining(part)).lower()


def words(text: str) -> frozenset[str]:
    """The different words of a text, folded."""
    return frozenset(fold(word) for word in re.findall(WORD, text))


def snippet(text: str, wanted: frozenset[str], length: int) -> str:
    """About `length` characters of a text on one line, where it has most of the wanted words, with … where it is cut.

    The first such place; the beginning of a text that has none of them.
    """
    line = " ".join(text[:MOST].split())
    cut = len(text) > MOST
    if len(line) <= length and not cut:
        return line
    found = [(place.start(), fold(place[0])) for place in re.finditer(WORD, line)] if wanted else []
    places = [(start, word) for start, word in found if word in wanted]
    start = _densest(places, length - length // 5)
    begin = 0 if start <= length // 5 else line.rfind(" ", 0, start - length // 5) + 1
    end = len(line) if begin + length >= len(line) else max(line.rfind(" ", begin + 1, begin + length + 1), begin + 1)
    if end == begin + 1:  # one word longer than all there is room for
        end = begin + length
    return ("… " if begin else "") + line[begin:end] + (" …" if end < len(line) or cut else "")


def _densest(places: list[tuple[int, str]], length: int) -> int:
    """Where the stretch of so many characters begins that has most different words; 0 if there is no word."""
    best, start = 0, 0
    for number, (first, _) in enumerate(places):
        here = {word for place, word in places[number : number + 40] if place < first + length}
        if len(here) > best:
            best, start = len(here), first
    return start
