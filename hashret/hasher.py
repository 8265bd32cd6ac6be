"""Hasher: contents in, binary codes out, by a model that was learned from contents alone.

A model is settings (JSON), arrays (safetensors) and the SHA-256 digest of both; it is kept as a row of the database
or as a file of its own, and never as a pickle. Encoding needs NumPy only: torch is imported by `fit` alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashret.features import KINDS, Contents, Features, Floats, Rows, Sparse, kind_of
from hashret.forward import Weights
from hashret.settings import Settings
from hashret.settle import Settled
from indexer.bits import unpack
from indexer.errors import Corrupt, InvalidInput, Mismatch, NotFound

FORMAT = 1


Progress = Callable[[str, int, int], None]  # phase, done, total


def silent(phase: str, done: int, total: int) -> None:
    """No progress to show."""


@dataclass(frozen=True)
class Hasher:
    """A trained model: `features` of one kind of content and the `weights` over them.

    Weights are an autoencoder's, but for embeddings those of a linear model whose codes settle.
    """

    settings: Settings
    features: Features
    weights: Weights | Settled

    @classmethod
    def fit(cls, contents: Contents, settings: Settings | None = None, progress: Progress = silent) -> Hasher:
        """Learn codes from contents: strings, uint8 images (h, w[, 3]), float rows (n, d), or `Sparse` rows.

        Trains on `settings.sample` of them at most; never changes them. `progress(phase, done, total)` is called as
        training goes on. Raises `InvalidInput` for no contents, mixed kinds, or NaN.
        """
        from hashret.model.linear import learn
        from hashret.model.train import train

        kind = kind_of(contents)
        chosen = (settings or Settings()).resolved(kind)
        sample = _sample(contents, chosen)
        features = KINDS[kind].fit(sample, chosen)
        rows = features.transform(sample)
        if kind == "vector" and not isinstance(rows, Sparse):
            return cls(chosen, features, learn(rows, chosen, progress))
        return cls(chosen, features, train(rows, chosen, progress))

    @property
    def bits(self) -> int:
        """Length of a code in bits."""
        return self.settings.bits

    @property
    def kind(self) -> str:
        """What it encodes: text, image, vector or matrix."""
        return self.features.kind

    def logits(self, contents: Contents) -> Floats:
        """Real-valued bottleneck, float32 (n, bits); a bit of the code is 1 where it is positive."""
        return self.weights.logits(self.transform(contents))

    def encode(self, contents: Contents) -> NDArray[np.uint8]:
        """Codes uint8 (n, bits / 8), most significant bit first."""
        return self.weights.encode(self.transform(contents))

    def transform(self, contents: Contents) -> Rows:
        """The numbers that the network reads; raises `InvalidInput` for contents of another kind or width."""
        if len(contents) and kind_of(contents) != self.kind:
            raise InvalidInput(f"contents are of kind {kind_of(contents)}, the model was trained on {self.kind}")
        return self.features.transform(contents)

    def reconstruct(self, codes: NDArray[np.uint8]) -> Floats:
        """What the decoder makes of codes, float32 (n, width): features, or for texts the logits of each word."""
        return self.weights.reconstruct(unpack(codes))

    def error(self, contents: Contents) -> Floats:
        """How badly each entry is reconstructed from its own code, float32 (n,): high means unlike the training data.

        Texts: cross-entropy in nats of the word proportions; others: mean squared difference of the features.
        """
        rows = self.transform(contents)
        output = self.weights.reconstruct(unpack(self.weights.encode(rows)))
        if not isinstance(rows, Sparse):
            squares: Floats = ((output - rows) ** 2).mean(1)
            return squares
        top = output.max(1, keepdims=True)
        log_share = output - top - np.log(np.exp(output - top).sum(1, keepdims=True))
        terms = rows.data * log_share[rows.owners(), rows.indices]
        total = np.bincount(rows.owners(), rows.data, len(rows))
        nats = -np.bincount(rows.owners(), terms, len(rows)) / np.maximum(total, 1e-9)
        return nats.astype(np.float32)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of settings and weights in hexadecimal: the name of this model."""
        settings, weights = self.to_bytes()
        return hashlib.sha256(settings.encode() + b"\n" + weights).hexdigest()

    def to_bytes(self) -> tuple[str, bytes]:
        """Settings as JSON and arrays as safetensors bytes, the same for the same model."""
        from safetensors.numpy import save

        arrays, text = self.features.state()
        named = {f"features.{name}": array for name, array in arrays.items()}
        named |= self.weights.state()
        header = {"format": FORMAT, "kind": self.kind, "settings": json.loads(self.settings.to_json()), "state": text}
        return json.dumps(header, sort_keys=True), save(
            {key: np.ascontiguousarray(named[key]) for key in sorted(named)}
        )

    @classmethod
    def from_bytes(cls, settings: str, weights: bytes) -> Hasher:
        """The model that `to_bytes` wrote; raises `Corrupt` or `Mismatch` if it is none that this version reads."""
        from safetensors.numpy import load

        try:
            header, arrays = json.loads(settings), load(weights)
            found = header["format"]
        except Exception as error:  # safetensors and json raise trees of their own
            raise Corrupt(f"the model cannot be read ({error}): restore the file from a copy") from error
        if found != FORMAT:
            raise Mismatch(f"the model has format {found}, this hashret reads format {FORMAT}: use a newer hashret")
        state = {key.removeprefix("features."): array for key, array in arrays.items() if key.startswith("features.")}
        features = KINDS[header["kind"]].load(state, header["state"])
        restore: type[Weights | Settled] = Settled if "field" in arrays else Weights
        return cls(Settings.from_json(json.dumps(header["settings"])), features, restore.load(arrays))

    def save(self, path: str | Path) -> None:
        """Write the model to one file: a JSON line with its digest and settings, then the safetensors bytes."""
        settings, weights = self.to_bytes()
        head = json.dumps({"hashret": self.digest, "model": settings})
        Path(path).write_bytes(head.encode() + b"\n" + weights)

    @classmethod
    def load(cls, path: str | Path) -> Hasher:
        """Read what `save` wrote; raises `NotFound`, or `Corrupt` if the bytes do not hash to their digest."""
        try:
            head, _, weights = Path(path).read_bytes().partition(b"\n")
        except FileNotFoundError as error:
            raise NotFound(f"{path}: no such file") from error
        try:
            named = json.loads(head)
            settings, digest = named["model"], named["hashret"]
        except (ValueError, KeyError, TypeError) as error:
            raise Corrupt(f"{path}: is no hashret model") from error
        if hashlib.sha256(settings.encode() + b"\n" + weights).hexdigest() != digest:
            raise Corrupt(f"{path}: does not hash to its digest {digest[:12]}: restore the file from a copy")
        return cls.from_bytes(settings, weights)


def _sample(contents: Contents, settings: Settings) -> Any:
    """At most `settings.sample` of the contents, drawn at random, in their order."""
    if len(contents) <= settings.sample:
        return contents
    rows = np.sort(np.random.default_rng(settings.seed).choice(len(contents), settings.sample, replace=False))
    if isinstance(contents, Sparse):
        return contents.take(rows)
    return contents[rows] if isinstance(contents, np.ndarray) else [contents[row] for row in rows]
