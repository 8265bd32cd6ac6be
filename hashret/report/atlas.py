"""The atlas: a card a bit, with how even it is, what it repeats, and what it means on either side."""

from __future__ import annotations

from hashret.meaning.bits import Bit, Side
from hashret.report import charts
from hashret.report.gathered import Gathered
from hashret.report.markup import Html, element, said, section
from hashret.report.numbers import percent
from hashret.report.shown import brief

KEYS, PICTURES = 2, 4  # entries shown of a side
TERMS = 8  # terms shown of a side


def atlas(page: Gathered) -> Html | None:
    """All bits in order."""
    if not page.meaning.sample:
        return None
    texts = page.info["kind"] == "text"
    terms = "words that more of its entries have" if texts else "values of meta that more of its entries have"
    known = texts or page.info["vectors"] != "none"
    sure = "are surest of it" if known else "the decoder is surest of"
    about = said(
        f"By {page.meaning.sample:,} entries drawn at random: for each side of a bit {terms}, and the entries that "
        f"{sure}. Entropy is 1 bit for halves and 0 for a bit that never changes. Clarity is how well those terms tell "
        "the bit in entries that they were not chosen by: .5 is chance, 1 always. A bit of little clarity means "
        "something else, or many things at once."
    )
    cards = [_card(page, bit) for bit in page.meaning.bits]
    return section("atlas", "Atlas of bits", about, element("div", *cards, class_="grid atlas"))


def _card(page: Gathered, bit: Bit) -> Html:
    """One bit."""
    figures = [f"1 in {percent(bit.ones)}", f"entropy {bit.entropy:.2f}"]
    if bit.on.terms or bit.off.terms:
        figures.append(f"clarity {bit.clarity:.2f}")
    if bit.other is not None:
        figures.append(f"most like bit {bit.other} ({bit.correlation:+.2f})")
    return element(
        "article",
        element("h3", f"Bit {bit.number}"),
        charts.meter(bit.ones, f"Bit {bit.number} is 1 in {percent(bit.ones)} of entries"),
        element("p", " · ".join(figures), class_="note"),
        _side(page, bit.on, 1, page.averages[bit.number][0] if page.averages else None),
        _side(page, bit.off, 0, page.averages[bit.number][1] if page.averages else None),
        class_="card bit",
        id=f"bit-{bit.number}",
    )


def _side(page: Gathered, side: Side, value: int, average: str | None) -> Html:
    """One value of a bit."""
    pictures = bool(page.pictures.found)
    shown = side.ids[: PICTURES if pictures else KEYS]
    words = ", ".join(side.terms[:TERMS]) or (None if shown else "no entry")
    mean = None
    if average is not None:
        image = element(
            "img",
            src=average,
            alt=f"mean of what the decoder gives for {value}",
            class_="shot decoded",
            title="mean",
            loading="lazy",
        )
        mean = element("li", image)
    examples = element("ul", mean, *(brief(page, number) for number in shown), class_="shots" if pictures else "keys")
    mark = element("b", str(value), class_="on" if value else "off")
    return element("div", element("p", mark, " ", words, class_="terms"), examples, class_="side")
