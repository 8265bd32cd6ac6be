"""A line chart of times on a logarithmic scale, as SVG text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10

from benchmarks.quality.plot import COLOURS

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 340, 60, 30, 170, 45
Line = Sequence[float | None]


def charts(ticks: Sequence[str], panels: Mapping[str, Mapping[str, Line]]) -> str:
    """Panels one below the other, each a title and its lines: microseconds over evenly spaced ticks, None is a gap."""
    values = [value for lines in panels.values() for line in lines.values() for value in line if value]
    decades = range(floor(log10(min(values))), ceil(log10(max(values))) + 1)
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT * len(panels)}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, (title, lines) in enumerate(panels.items()):
        parts.append(f'<g transform="translate(0 {HEIGHT * number})">')
        parts += [f'<text x="{LEFT}" y="18" font-weight="bold">{escape(title)}</text>', *_grid(ticks, decades)]
        for name, line in lines.items():
            parts += _curve(name, line, names.index(name), decades)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>\n"])


def _curve(name: str, line: Line, number: int, decades: range) -> list[str]:
    """A line with its name in the legend."""
    pen = f'stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="{3 if number == 0 else 1.5}"'
    y, edge, count = TOP + 10 + 20 * number, WIDTH - RIGHT + 15, len(line)
    points = [f"{_x(place, count):.1f},{_y(value, decades):.1f}" for place, value in enumerate(line) if value]
    return [
        f'<polyline points="{" ".join(points)}" fill="none" {pen}/>',
        f'<line x1="{edge}" x2="{edge + 25}" y1="{y}" y2="{y}" {pen}/>',
        f'<text x="{edge + 32}" y="{y + 4}">{escape(name)}</text>',
    ]


def _grid(ticks: Sequence[str], decades: range) -> list[str]:
    """Axes, their marks and names."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for decade in decades:
        y = _y(10.0**decade, decades)
        parts.append(f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**decade:,g}</text>')
    for place, tick in enumerate(ticks):
        parts.append(f'<text x="{_x(place, len(ticks)):.1f}" y="{bottom + 16}" text-anchor="middle">{tick}</text>')
    middle = (LEFT + right) / 2
    parts.append(f'<text x="{middle}" y="{bottom + 34}" text-anchor="middle">within r bits, or the k nearest</text>')
    parts.append(f'<text x="14" y="{HEIGHT / 2}" transform="rotate(-90 14 {HEIGHT / 2})">microseconds, p50</text>')
    return parts


def _x(place: int, count: int) -> float:
    """Where a tick stands."""
    return LEFT + 10 + place * (WIDTH - LEFT - RIGHT - 20) / max(count - 1, 1)


def _y(value: float, decades: range) -> float:
    """Where a value stands."""
    share = (log10(value) - decades[0]) / max(len(decades) - 1, 1)
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
