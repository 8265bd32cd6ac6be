"""What codes tell of themselves, without a label and without the contents, and how many bits would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.bits import MAX_BITS, MIN_BITS, Codes, ball_size, unpack
from indexer.errors import InvalidInput

ENOUGH = 0.9  # recall of float neighbours that needs no further bits
CLOSE = 0.95  # share of what the widest codes find that is as good as theirs
_BLOCK = 1 << 14  # exact in float32: sums stay below 2**24


@dataclass(frozen=True, slots=True)
class Quality:
    """Figures of some codes.

    means         share of ones of each bit
    balance       mean over bits of the share of their rarer value, 0 to .5; the least is `worst_balance`
    correlation   mean absolute correlation between two bits; bits that never change are left out
    effective     the participation ratio (tr C)^2 / tr C^2 of the covariance C of the bits as -1 and +1: the number of
                  uncorrelated bits of one variance that spread as much
    codes         different codes; `expected`: how many would be if all codes were equally likely
    largest       share of the entries in the largest bucket
    """

    means: tuple[float, ...]
    balance: float
    worst_balance: float
    correlation: float
    effective: float
    codes: int
    expected: float
    largest: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A number of bits, and why."""

    bits: int
    why: str


def quality(codes: Codes) -> Quality:
    """Figures of codes uint8 (n, b / 8); raises `InvalidInput` for none."""
    if not len(codes):
        raise InvalidInput("there are no codes to judge: store entries first")
    count, bits = len(codes), codes.shape[1] * 8
    total, gram = np.zeros(bits), np.zeros((bits, bits))
    for start in range(0, count, _BLOCK):
        signs = unpack(codes[start : start + _BLOCK]).astype(np.float32) * 2 - 1
        total += signs.sum(0)
        gram += signs.T @ signs
    mean = total / count
    covariance = gram / count - np.outer(mean, mean)
    rarer = (1 - np.abs(mean)) / 2
    sizes = np.unique(np.ascontiguousarray(codes).view(f"V{codes.shape[1]}"), return_counts=True)[1]
    squares = float((covariance**2).sum())
    return Quality(
        means=tuple(((1 + mean) / 2).tolist()),
        balance=float(rarer.mean()),
        worst_balance=float(rarer.min()),
        correlation=_correlation(covariance),
        effective=float(np.trace(covariance) ** 2 / squares) if squares > 0 else 0.0,
        codes=len(sizes),
        expected=expected_codes(count, bits),
        largest=float(sizes.max() / count),
    )


def expected_codes(count: int, bits: int) -> float:
    """How many different codes `count` draws among 2^bits equally likely ones give: 2^b (1 - (1 - 2^-b)^n)."""
    return float(-(2.0**bits) * np.expm1(count * np.log1p(-(2.0**-bits))))


def bits_for_recall(recalls: Mapping[int, float], what: str) -> Suggestion:
    """The least multiple of 8 bits that keeps neighbours, from the recall (of `what`) of ITQ codes of some lengths.

    Kept means: `ENOUGH` of them, or `CLOSE` to what the longest codes find. Recall is taken as linear in log2(bits)
    between the lengths given. ITQ is the yardstick as it is learned in seconds at every length, without a setting.
    """
    lengths = sorted(recalls)
    best = recalls[lengths[-1]]
    tried = np.arange(lengths[0], lengths[-1] + 1, 8)
    guess = np.interp(np.log2(tried), np.log2(lengths), [recalls[length] for length in lengths])
    at = int(np.argmax(guess >= min(ENOUGH, CLOSE * best)))
    why = f"ITQ codes of this length hold {guess[at]:.0%} of the {what}, codes of {lengths[-1]} bits {best:.0%}"
    return Suggestion(int(tried[at]), why)


def bits_for_balls(count: int, k: int, radius: int = 2) -> Suggestion:
    """The least multiple of 8 bits at which a ball holds at most k of `count` entries, were codes uniform.

    Salakhutdinov and Hinton (2009) choose lengths so, for answers by look-up.
    """
    widths = range(MIN_BITS, MAX_BITS + 1, 8)
    bits = next((width for width in widths if count * ball_size(width, radius) / 2**width <= k), MAX_BITS)
    held = count * ball_size(bits, radius) / 2**bits
    why = f"were codes uniform, {held:.2g} of {count:,} entries would lie within {radius} bits of a code"
    return Suggestion(bits, why)


def _correlation(covariance: NDArray[np.float64]) -> float:
    """Mean absolute correlation of two different bits that change; 0 if there are not two."""
    spread = np.sqrt(np.diag(covariance).clip(0))
    moving = np.flatnonzero(spread > 0)
    if len(moving) < 2:
        return 0.0
    correlation = np.abs(covariance[np.ix_(moving, moving)] / np.outer(spread[moving], spread[moving]))
    return float((correlation.sum() - len(moving)) / (len(moving) * (len(moving) - 1)))
