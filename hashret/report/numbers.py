"""Numbers for a person."""

from __future__ import annotations


def short(value: float) -> str:
    """A number in few characters."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:.3g}M"
    if size >= 1e4:
        return f"{value / 1e3:.3g}k"
    if size < 1e-3:
        return f"{value:.0e}"
    return f"{value:.3g}" if size < 1000 else f"{value:,.0f}"


def percent(share: float) -> str:
    """A share from 0 to 1."""
    return f"{share:.1%}" if 0 < share < 0.1 or 0.9 < share < 1 else f"{share:.0%}"


def hits(count: float) -> str:
    """A mean number of hits."""
    return f"{count:,.1f}" if count >= 0.05 or count == 0 else short(count)


def some(count: int, what: str) -> str:
    """A number of things, one or many."""
    return f"{count:,} {what}{'s' if count != 1 else ''}"
