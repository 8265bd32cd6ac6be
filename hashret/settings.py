"""Every default of hashret, its meaning and its limits, in one frozen dataclass.

The command line makes its options from these fields, a stored model keeps them as JSON, and each message about a bad
value is made from the limits here. Nothing else in hashret has a default worth turning.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from indexer.errors import InvalidInput

_STEPS = {"batch": 256, "steps": 1200}
_SPARSE = {**_STEPS, "hidden": 0, "learning_rate": 5.0, "mask": 0.5, "neighbours": 100, "temperature": 0.5}
_IMAGE = {"hidden": 512, "learning_rate": 0.002, "mask": 0.0, "neighbours": 100, "temperature": 0.3}
_VECTOR = {"hidden": 0, "learning_rate": 0.01, "mask": 0.0, "neighbours": 10, "temperature": 0.06}
BY_KIND: dict[str, dict[str, Any]] = {
    "text": _SPARSE,
    "matrix": _SPARSE,
    "image": {**_IMAGE, "batch": 512, "steps": 400},
    "vector": {**_VECTOR, "batch": 4096, "steps": 1200},
}
_NO_IMAGE: dict[str, Any] = {"convolution": 0, "augment": 0.0}  # of other kinds, whatever was asked for


def _setting(default: Any, low: float, high: float, text: str) -> Any:
    """A field with its limits (inclusive) and its help text."""
    return field(default=default, metadata={"low": low, "high": high, "help": text})


@dataclass(frozen=True, slots=True)
class Settings:
    """How codes are learned. Every field is a number, its limits inclusive; None means: as `BY_KIND` says.

    Raises `InvalidInput` for a value outside its limits or of the wrong type.
    """

    bits: int = _setting(64, 8, 256, "Length of a code; a multiple of 8.")
    seed: int = _setting(0, 0, 2**31 - 1, "Same seed, data and versions give the same model.")
    words: int = _setting(20_000, 16, 1_000_000, "Texts: size of the vocabulary, most frequent first.")
    min_count: int = _setting(1, 1, 1_000_000, "Texts: a word counts if so many entries have it.")
    image_size: int = _setting(28, 8, 128, "Images: side in pixels that they are scaled to.")
    convolution: int = _setting(32, 0, 512, "Images: channels of a first convolution, half of the second; 0 for none.")
    augment: float = _setting(1.0, 0.0, 4.0, "Images: how much training moves and lights them; 0 for not at all.")
    sample: int = _setting(50_000, 1, 10_000_000, "Train on at most so many entries, drawn at random.")
    steps: int = _setting(None, 1, 10_000_000, "Training steps in each stage; embeddings above 128 bits take fewer.")
    batch: int = _setting(None, 2, 65_536, "Entries in a training step.")
    reconstruction: float = _setting(0.1, 0.0, 100.0, "Texts, images: weight of reconstruction beside agreement.")
    hidden: int = _setting(None, 0, 8192, "Texts, images: width of the hidden layer; 0 for none.")
    learning_rate: float = _setting(None, 1e-6, 100.0, "Peak step size: of momentum for texts, of Adam for others.")
    mask: float = _setting(None, 0.0, 0.95, "Texts, images: mean share of an entry that is hidden in training.")
    neighbours: int = _setting(None, 1, 10_000, "Training looks at so many nearest entries of each at most.")
    temperature: float = _setting(None, 0.01, 10.0, "Softness of the agreement between two views or neighbours.")

    def __post_init__(self) -> None:
        """Check every field against its limits."""
        for item in fields(self):
            _check(item.name, getattr(self, item.name), item.type, item.metadata)
        if self.bits % 8:
            raise InvalidInput(f"bits is {self.bits}: give a multiple of 8 from 8 to 256")

    def resolved(self, kind: str) -> Settings:
        """These settings with nothing left open, for contents of this kind."""
        chosen = {name: value for name, value in BY_KIND[kind].items() if getattr(self, name) is None}
        return replace(self, **chosen, **({} if kind == "image" else _NO_IMAGE))

    def to_json(self) -> str:
        """These settings as one JSON object with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Settings from `to_json`; raises `InvalidInput` for unknown names or bad values."""
        values = json.loads(text)
        unknown = sorted(set(values) - {item.name for item in fields(cls)})
        if unknown:
            raise InvalidInput(f"unknown settings {', '.join(unknown)}: the file was written by a newer hashret")
        return cls(**values)


def _check(name: str, value: object, kind: object, limits: Any) -> None:
    """Raise unless `value` is of the field's type and within its limits."""
    low, high = limits["low"], limits["high"]
    whole = "int" in str(kind)
    if value is None and name in _SPARSE:
        return
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not low <= value <= high:
        raise InvalidInput(f"{name} is {value!r}: give a{' whole' if whole else ''} number from {low} to {high}")
