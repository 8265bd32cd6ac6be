"""What a report says of codes by themselves: balance, correlation, distances, the hits of a radius, buckets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashret.report import charts
from hashret.report.gathered import Gathered
from hashret.report.markup import Html, card, element, grid, said, section, table
from hashret.report.numbers import hits, percent, short, some
from hashret.report.pictures import uri
from hashret.report.shown import entry
from hashret.report.survey import Bucket, Reach, Survey

STRONGEST = 8  # pairs of bits
TEXTS = 4  # entries of a bucket, where they are no pictures
PLUS, MINUS = (15, 140, 130), (208, 100, 24)  # colours of correlations, seen on light and on dark


def summary(page: Gathered) -> Html:
    """What the file holds, and the figures that say most."""
    info, found = page.info, page.survey
    facts = [("entries", f"{info['entries']:,}", "stored"), ("bits", info["bits"], "in a code")]
    if found is None:
        about = said("The file holds no entries, so there are no codes to judge yet.")
        return section("summary", "At a glance", _facts(facts), about)
    figures = found.quality
    even = f"mean share of the rarer value of a bit; .5 is best, the least is {figures.worst_balance:.3f}"
    facts += [
        ("effective bits", f"{figures.effective:.1f}", f"of {info['bits']}: uncorrelated ones that spread as much"),
        ("balance", f"{figures.balance:.3f}", even),
        ("correlation", f"{figures.correlation:.3f}", "mean of two bits, without its sign; 0 is best"),
        ("different codes", f"{figures.codes:,}", f"{figures.expected:,.0f} if all were equally likely"),
        ("largest bucket", percent(figures.largest), "of the entries have one code"),
    ]
    return section("summary", "At a glance", _facts(facts))


def _facts(facts: list[tuple[str, str, str]]) -> Html:
    """Name, value and meaning of each."""
    shown = [
        element("div", element("dt", name), element("dd", element("b", value), element("small", text)))
        for name, value, text in facts
    ]
    return element("dl", *shown, class_="facts")


def quality(page: Gathered) -> Html | None:
    """Balance of bits and their correlation."""
    found = page.survey
    if found is None:
        return None
    cards = (_balance(found.quality.means), _correlation(found), _repeated(found))
    return section("quality", "Code quality", grid(*cards))


def _balance(ones: tuple[float, ...]) -> Html:
    """How often each bit is 1."""
    worst = min(range(len(ones)), key=lambda bit: min(ones[bit], 1 - ones[bit]))
    says = f"Share of entries in which each of {len(ones)} bits is 1, from {min(ones):.2f} to {max(ones):.2f}"
    tips = [f"bit {at}: 1 in {percent(share)}" for at, share in enumerate(ones)]
    least = f"The least even is bit {worst}, 1 in {percent(ones[worst])}."
    chart = charts.bars(ones, says, ("bit", "share of ones"), tips, 1.0)
    return card("Balance", chart, said(f"A bit says most where half of the entries have it. {least}"))


def _correlation(found: Survey) -> Html:
    """How much each bit goes with each other one, as a picture."""
    matrix = found.correlation
    own = np.eye(len(matrix), dtype=bool)
    cells = np.zeros((*matrix.shape, 4), np.uint8)
    cells[..., :3] = np.where(matrix[..., None] >= 0, PLUS, MINUS)
    cells[..., 3] = np.where(own, 0, np.rint(255 * np.abs(matrix) ** 0.7))
    strongest = float(np.abs(matrix[~own]).max(initial=0.0))
    says = f"Correlation of every two of {len(matrix)} bits; the strongest is {strongest:.2f}"
    plus, minus = (element("span", class_=f"swatch {name}", aria_hidden="true") for name in ("plus", "minus"))
    about = said(plus, "often alike, ", minus, f"often opposite; stronger is deeper. By {found.correlated:,} entries.")
    return card("Correlation", charts.heat(uri(cells, len(matrix)), len(matrix), says), about)


def _repeated(found: Survey) -> Html:
    """Which bits go together most."""
    matrix, bits = found.correlation, len(found.correlation)
    left, right = np.triu_indices(bits, 1)
    order = np.argsort(-np.abs(matrix[left, right]), kind="stable")[:STRONGEST]
    pairs: list[list[object]] = [[f"{left[at]} and {right[at]}", f"{matrix[left[at], right[at]]:+.2f}"] for at in order]
    about = said(
        f"Two bits that always agree are one. By their covariance, {bits} bits spread entries as "
        f"{found.quality.effective:.1f} uncorrelated ones of one variance would (the participation ratio of its "
        "eigenvalues)."
    )
    return card("Bits that repeat others", about, table("Most correlated pairs", ["bits", "correlation"], pairs))


def distances(page: Gathered) -> Html | None:
    """How far entries lie apart, and what a radius finds."""
    found = page.survey
    if found is None:
        return None
    if not found.reach:
        return section("distances", "Distances", said("There is one entry, so there are no distances yet."))
    cards = (_histogram(found.distances), _reach_chart(found), _reach_table(found))
    return section("distances", "Distances", grid(*cards))


def _histogram(pairs: NDArray[np.int64]) -> Html:
    """Pairs by distance."""
    total = int(pairs.sum())
    middle = int(np.searchsorted(np.cumsum(pairs), total / 2))
    says = f"Shares of {total:,} pairs of entries by distance in bits; half lie within {middle}"
    tips = [f"{some(at, 'bit')}: {some(count, 'pair')}" for at, count in enumerate(pairs.tolist())]
    chart = charts.bars((pairs / total).tolist(), says, ("distance in bits", "share of pairs"), tips)
    about = f"{total:,} pairs drawn at random; half of them lie within {some(middle, 'bit')}."
    return card("Distances of pairs", chart, said(f"{about} Left of the hill is what codes have brought together."))


def _reach_chart(found: Survey) -> Html:
    """Hits over the radius, foreseen and counted."""
    series = {
        "foreseen from pairs": [(float(one.radius), one.foreseen) for one in found.reach],
        "counted, mean": [(float(one.radius), one.mean) for one in found.reach],
        "counted, median": [(float(one.radius), one.median) for one in found.reach],
    }
    says = f"Hits within each radius, foreseen from distances of pairs and counted for {found.queries} entries"
    chart = charts.lines(series, says, ("radius in bits", "hits"), logarithmic=True)
    about = "Where the median lies below the mean, few entries have crowds around them and most have none."
    return card("Hits of a radius", chart, said(about))


def _reach_table(found: Survey) -> Html:
    """The same as numbers, and what codes that were drawn at random would give."""
    rows: list[list[object]] = [
        [one.radius, *(hits(value) for value in (one.foreseen, one.mean, one.median, one.most))] for one in found.reach
    ]
    caption = f"Other entries within a radius: foreseen from pairs, and counted exactly for {found.queries:,} entries"
    counted = table(caption, ["radius", "foreseen", "mean", "median", "9 in 10"], rows)
    return card("Hits in numbers", counted, said(_random(found.reach[len(found.reach) // 2])))


def _random(one: Reach) -> str:
    """What random codes would give."""
    others = f"{hits(one.uniform)} others would lie within {some(one.radius, 'bit')}"
    return f"Were codes drawn at random, {others}; here it is {hits(one.mean)}."


def buckets(page: Gathered) -> Html | None:
    """How entries spread over codes."""
    found = page.survey
    if found is None:
        return None
    rows: list[list[object]] = [
        [
            f"{low:,}" if low == high else f"{low:,} to {high:,}",
            f"{count:,}",
            f"{held:,}",
            percent(held / page.info["entries"]),
        ]
        for low, high, count, held in found.sizes
    ]
    caption = "Buckets by size: a bucket is all entries of one code"
    sizes = card("Sizes", table(caption, ["entries", "buckets", "in all", "share"], rows))
    about = "The largest, and some of their entries." if found.largest else "No two entries have the same code."
    cards = [_bucket(page, bucket) for bucket in found.largest]
    return section("buckets", "Buckets", said(about), grid(sizes, *cards))


def _bucket(page: Gathered, bucket: Bucket) -> Html:
    """One bucket."""
    digits = element("code", " ".join(f"{byte:02x}" for byte in bucket.code))
    shown = bucket.ids if page.pictures.found else bucket.ids[:TEXTS]
    held = element("ul", *(entry(page, number) for number in shown), class_="entries")
    more = bucket.size - len(shown)
    rest = element("p", f"and {short(more)} more", class_="note") if more else None
    return card(f"{bucket.size:,} entries", digits, held, rest)
