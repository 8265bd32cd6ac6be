"""A line chart as SVG text: enough for precision over recall, and no dependency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 380, 50, 30, 290, 45
COLOURS = ("#0b6e4f", "#c8553d", "#2f4b7c", "#8a8d91", "#b07aa1", "#e1a730", "#5b8e7d", "#2f4b7c", "#8a8d91", "#c8553d")
Line = Sequence[float]


def charts(ticks: Sequence[str], panels: Mapping[str, Mapping[str, Line]]) -> str:
    """Panels one below the other, each a title and its lines."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT * len(panels)}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, (title, lines) in enumerate(panels.items()):
        parts.append(f'<g transform="translate(0 {HEIGHT * number})">')
        parts += [f'<text x="{LEFT}" y="18" font-weight="bold">{escape(title)}</text>', *_curves(ticks, lines), "</g>"]
    return "\n".join([*parts, "</svg>\n"])


def _curves(ticks: Sequence[str], lines: Mapping[str, Line]) -> list[str]:
    """Lines over evenly spaced ticks, values 0 to 100; a name that starts with "2007" is dashed."""
    parts = _grid(ticks)
    for number, (name, values) in enumerate(lines.items()):
        dash = ' stroke-dasharray="5 4"' if name.startswith("2007") else ""
        pen = f'stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="2"{dash}'
        points = " ".join(f"{_x(place, len(ticks)):.1f},{_y(value):.1f}" for place, value in enumerate(values))
        y, edge = TOP + 10 + 20 * number, WIDTH - RIGHT + 15
        parts.append(f'<polyline points="{points}" fill="none" {pen}/>')
        parts.append(f'<line x1="{edge}" x2="{edge + 25}" y1="{y}" y2="{y}" {pen}/>')
        parts.append(f'<text x="{edge + 32}" y="{y + 4}">{escape(name)}</text>')
    return parts


def _grid(ticks: Sequence[str]) -> list[str]:
    """Axes, their marks and names."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for value in range(0, 101, 20):
        y = _y(value)
        parts.append(f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value}</text>')
    for place, tick in enumerate(ticks):
        parts.append(f'<text x="{_x(place, len(ticks)):.1f}" y="{bottom + 16}" text-anchor="middle">{tick}</text>')
    middle = (LEFT + right) / 2
    parts.append(f'<text x="{middle}" y="{bottom + 34}" text-anchor="middle">recall, % (each twice the last)</text>')
    parts.append(f'<text x="14" y="{HEIGHT / 2}" transform="rotate(-90 14 {HEIGHT / 2})">precision, %</text>')
    return parts


def _x(place: int, count: int) -> float:
    """Where a tick stands."""
    return LEFT + 10 + place * (WIDTH - LEFT - RIGHT - 20) / max(count - 1, 1)


def _y(value: float) -> float:
    """Where a value from 0 to 100 stands."""
    return HEIGHT - BOTTOM - value / 100 * (HEIGHT - TOP - BOTTOM)
