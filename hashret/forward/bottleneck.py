"""From the values of a trained encoder to the logits of bits, and from bits back to what its decoder reads.

Binarizers that leave -1 and +1 need nothing between. The others are real-valued in training, and their bits are fitted
to the values of the training data afterwards, in closed form. What stands between is a few arrays, named here:

- none: a bit is 1 where its value is positive, the decoder reads -1 and +1;
- `shift` (d,): a bit is 1 where its value is above the shift; the decoder reads -1 and +1, or, with `levels` (2, d),
  2 sigmoid(z) - 1, of a bit the mean of that in training;
- `centre` (d,), `turn` (d, b), `back` (b, d): values are turned so that they lie near their signs (Gong and Lazebnik
  2011); the decoder reads values, of a code of -1 and +1 the affine map that fits best;
- `active` (1,): so many bits are 1, those of the largest values;
- `entries` (parts, 2^m, width): a part of the values has the m bits of the number of its nearest entry. The logit of
  such a bit is by how much the nearest entry with a 1 there is nearer than the nearest with a 0 (squared distance).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashret.family import ROTATED
from hashret.rows import Floats
from hashret.settings import Settings

TURNED_ON = 25_000  # rows that a rotation is learned from, at most
TURNS = 50  # Gong and Lazebnik's number of iterations
OFF = math.log(1 / 0.1 - 1)  # of a noisy unit's sum: theirs is cut at a sigmoid of .1, any cut up to .9 does as well
RIDGE = 1e-3  # of the squared length of a bit's column
SWEEPS = 20  # over all pairs of a codebook's entries; they settle in fewer
_BLOCK = 4096  # values at a time are compared with entries


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """The arrays between values (n, d) and bits (n, b); see above for their names."""

    arrays: dict[str, Floats] = field(default_factory=dict)

    def logits(self, values: Floats) -> Floats:
        """Logits float32 (n, b) of values float32 (n, d); a bit is 1 where its logit is positive."""
        logits: NDArray[Any] = values
        if "shift" in self.arrays:
            logits = values - self.arrays["shift"]
        elif "turn" in self.arrays:
            logits = (values - self.arrays["centre"]) @ self.arrays["turn"]
        elif "active" in self.arrays:
            active = int(self.arrays["active"][0])
            ordered = np.partition(values, (-active - 1, -active), axis=1)
            logits = values - ordered[:, -active - 1 : -active] / 2 - ordered[:, [-active]] / 2
        elif "entries" in self.arrays:
            parts = [
                _of_entries(values[at : at + _BLOCK], self.arrays["entries"]) for at in range(0, len(values), _BLOCK)
            ]
            logits = np.concatenate(parts or [np.zeros((0, bits_of(self.arrays["entries"])), np.float32)])
        return logits.astype(np.float32, copy=False)

    def of_bits(self, bits: NDArray[Any]) -> Floats:
        """What the decoder reads of bits {0, 1} (n, b), float32 (n, d)."""
        signs = bits.astype(np.float32) * 2 - 1
        if "levels" in self.arrays:
            low, high = self.arrays["levels"]
            means: Floats = np.where(signs > 0, high, low)
            return means
        if "turn" in self.arrays:
            values: Floats = self.arrays["centre"] + signs @ self.arrays["back"]
            return values
        if "entries" in self.arrays:
            return _entries_of(bits, self.arrays["entries"])
        return signs

    def of_values(self, values: Floats) -> Floats:
        """What the decoder reads of an encoder's values, float32 (n, d): no more than the bits where that is all."""
        if "levels" in self.arrays:
            soft: Floats = np.tanh(values / 2)
            return soft
        return values if "turn" in self.arrays else self.of_bits(self.logits(values) > 0)


def bits_of(entries: Floats) -> int:
    """How many bits the numbers of entries (parts, 2^m, width) take."""
    return len(entries) * (int(entries.shape[1]).bit_length() - 1)


def numbered(count: int) -> NDArray[np.bool_]:
    """The bits of the numbers below `count`, most significant first, bool (count, m)."""
    places = np.arange(count.bit_length() - 2, -1, -1)
    return (np.arange(count)[:, None] >> places & 1).astype(bool)


def _of_entries(values: Floats, entries: Floats) -> Floats:
    """Logits of values (n, parts * width): the nearest entry has the signs of all its part's logits."""
    each = values.reshape(len(values), len(entries), 1, -1)
    away = ((each - entries) ** 2).sum(3)  # (n, parts, 2^m)
    logits = [away[:, :, ~on].min(2) - away[:, :, on].min(2) for on in numbered(entries.shape[1]).T]
    return np.stack(logits, 2).reshape(len(values), -1)


def _entries_of(bits: NDArray[Any], entries: Floats) -> Floats:
    """The entries that bits (n, b) name, side by side, float32 (n, parts * width)."""
    size = bits_of(entries) // len(entries)
    weights = 1 << np.arange(size - 1, -1, -1)
    numbers = bits.reshape(len(bits), len(entries), size).astype(np.int64) @ weights
    picked: Floats = entries[np.arange(len(entries)), numbers]
    return picked.reshape(len(bits), -1)


def fitted(settings: Settings, values: Callable[[], Floats], entries: Floats | None = None) -> Bottleneck:
    """What stands between after training: `values` gives those of the training data, `entries` are of a codebook."""
    if entries is not None:
        return Bottleneck({"entries": np.stack([numbered_by_nearness(part) for part in entries])})
    if settings.binarizer == "top-k":
        return Bottleneck({"active": np.array([settings.active], np.float32)})
    if settings.binarizer in ROTATED:
        return turned(values(), settings.bits, np.random.default_rng(settings.seed))
    if settings.binarizer not in ("half", "noise", "sigmoid"):
        return Bottleneck()
    learned = values()
    shift = np.median(learned, axis=0)
    if settings.binarizer == "half":  # its decoder has only ever read bits
        return Bottleneck({"shift": shift})
    if settings.binarizer == "noise":  # units that learned to be off or on lie outside, whatever the threshold
        shift = shift.clip(-OFF, OFF)
    return Bottleneck({"shift": shift, "levels": _levels(learned > shift, np.tanh(learned / 2))})


def _levels(bits: np.ndarray, soft: Floats) -> Floats:
    """The mean of soft values (n, d) where the bit is 0, and where it is 1, float32 (2, d): best by squared error."""
    sums = np.stack([(soft * ~bits).sum(0), (soft * bits).sum(0)])
    counts = np.stack([(~bits).sum(0), bits.sum(0)])
    means: Floats = np.where(counts > 0, sums / np.maximum(counts, 1), np.array([[-1.0], [1.0]])).astype(np.float32)
    return means


def turned(values: Floats, bits: int, rng: np.random.Generator) -> Bottleneck:
    """Values (n, d) turned into bits, at unit mean square, and the affine map back from codes that fits best."""
    centre = values.mean(0)
    centred = values - centre
    turn = rotated(centred, bits, rng)
    turn = turn / max(float((centred @ turn).std()), 1e-9)
    signs = np.where(centred @ turn > 0, np.float32(1), np.float32(-1))
    return Bottleneck({"centre": centre, "turn": turn, "back": ridge(signs, centred)})


def rotated(centred: Floats, bits: int, rng: np.random.Generator) -> Floats:
    """ITQ's projection, float32 (d, bits): orthonormal columns, or rows where bits > d (Gong and Lazebnik 2011)."""
    width = centred.shape[1]
    axes: Floats = np.eye(width, dtype=np.float32)
    if bits < width:
        axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :bits].astype(np.float32)
    some = centred[rng.permutation(len(centred))[:TURNED_ON]] @ axes
    turn = np.linalg.qr(rng.standard_normal((bits, bits), dtype=np.float32))[0][: axes.shape[1]]
    for _ in range(TURNS):
        left, _, right = np.linalg.svd(
            some.T @ np.where(some @ turn > 0, np.float32(1), np.float32(-1)), full_matrices=False
        )
        turn = left @ right
    weight: Floats = axes @ turn
    return weight


def ridge(codes: Floats, centred: Floats) -> Floats:
    """The decoder M float32 (b, d) of least |x - c M|^2 + RIDGE n |M|^2, for codes (n, b) of vectors (n, d)."""
    gram = codes.T @ codes + RIDGE * len(codes) * np.eye(codes.shape[1], dtype=np.float32)
    decoder: Floats = np.linalg.solve(gram, codes.T @ centred).astype(np.float32)
    return decoder


def numbered_by_nearness(entries: Floats) -> Floats:
    """A codebook (2^m, width) in an order in which near entries differ in few bits of their numbers.

    Pairs of entries change places while that lowers sum_ij H_ij exp(-|e_i - e_j|^2 / mean), H the bits in which i and j
    differ: pseudo-Gray coding (Zeger and Gersho 1990).
    """
    bits = numbered(len(entries))
    differ = (bits[:, None] != bits).sum(2)
    away = ((entries[:, None] - entries) ** 2).sum(2)
    near = np.exp(-away / max(float(away.mean()), 1e-9))
    order = np.arange(len(entries))
    cost = float((differ * near).sum())
    for _ in range(SWEEPS):
        before = cost
        for one in range(len(order)):
            for other in range(one):
                order[[one, other]] = order[[other, one]]
                now = float((differ * near[np.ix_(order, order)]).sum())
                if now < cost:
                    cost = now
                else:
                    order[[one, other]] = order[[other, one]]
        if cost == before:
            break
    return entries[order]
