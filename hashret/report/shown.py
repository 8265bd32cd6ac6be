"""How an entry is shown: its picture, or its key and the beginning of its text."""

from __future__ import annotations

import json

from hashret.report.gathered import Gathered
from hashret.report.markup import Html, element
from hashret.report.pictures import DECODER
from indexer.rows import Row

SNIPPET = 140  # characters of a text
KEY = 60  # characters of a key


def cut(text: str, most: int) -> str:
    """A text on one line, at most so many characters long."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most else line[: most - 1] + "…"


def entry(page: Gathered, number: int, note: str = "") -> Html:
    """An entry in a list, with a note of what it is there for."""
    row, picture = page.entries[number], page.pictures.found.get(number)
    about = element("small", note, class_="note") if note else None
    if picture is not None:
        size = "shot decoded" if picture.source == DECODER else "shot"
        image = element("img", src=picture.uri, alt=cut(row.key, KEY), title=row.key, class_=size, loading="lazy")
        return element("li", element("figure", image, element("figcaption", cut(row.key, 24), about)))
    return element("li", element("b", cut(row.key, KEY)), about, element("p", _rest(row), class_="snippet"))


def brief(page: Gathered, number: int) -> Html:
    """An entry in as little room as possible."""
    row, picture = page.entries[number], page.pictures.found.get(number)
    if picture is None:
        return element("li", cut(row.key, KEY))
    size = "shot decoded" if picture.source == DECODER else "shot"
    return element(
        "li", element("img", src=picture.uri, alt=cut(row.key, KEY), title=row.key, class_=size, loading="lazy")
    )


def _rest(row: Row) -> str:
    """What is known of an entry besides its key."""
    if row.content is not None:
        return cut(row.content.removeprefix(row.key), SNIPPET)
    return cut(
        ", ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in row.meta.items()), SNIPPET
    )
