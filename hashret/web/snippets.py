"""The part of a long text that holds most of the words of a query."""

from __future__ import annotations

from hashret.words import found

MOST = 20_000  # characters that are looked at: a snippet of a book is of its beginning


def words(text: str) -> frozenset[str]:
    """The different words of a text, folded."""
    return frozenset(word for _, word in found(text))


def snippet(text: str, wanted: frozenset[str], length: int) -> str:
    """About `length` characters of a text on one line, where it has most of the wanted words, with … where it is cut.

    The first such place; the beginning of a text that has none of them. It is cut between words, but within one
    that is longer than half of it.
    """
    line = " ".join(text[:MOST].split())
    cut = len(text) > MOST
    if len(line) <= length and not cut:
        return line
    places = [(start, word) for start, word in found(line) if word in wanted] if wanted else []
    start = _densest(places, length - length // 5)
    begin = 0 if start <= length // 5 else _after_word(line, start - length // 5, length // 2)
    end = len(line) if begin + length >= len(line) else _after_word(line, begin + length + 1, length // 2 + 1) - 1
    return ("… " if begin else "") + line[begin:end] + (" …" if end < len(line) or cut else "")


def _after_word(line: str, at: int, most: int) -> int:
    """Where the last word begins before `at`, if at most so many characters before it: else `at`, within a word."""
    space = line.rfind(" ", max(at - most, 0), at)
    return at if space < 0 else space + 1


def _densest(places: list[tuple[int, str]], length: int) -> int:
    """Where the stretch of so many characters begins that has most different words; 0 if there is no word."""
    best, start = 0, 0
    for number, (first, _) in enumerate(places):
        here = {word for place, word in places[number : number + 40] if place < first + length}
        if len(here) > best:
            best, start = len(here), first
    return start
