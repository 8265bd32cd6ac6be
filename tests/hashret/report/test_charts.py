import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashret.report.charts import BOTTOM, HIGH, LEFT, RIGHT, TOP, WIDE, bars, lines, meter, ticks

NAMES = ("bit", "share")


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e6))
def test_ticks_are_few_even_and_inside(low, span):
    found = ticks(low, low + span)
    slack = span * 1e-6 + abs(low) * 1e-9
    assert 2 <= len(found) <= 6
    assert all(low - slack <= tick <= low + span + slack for tick in found)
    assert np.diff(found) == pytest.approx(found[1] - found[0])


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.5, 1]), (0, 127, [0, 50, 100]), (3, 3, [3]), (-1, 1, [-1, -0.5, 0, 0.5, 1])],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def numbers(shown: str, name: str, tag: str) -> list[float]:
    return [float(value) for value in re.findall(rf'<{tag}[^>]* {name}="([^"]+)"', shown)]


def test_bars_are_as_high_as_their_values():
    shown = bars([1.0, 4.0, 2.0], "what it shows", NAMES, ["a", "b", "<c>"])
    full = HIGH - TOP - BOTTOM
    assert numbers(shown, "height", "rect") == pytest.approx([full / 4, full, full / 2], abs=0.01)
    assert numbers(shown, "y", "rect") == pytest.approx([TOP + full * 3 / 4, TOP, TOP + full / 2], abs=0.01)
    assert 'role="img" aria-label="what it shows"' in shown
    assert "<title>&lt;c&gt;</title>" in shown


def test_lines_go_from_edge_to_edge():
    shown = lines({"one": [(0, 0.0), (10, 5.0), (20, 10.0)]}, "it", NAMES)
    assert re.findall(r'points="([^"]*)"', shown) == [
        f"{LEFT:.1f},{HIGH - BOTTOM:.1f} {(LEFT + WIDE - RIGHT) / 2:.1f},{(TOP + HIGH - BOTTOM) / 2:.1f} "
        f"{WIDE - RIGHT:.1f},{TOP:.1f}"
    ]
    assert "legend" not in shown


def test_logarithms_leave_out_what_has_none():
    shown = lines(
        {"one": [(0, 0.0), (1, 1.0), (2, 100.0)], "two": [(0, 10.0), (2, math.nan)]}, "it", NAMES, logarithmic=True
    )
    first, second = re.findall(r'points="([^"]*)"', shown)
    middle = (TOP + HIGH - BOTTOM) / 2
    assert first.split() == [f"{(LEFT + WIDE - RIGHT) / 2:.1f},{HIGH - BOTTOM:.1f}", f"{WIDE - RIGHT:.1f},{TOP:.1f}"]
    assert second == f"{LEFT:.1f},{middle:.1f}"
    assert re.findall(r"</span>(\w+)</li>", shown) == ["one", "two"]


@pytest.mark.parametrize("points", [[], [(1.0, 2.0)], [(0.0, 3.0), (1.0, 3.0)], [(0.0, math.inf)]])
def test_lines_of_little_or_nothing_are_drawn(points):
    shown = lines({"one": points}, "it", NAMES)
    assert "nan" not in shown
    assert "inf" not in shown


def test_bars_of_nothing_are_drawn():
    assert "<rect" not in bars([], "it", NAMES, [])
    assert numbers(bars([0.0], "it", NAMES, ["a"]), "height", "rect") == [0]


def test_a_meter_is_filled_to_its_share():
    assert numbers(meter(0.25, "it"), "width", "rect") == [100, 25]
