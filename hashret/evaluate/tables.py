"""A report as tables for the eye: methods down, metrics across, each mean with half of its interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from hashret.evaluate.comparison import BOTH, DIFFERENCE, Comparison
from hashret.evaluate.report import Figure, Report

_METHOD, _CELL = 16, 15  # characters of the first column and of the others, with their lines

Table = tuple[str, list[dict[str, Any]]]


def tables(report: Report, width: int) -> Iterator[Table]:
    """Titles and rows for a terminal so wide; metrics that do not fit beside the others get a table of their own."""
    means = [figure for figure in report.figures if figure.low is not None]
    yield from _rankings([figure for figure in means if figure.radius is None], report.queries, width)
    for metric, part in groupby(sorted(_balls(means), key=lambda figure: figure.metric), lambda figure: figure.metric):
        yield f"{metric} within so many bits", _curves(list(part))
    facts = [figure for figure in report.figures if figure.low is None]
    if facts:
        yield "the codes themselves", [{"figure": fact.metric, "value": _plain(fact.value)} for fact in facts]


def compared(comparison: Comparison, width: int) -> Iterator[Table]:
    """The same of two models: how alike their answers are, how good, and the codes."""
    means = [figure for figure in comparison.figures if figure.low is not None]
    yield "answers of the one that the other gives as well", _rows([one for one in means if one.method == BOTH])
    yield from _rankings([one for one in means if one.method != BOTH], comparison.queries, width)
    facts: dict[str, dict[str, Any]] = {}
    for fact in comparison.figures:
        if fact.low is None:
            facts.setdefault(fact.metric, {"figure": fact.metric})[fact.method] = _plain(fact.value)
    yield "the codes themselves", list(facts.values())


def _rankings(figures: Sequence[Figure], queries: int, width: int) -> Iterator[Table]:
    """Means of metrics, as many a table as fit."""
    names = list(dict.fromkeys(figure.metric for figure in figures))
    fitting = max(1, (width - _METHOD) // max(_CELL, 3 + max(map(len, names), default=0)))
    title = f"means over {queries:,} queries, ± half of the 95 % interval"
    for start in range(0, len(names), fitting):
        shown = names[start : start + fitting]
        yield title, _rows([figure for figure in figures if figure.metric in shown])


def _rows(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """One row a method, one column a metric."""
    rows: dict[str, dict[str, Any]] = {}
    for figure in figures:
        rows.setdefault(figure.method, {"method": figure.method})[figure.metric] = _cell(figure)
    return list(rows.values())


def _balls(figures: Sequence[Figure]) -> list[Figure]:
    """The figures of radii."""
    return [figure for figure in figures if figure.radius is not None]


def _curves(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """One row a method, one column a radius."""
    rows: dict[str, dict[str, Any]] = {}
    for figure in figures:
        rows.setdefault(figure.method, {"method": figure.method})[str(figure.radius)] = f"{figure.value:.3f}"
    return list(rows.values())


def _cell(figure: Figure) -> str:
    """A mean with half of its interval."""
    low, high = figure.low or 0.0, figure.high or 0.0
    mean = f"{figure.value:+.3f}" if figure.method == DIFFERENCE else f"{figure.value:.3f}"
    return f"{mean} ±{(high - low) / 2:.3f}"


def _plain(value: float) -> str:
    """A fact: counts whole, shares to three places."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}" if abs(value) < 10 else f"{value:,.1f}"
