"""What a linear decoder leaves of an embedding, told by bits together: a hidden layer of rectifiers.

A linear decoder adds the same vector for a bit whatever the others are. The layer adds what only combinations say:

    r(c) = max(0, c A + a) B

for a code c of -1 and +1. It is learned from the entries that a model is trained on, and knows these best.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hashret.rows import Floats


@dataclass(frozen=True, slots=True)
class Remainder:
    """The layer: `inner` A (b, h), `bias` a (h,) and `outer` B (h, d), all float32; without units it says nothing."""

    inner: Floats
    bias: Floats
    outer: Floats

    @classmethod
    def none(cls, bits: int, width: int) -> Self:
        """A layer without units."""
        return cls(*(np.zeros(shape, np.float32) for shape in ((bits, 0), (0,), (0, width))))

    def decode(self, codes: Floats) -> Floats:
        """What is added to the linear decoder's vectors, float32 (n, d), for codes of -1 and +1 float32 (n, b)."""
        hidden: Floats = codes @ self.inner
        hidden += self.bias
        np.maximum(hidden, 0, out=hidden)
        added: Floats = hidden @ self.outer
        return added

    def state(self) -> dict[str, Floats]:
        """Named arrays that restore this object; none without units, as in models from before there was a layer."""
        named = {"remainder.inner": self.inner, "remainder.bias": self.bias, "remainder.outer": self.outer}
        return named if len(self.bias) else {}

    @classmethod
    def load(cls, arrays: dict[str, NDArray[Any]], bits: int, width: int) -> Self:
        """Restore what `state` gave, of a model of so many bits and values; other names are let be."""
        if "remainder.bias" not in arrays:
            return cls.none(bits, width)
        return cls(*(arrays[f"remainder.{name}"] for name in ("inner", "bias", "outer")))
