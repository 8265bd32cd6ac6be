"""Charts as SVG that takes its colours from the page, so that light and dark fit, and says in words what it shows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hashret.report.markup import Html, element
from hashret.report.numbers import short

WIDE, HIGH = 360, 210  # units of every chart; a phone shows one as a pixel
LEFT, RIGHT, TOP, BOTTOM = 48, 10, 12, 36  # margins
MATRIX = 32  # margins of a matrix
Point = tuple[float, float]


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """About so many round values, and at least two, that lie evenly between two others (one, if these are one)."""
    span = max(high - low, 1e-12)
    power = 10.0 ** math.floor(math.log10(span / about))
    step = next(step * power for step in (1, 2, 5, 10, 20) if span / (step * power) < about)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def bars(
    values: Sequence[float], says: str, names: tuple[str, str], tips: Sequence[str], most: float | None = None
) -> Html:
    """A bar for each of the values from 0 to `most` [the greatest], with a tip each.

    `says` is what it shows in words, `names` are those of x and y.
    """
    most = most or max([*values, 1e-12])
    step = (WIDE - LEFT - RIGHT) / max(1, len(values))
    shapes = []
    for at, value in enumerate(values):
        high = (HIGH - TOP - BOTTOM) * value / most
        tip = element("title", tips[at])
        place = {"x": f"{LEFT + at * step:.2f}", "y": f"{HIGH - BOTTOM - high:.2f}"}
        shapes.append(element("rect", tip, **place, width=f"{step * 0.86:.2f}", height=f"{high:.2f}", class_="bar"))
    across = [(LEFT + (tick + 0.43) * step, short(tick)) for tick in ticks(0, max(1, len(values) - 1)) if tick % 1 == 0]
    up = [(_up(tick, 0, most), short(tick)) for tick in ticks(0, most)]
    return _chart(says, [*_axes(across, up, names), *shapes])


def lines(series: dict[str, list[Point]], says: str, names: tuple[str, str], logarithmic: bool = False) -> Html:
    """A line for each of the series, with a legend where there are several; y may be a logarithm of numbers above 0."""
    shown = {name: [at for at in line if math.isfinite(at[1])] for name, line in series.items()}
    if logarithmic:
        shown = {name: [(x, math.log10(y)) for x, y in line if y > 0] for name, line in shown.items()}
    xs, ys = ([at[axis] for line in shown.values() for at in line] or [0.0] for axis in (0, 1))
    low, high = (math.floor(min(ys)), math.ceil(max(ys))) if logarithmic else (min(ys), max(ys))
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    scale = (WIDE - LEFT - RIGHT) / max(max(xs) - min(xs), 1e-9)
    across = [(LEFT + (tick - min(xs)) * scale, short(tick)) for tick in ticks(min(xs), max(xs))]
    up = [
        (_up(tick, low, high), short(10**tick) if logarithmic else short(tick))
        for tick in ticks(low, high)
        if not logarithmic or tick % 1 == 0
    ]
    shapes = []
    for number, line in enumerate(shown.values()):
        points = " ".join(f"{LEFT + (x - min(xs)) * scale:.1f},{_up(y, low, high):.1f}" for x, y in line)
        shapes.append(element("polyline", points=points, class_=f"line line-{number}"))
    chart = _chart(says, [*_axes(across, up, names), *shapes])
    return element("div", chart, _legend(list(series))) if len(series) > 1 else chart


def heat(uri: str, bits: int, says: str) -> Html:
    """A picture of (bits, bits) squares, the first at the top left, with the numbers of bits beside it."""
    side = WIDE - 2 * MATRIX
    marks = []
    for tick in (tick for tick in ticks(0, bits - 1) if tick % 1 == 0):
        middle = (tick + 0.5) * side / bits
        marks.append(_label(MATRIX + middle, side + 18, short(tick), "middle"))
        marks.append(_label(MATRIX - 5, middle + 6, short(tick), "end"))
    place = {"x": MATRIX, "y": 2, "width": side, "height": side}
    frame = element("rect", **place, class_="frame")
    picture = element("image", **place, href=uri, class_="cells")
    return element("svg", frame, picture, *marks, viewBox=f"0 0 {WIDE} {side + 24}", role="img", aria_label=says)


def meter(share: float, says: str) -> Html:
    """A bar that is filled to a share from 0 to 1, with a mark at a half."""
    fill = element("rect", width=f"{share * 100:.1f}", height=8, class_="bar")
    half = element("line", x1=50, x2=50, y1=0, y2=8, class_="half")
    options = {"viewBox": "0 0 100 8", "preserveAspectRatio": "none", "class_": "meter"}
    return element(
        "svg", element("rect", width=100, height=8, class_="trough"), fill, half, **options, role="img", aria_label=says
    )


def _up(value: float, low: float, high: float) -> float:
    """Where a value lies."""
    return HIGH - BOTTOM - (HIGH - TOP - BOTTOM) * (value - low) / (high - low)


def _chart(says: str, shapes: list[Html]) -> Html:
    """Shapes as one picture."""
    return element("svg", *shapes, viewBox=f"0 0 {WIDE} {HIGH}", role="img", aria_label=says, class_="chart")


def _axes(across: list[tuple[float, str]], up: list[tuple[float, str]], names: tuple[str, str]) -> list[Html]:
    """Lines of the grid, their values, and the names of x and y."""
    rows = [element("line", x1=LEFT, x2=WIDE - RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="grid") for y, _ in up]
    marks = [_label(LEFT - 5, y + 4, text, "end") for y, text in up]
    marks += [_label(x, HIGH - BOTTOM + 14, text, "middle") for x, text in across]
    marks.append(_label((LEFT + WIDE - RIGHT) / 2, HIGH - 5, names[0], "middle"))
    middle = (TOP + HIGH - BOTTOM) / 2
    turned = element("text", names[1], x=11, y=middle, text_anchor="middle", transform=f"rotate(-90 11 {middle})")
    return [*rows, *marks, turned]


def _label(x: float, y: float, text: str, anchor: str) -> Html:
    """A word of an axis."""
    return element("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)


def _legend(names: list[str]) -> Html:
    """Which line is which."""
    marks = [
        element("li", element("span", class_=f"swatch swatch-{at}", aria_hidden="true"), name)
        for at, name in enumerate(names)
    ]
    return element("ul", *marks, class_="legend")
