"""HTML that cannot be broken by what it holds: every text is escaped unless it was made here."""

from __future__ import annotations

import html
import re

VOID = {"img", "hr", "br", "path", "rect", "line", "circle", "image", "polyline"}
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


class Html(str):
    """Markup; as a child of an element it is taken as it is."""

    __slots__ = ()


def plain(text: str) -> str:
    """A text without what no page can hold (controls, half characters) or what turns text around."""
    return _UNSEEN.sub("\ufffd", text)


def escaped(child: object) -> str:
    """A child of an element: markup as it is, anything else as text."""
    return child if isinstance(child, Html) else html.escape(plain(str(child)))


def element(name: str, *children: object, **attributes: object) -> Html:
    """An element; a child or attribute that is None is left out, and `class_` and `aria_label` are named so in HTML."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(plain(str(value)))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID and not children:
        return Html(f"<{name}{given}/>")
    return Html(f"<{name}{given}>{''.join(escaped(child) for child in children if child is not None)}</{name}>")


def joined(*parts: object) -> Html:
    """Parts in a row."""
    return Html("".join(escaped(part) for part in parts if part is not None))


def table(caption: str, head: list[str], rows: list[list[object]], texts: int = 1) -> Html:
    """A table with a header, whose first `texts` columns are texts and the others numbers."""
    kind = ["text" if at < texts else "number" for at in range(len(head))]
    top = element("tr", *(element("th", name, scope="col", class_=kind[at]) for at, name in enumerate(head)))
    body = [
        element(
            "tr",
            *(
                element("td" if at else "th", cell, class_=kind[at], scope=None if at else "row")
                for at, cell in enumerate(row)
            ),
        )
        for row in rows
    ]
    grid = element("table", element("caption", caption), element("thead", top), element("tbody", *body))
    return element("div", grid, class_="scroll", tabindex="0", role="region", aria_label=caption)


def section(anchor: str, title: str, *parts: object) -> Html:
    """A section with its heading, to which others may lead by its anchor."""
    return element("section", element("h2", title), *parts, id=anchor)


def card(title: str, *parts: object) -> Html:
    """A box with a heading."""
    return element("div", element("h3", title), *parts, class_="card")


def grid(*cards: object) -> Html:
    """Boxes side by side, where there is room."""
    return element("div", *cards, class_="grid")


def said(*parts: object) -> Html:
    """A paragraph."""
    return element("p", *parts)
