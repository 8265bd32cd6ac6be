"""What a report says of entries and of the model: neighbours, where pictures are from, training, settings."""

from __future__ import annotations

from hashret.report import charts
from hashret.report.gathered import Gathered
from hashret.report.markup import Html, card, element, grid, said, section
from hashret.report.numbers import some
from hashret.report.pictures import DECODER, FILE, VECTOR
from hashret.report.shown import entry

Points = list[tuple[float, float, float]]
SOURCES = {
    FILE: "read from the files that were indexed",
    VECTOR: "as the model reads them, from the vectors stored",
    DECODER: "what the decoder makes of a code, in a dashed frame: no file is there unchanged, no vectors are stored",
}


def neighbours(page: Gathered) -> Html | None:
    """A few entries and what lies nearest."""
    if not any(hits for _, hits in page.neighbours):
        return None
    cards = []
    for number, hits in page.neighbours:
        near = [entry(page, other, f"{some(hit.distance, 'bit')}, score {hit.score:.2f}") for other, hit in hits]
        first = element("ul", entry(page, number), class_="entries asked")
        cards.append(element("div", first, element("ol", *near, class_="entries"), class_="card"))
    command = element("code", "hashret similar")
    about = said("Entries drawn at random, each with those that ", command, " finds for it, nearest first.")
    return section("neighbours", "Neighbours", about, _sources(page), grid(*cards))


def _sources(page: Gathered) -> Html | None:
    """Where pictures are from."""
    counts = page.pictures.sources()
    parts = [f"{counts[source]:,} {text}" for source, text in SOURCES.items() if counts[source]]
    return said(f"Pictures of entries on this page: {'; '.join(parts)}.") if parts else None


def training(page: Gathered) -> Html:
    """Loss of each stage and balance of bits, by step."""
    stages = page.curve.points()
    if not stages:
        return section("training", "Training", said("How its model was trained is not noted in this file."))
    cards = [_loss(f"Loss, {name}" if len(stages) > 1 else "Loss", points) for name, points in stages.items()]
    even = {name: [(step, balance) for step, _, balance in points] for name, points in stages.items()}
    chart = charts.lines(even, "Balance of the bits of a batch by step", ("step", "balance"))
    about = said("1: every bit is 1 in half of a batch; 0: all bits are alike.")
    return section("training", "Training", grid(*cards, card("Balance", chart, about)))


def _loss(title: str, points: Points) -> Html:
    """The curve of one stage."""
    first, last = points[0][1], points[-1][1]
    says = f"{title} by step, from {first:.3f} to {last:.3f} at step {points[-1][0]:,.0f}"
    chart = charts.lines({"loss": [(step, loss) for step, loss, _ in points]}, says, ("step", "loss"))
    return card(title, chart, said(f"{first:.3f} at first, {last:.3f} in the end."))


def model(page: Gathered) -> Html:
    """The model and its settings."""
    info = page.info
    facts: list[tuple[str, object]] = [("model", element("code", info["model"])), ("in memory", info["memory"])]
    facts += [("file", f"{info['bytes']:,} bytes"), ("vectors", info["vectors"]), ("revision", info["revision"])]
    facts += [(name.replace("_", " "), _value(value)) for name, value in info["settings"].items()]
    shown = [
        element("div", element("dt", name), element("dd", value), class_="long" if at < 2 else None)
        for at, (name, value) in enumerate(facts)
    ]
    return section("model", "Model and settings", element("dl", *shown, class_="settings"))


def _value(value: object) -> str:
    """A setting."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "-" if value is None else str(value)
