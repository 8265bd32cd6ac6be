"""Every default of hashret, its meaning and its limits, in one frozen dataclass.

The command line makes its options from these fields, a stored model keeps them as JSON, and each message about a bad
value is made from the limits here. Nothing else in hashret has a default worth turning.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from hashret import family
from indexer.errors import InvalidInput


def _setting(default: Any, low: float, high: float, text: str) -> Any:
    """A field with its limits (inclusive) and its help text."""
    return field(default=default, metadata={"low": low, "high": high, "help": text})


def _choice(default: str | None, choices: tuple[str, ...], text: str) -> Any:
    """A field with the names that it may have."""
    return field(default=default, metadata={"choices": choices, "help": text})


@dataclass(frozen=True, slots=True)
class Settings:
    """How codes are learned: numbers with inclusive limits and names of parts. None means: as `hashret.family` says.

    Raises `InvalidInput` for a value outside its limits or of the wrong type.
    """

    bits: int = _setting(64, 8, 256, "Length of a code; a multiple of 8.")
    kind: str = _choice("neighbour", tuple(family.KINDS), "Kind of autoencoder: a mix of the parts below.")
    seed: int = _setting(0, 0, 2**31 - 1, "Same seed, data and versions give the same model.")
    words: int = _setting(20_000, 16, 1_000_000, "Texts: size of the vocabulary, most frequent first.")
    min_count: int = _setting(1, 1, 1_000_000, "Texts: a word counts if so many entries have it.")
    weighting: str = _choice("tfidf", ("tfidf", "count", "binary"), "Texts: what the number of a word in an entry is.")
    image_size: int = _setting(28, 8, 128, "Images: side in pixels that they are scaled to.")
    augment: float = _setting(None, 0.0, 4.0, "Images: how much training moves and lights them; 0 for not at all.")
    sample: int = _setting(50_000, 1, 10_000_000, "Train on at most so many entries, drawn at random.")
    steps: int = _setting(None, 1, 10_000_000, "Training steps in each stage; embeddings above 128 bits take fewer.")
    batch: int = _setting(None, 2, 65_536, "Entries in a training step.")
    learning_rate: float = _setting(None, 1e-6, 100.0, "Peak step size: of momentum for words, of Adam for others.")
    clip: float = _setting(None, 0.0, 1e6, "Longest gradient, longer ones are shortened; 0 for any.")
    patience: int = _setting(None, 0, 1000, "Stop after so many looks at held-out entries without gain; 0: never.")
    net: str = _choice(None, family.NETS, "What reads an entry: gru and transformer read texts in their order.")
    hidden: tuple[int, ...] = _setting(None, 1, 8192, "Widths of the hidden layers, as 500,250; 0 for none.")
    activation: str = _choice(None, family.ACTIVATIONS, "Between layers.")
    convolution: int = _setting(32, 1, 512, "Net conv: channels of the first convolution, half of the second.")
    tied: bool = field(default=False, metadata={"help": "The decoder's weights are the encoder's, transposed."})
    corruption: str = _choice(None, family.CORRUPTIONS, "What training does to an entry before it is read.")
    noise: float = _setting(None, 0.0, 10.0, "Share of the values corrupted; of gaussian its standard deviation.")
    binarizer: str = _choice(None, family.BINARIZERS, "What makes values a code in training.")
    dimensions: int | None = _setting(
        None, 1, 4096, "Binarizer linear, gaussian: values that are learned [as many as bits]."
    )
    active: int = _setting(8, 1, 255, "Binarizer top-k: bits of a code that are 1.")
    penalty: str = _choice(None, family.PENALTIES, "What codes are punished for.")
    penalty_weight: float = _setting(None, 0.0, 1e6, "Weight of the penalty beside reconstruction: beta of a prior.")
    target: float = _setting(0.1, 0.001, 0.999, "Penalty kl-sparsity: share of entries for which a unit is on.")
    warmup: float = _setting(None, 0.0, 1.0, "Share of the steps in which the weight of the penalty grows from 0.")
    objective: str = _choice(None, family.OBJECTIVES, "What is asked of codes.")
    reconstruction: float = _setting(None, 0.0, 100.0, "Weight of reconstruction beside agreement.")
    loss: str = _choice(None, family.LOSSES, "What reconstruction is measured by.")
    neighbours: int = _setting(None, 1, 10_000, "Agreement: looks at so many nearest entries of each at most.")
    temperature: float = _setting(None, 0.01, 10.0, "Agreement: its softness, between two views or neighbours.")
    start: str = _choice(None, family.STARTS, "Where learning starts: rbm learns layer by layer first.")
    cd_steps: int = _setting(1, 1, 100, "Start rbm: steps of contrastive divergence.")

    def __post_init__(self) -> None:
        """Check every field against its limits."""
        if isinstance(self.hidden, int | list) and not isinstance(self.hidden, bool):  # one width, or what JSON has
            widths = self.hidden if isinstance(self.hidden, list) else [self.hidden] if self.hidden else []
            object.__setattr__(self, "hidden", tuple(widths))
        if isinstance(self.hidden, tuple):
            plain = tuple(width.item() if hasattr(width, "item") else width for width in self.hidden)
            object.__setattr__(self, "hidden", plain)
        for item in fields(self):
            value = getattr(self, item.name)
            if getattr(value, "shape", None) == ():  # a number of NumPy
                object.__setattr__(self, item.name, value.item())
            _check(item.name, getattr(self, item.name), str(item.type), item.metadata)
        if self.bits % 8:
            raise InvalidInput(f"bits is {self.bits}: give a multiple of 8 from 8 to 256")

    def resolved(self, contents: str) -> Settings:
        """These settings with nothing left open, for contents of this kind: text, matrix, image or vector.

        Raises `InvalidInput` for a mix that cannot be, with the reason.
        """
        values = family.defaults(self.kind, contents)
        chosen = replace(self, **{name: value for name, value in values.items() if getattr(self, name) is None})
        if chosen.corruption == "none":
            chosen = replace(chosen, noise=0.0)
        reason = family.refusal(chosen, contents)
        if reason:
            raise InvalidInput(reason)
        return chosen

    def settles(self, contents: str) -> bool:
        """Whether codes are those of `hashret.forward.settle`: of embeddings, where nothing asks for a network."""
        parts = (self.objective, self.binarizer, self.penalty, self.corruption, self.hidden)
        usual = ("agreement", "sign", "none", "none", ())
        return contents == "vector" and parts == usual and not self.tied

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


_OPEN = {name for kind in family.KINDS for contents in family.CONTENTS for name in family.defaults(kind, contents)}


def _check(name: str, value: object, kind: str, limits: Any) -> None:
    """Raise unless `value` is of the field's type and within its limits."""
    if value is None and (name in _OPEN or name == "dimensions"):
        return
    if "choices" in limits:
        if value not in limits["choices"]:
            raise InvalidInput(f"{name} is {value!r}: give one of {', '.join(limits['choices'])}")
    elif kind == "bool":
        if not isinstance(value, bool):
            raise InvalidInput(f"{name} is {value!r}: give True or False")
    elif kind.startswith("tuple"):
        if not isinstance(value, tuple):
            raise InvalidInput(f"{name} is {value!r}: give a tuple of whole numbers")
        for part in value:
            _check(name, part, "int", limits)
    else:
        low, high, whole = limits["low"], limits["high"], kind.startswith("int")
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not low <= value <= high:
            raise InvalidInput(f"{name} is {value!r}: give a{' whole' if whole else ''} number from {low} to {high}")
