"""Hasher: contents in, binary codes out, by a model that was learned from contents alone.

A model is settings (JSON), arrays (safetensors) and the SHA-256 digest of both; it is kept as a row of the database
or as a file of its own, and never as a pickle. Encoding needs NumPy only: torch is imported by `fit` alone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hashret import pretrained
from hashret.contents import Contents, kind_of
from hashret.curve import Curve
from hashret.embed import KINDS as EMBEDDED
from hashret.embed import Embedder
from hashret.family import ROTATED
from hashret.features import KINDS, Features, Text
from hashret.forward.network import Weights
from hashret.forward.settle import Settled
from hashret.inputs import Frame, is_table
from hashret.rows import Floats, Rows, Sparse, take
from hashret.settings import Settings
from indexer.bits import Codes, unpack
from indexer.errors import Corrupt, InvalidInput, Mismatch, NotFound

FORMAT = 2
BLOCK, CELLS = 1024, 1 << 25  # rows and values whose reconstruction is in memory: 80 MB of 20,000 words, 128 at most
JUDGED = 2048  # training entries whose errors are taken for those of all
QUANTILES = np.linspace(0, 1, 101)  # of the errors of training entries that a model remembers
NEVER = 1e-12  # share of a word that is not to be expected: less is taken for so much
CLOSE = 1e-5  # what the size of a batch may change of an error


class Progress(Protocol):
    """What is called as work goes on."""

    def __call__(self, phase: str, done: int, total: int, note: str = "") -> object:
        """So much of a phase is done, 0 of total where the end is not known; `note` says how it goes."""


def silent(phase: str, done: int, total: int, note: str = "") -> None:
    """No progress to show."""


@dataclass(frozen=True, eq=False)
class Hasher:
    """A trained model: `features` of one kind of content and the `weights` over them; one equals another by `digest`.

    Weights are an autoencoder's, but by default for embeddings those of a linear model whose codes settle. `usual` has
    the percentiles 0 to 100 of the `error` of training entries, float32 (101,). `curve` tells how `fit` went; it is no
    part of the model, and empty in one that was read. With `embed` it learned from vectors that a function made of
    texts or images, and takes these as well as vectors.
    """

    settings: Settings
    features: Features
    weights: Weights | Settled
    usual: Floats = field(default_factory=lambda: np.zeros(len(QUANTILES), np.float32))
    curve: Curve = field(default_factory=Curve, compare=False, repr=False)
    embed: Embedder | None = None

    @classmethod
    def fit(
        cls,
        contents: Contents,
        settings: Settings | None = None,
        progress: Progress = silent,
        checkpoint: str | Path | None = None,
        embed: Any = None,
    ) -> Hasher:
        """Learn codes from contents: strings, uint8 images (h, w[, 3]), float rows (n, d), or `Sparse` rows; of a table
        (see `hashret.entries`) from the column that has these.

        Trains on `settings.sample` of them at most; never changes them. `progress(phase, done, total, note)` is called
        as training goes on. With a `checkpoint` file the same call goes on where it was stopped, and removes the file
        in the end; embeddings by default, and restricted Boltzmann machines, begin anew. `embed` makes vectors of texts
        or images, which codes are then learned of (see `hashret.embed`).
        Raises `InvalidInput` for no contents, mixed kinds, NaN, or settings that do not go together.
        """
        from hashret.model.linear import learn
        from hashret.model.train import train

        contents = _contents(contents)
        kind = kind_of(contents)
        if embed is not None:
            embedder = Embedder.of(embed, kind)
            vectors = embedder.vectors(_sample(contents, settings or Settings()), progress=progress)
            return replace(cls.fit(vectors, settings, progress, checkpoint), embed=embedder)
        chosen = (settings or Settings()).resolved(kind)
        sample = _sample(contents, chosen)
        features = KINDS[kind].fit(sample, chosen)
        rows = features.transform(sample)
        weights: Weights | Settled
        curve = Curve()
        if chosen.settles(kind) and not isinstance(rows, Sparse):
            weights = learn(rows, chosen, progress, curve)
        else:
            weights = train(rows, chosen, progress, Path(checkpoint) if checkpoint else None, curve)
        some = np.random.default_rng(chosen.seed).permutation(len(rows))[:JUDGED]
        usual = np.quantile(errors(weights, take(rows, some)), QUANTILES).astype(np.float32)
        return cls(chosen, features, weights, usual, curve)

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Hasher) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def bits(self) -> int:
        """Length of a code in bits."""
        return self.settings.bits

    @property
    def kind(self) -> str:
        """What it encodes: text, image, vector or matrix."""
        return self.features.kind

    @property
    def reads(self) -> str:
        """What its entries are: as `kind`, but text or image where `embed` makes vectors of these."""
        return self.kind if self.embed is None else self.embed.reads

    def with_embed(self, embed: Any) -> Hasher:
        """The same model with the function that it learned from; raises `Mismatch` for another."""
        if self.embed is None:
            raise InvalidInput(f"the model learned from {self.kind}s themselves: open it without embed")
        return replace(self, embed=self.embed.using(embed))

    def logits(self, contents: Contents) -> Floats:
        """Logits of bits, float32 (n, bits); a bit of the code is 1 where its logit is positive."""
        return self.weights.logits(self.rows(contents))

    def encode(self, contents: Contents) -> Codes:
        """Codes uint8 (n, bits / 8), most significant bit first."""
        return self.weights.encode(self.rows(contents))

    def transform(self, contents: Contents) -> Floats:
        """The real-valued bottleneck, float32 (n, bits), or (n, dimensions) where settings have these."""
        return self.weights.values(self.rows(contents))

    def rows(self, contents: Contents, query: bool = False) -> Rows:
        """The numbers that the network reads, of entries or of a `query`, which some embedding functions tell apart.

        Raises `InvalidInput` for contents of another kind or width.
        """
        kind = kind_of(contents) if len(contents) else self.kind
        if kind == self.kind:
            return self.features.transform(contents)
        if self.embed is None or kind not in EMBEDDED or isinstance(contents, Sparse):
            raise InvalidInput(f"contents are of kind {kind}, the model was trained on {self.kind}")
        return self.features.transform(self.embed.vectors(contents, query))

    def compared(self, rows: Rows) -> Rows:
        """What exact cosines are taken of: unit-length tf-idf of texts, of others the numbers themselves."""
        return self.features.tfidf(rows) if isinstance(self.features, Text) and isinstance(rows, Sparse) else rows

    def reconstruct(self, codes: Codes | Floats) -> Floats:
        """What is expected of the input, float32 (n, width), of codes uint8 or of what `transform` gave, float32.

        Of images the pixels, 0 to 1; of embeddings their values; of texts the share of each word, or what `loss` says.
        """
        if codes.dtype == np.uint8:
            return self.weights.reconstruct(unpack(codes.astype(np.uint8, copy=False)))
        return self.weights.reconstruct_values(codes.astype(np.float32, copy=False))

    def error(self, contents: Contents) -> Floats:
        """How badly each entry comes back from its own bottleneck, float32 (n,): high means unlike the training data.

        Texts: cross-entropy in nats of the word proportions, that of a word of share `NEVER` where no word is known;
        others: mean squared difference of the features.
        """
        return errors(self.weights, self.rows(contents))

    def quantile(self, errors: Floats) -> Floats:
        """The share of the training entries that come back better than these errors (n,), float32 (n,)."""
        known, first = np.unique(self.usual, return_index=True)  # where many came back as well, none was better
        shares, close = np.asarray(QUANTILES)[first], CLOSE * np.abs(errors) + 1e-12
        near = np.searchsorted(known, errors - close).clip(max=len(known) - 1)
        found = np.where(np.abs(known[near] - errors) <= close, shares[near], np.interp(errors, known, shares))
        return np.where(errors > known[-1] + close, 1.0, found).astype(np.float32)

    def sample(self, count: int, seed: int = 0) -> Floats:
        """Entries that were never seen, float32 (n, width), decoded from draws of the prior of the codes.

        Draws are normal of mean 0 and variance 1 where the bottleneck is real-valued, fair bits elsewhere: what a
        penalty of prior or adversarial has taught codes to be.
        """
        rng = np.random.default_rng(seed)
        if self.settings.binarizer in ROTATED and isinstance(self.weights, Weights):
            width = self.settings.dimensions or self.bits
            return self.weights.reconstruct_values(rng.standard_normal((count, width), dtype=np.float32))
        return self.weights.reconstruct(rng.integers(0, 2, (count, self.bits)))

    def interpolate(self, one: Any, other: Any, steps: int = 8) -> Floats:
        """From one content to another by equal steps in the bottleneck, ends included, float32 (steps, width)."""
        ends = np.concatenate([self.transform(alone(content)) for content in (one, other)])
        shares = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
        return self.weights.reconstruct_values((1 - shares) * ends[0] + shares * ends[1])

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
        named["usual"] = self.usual
        header = {"format": FORMAT, "kind": self.kind, "settings": json.loads(self.settings.to_json()), "state": text}
        if self.embed is not None:
            named["embed.probe"] = self.embed.probe
            header["embed"] = {name: getattr(self.embed, name) for name in ("name", "source", "reads")}
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
            advice = "use a newer hashret" if found > FORMAT else "train a new one"
            raise Mismatch(f"the model has format {found}, this hashret reads format {FORMAT}: {advice}")
        chosen = Settings.from_json(json.dumps(header["settings"]))
        state = {key.removeprefix("features."): array for key, array in arrays.items() if key.startswith("features.")}
        features = KINDS[header["kind"]].load((state, header["state"]), chosen)
        restored = Settled.load(arrays) if "field" in arrays else Weights.load(arrays, chosen)
        embed = Embedder(**header["embed"], probe=arrays["embed.probe"]) if "embed" in header else None
        return cls(chosen, features, restored, arrays["usual"], embed=embed)

    def save(self, path: str | Path) -> None:
        """Write the model to one file: a JSON line with its digest and settings, then the safetensors bytes."""
        settings, weights = self.to_bytes()
        head = json.dumps({"hashret": self.digest, "model": settings})
        Path(path).write_bytes(head.encode() + b"\n" + weights)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the model to a folder: config.json, model.safetensors, tokenizer.json of texts, and a README.md."""
        settings, weights = self.to_bytes()
        pretrained.write(folder, settings, weights, pretrained.card(settings, self._figures(), self.reads))

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Hasher:
        """Read what `save_pretrained` wrote; raises `NotFound`, or `Corrupt` for other bytes than those."""
        return cls.from_bytes(*pretrained.read(folder))

    def _figures(self) -> dict[str, Any]:
        """What a model card tells of the model and its training."""
        known = {"words": f"{len(self.features.idf):,}"} if isinstance(self.features, Text) else {}
        named = {} if self.embed is None else {"vectors by": self.embed.name}
        median, worst = np.interp((0.5, 0.99), QUANTILES, self.usual).tolist()
        return {
            "digest": f"`{self.digest}`",
            "encodes": self.reads,
            **named,
            "bits": self.bits,
            **known,
            "numbers": f"{sum(array.size for array in self.weights.state().values()):,}",
            "error of training entries": f"{median:.4g} (median), {worst:.4g} (99 % are below)",
        }

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


def errors(weights: Weights | Settled, rows: Rows) -> Floats:
    """See `Hasher.error`: of rows, a block at a time."""
    parts = [np.zeros(0, np.float32)]
    size = max(1, min(BLOCK, CELLS // (rows.width if isinstance(rows, Sparse) else rows.shape[1])))
    for start in range(0, len(rows), size):
        block = take(rows, np.arange(start, min(start + size, len(rows))))
        expected = weights.reconstruct_values(weights.values(block))
        if isinstance(block, Sparse):
            share = expected / np.maximum(expected.sum(1, keepdims=True), 1e-9)
            nats = -np.log(np.maximum(share[block.owners(), block.indices], NEVER)) * block.data
            total = np.bincount(block.owners(), block.data, len(block))
            mean = np.bincount(block.owners(), nats, len(block)) / np.maximum(total, 1e-9)
            parts.append(np.where(np.diff(block.indptr), mean, -np.log(NEVER)).astype(np.float32))
        else:
            parts.append(((expected - block) ** 2).mean(1))
    return np.concatenate(parts)


def _contents(contents: Any) -> Contents:
    """Contents as they are, or those of the entries of a table."""
    if isinstance(contents, Frame) or is_table(contents):
        return [entry.content for entry in (contents if isinstance(contents, Frame) else Frame(contents))]
    return contents  # type: ignore[no-any-return]


def alone(content: Any) -> Any:
    """One content as contents of its kind."""
    return content[None] if isinstance(content, np.ndarray) and content.ndim == 1 else [content]


def _sample(contents: Contents, settings: Settings) -> Any:
    """At most `settings.sample` of the contents, drawn at random, in their order."""
    if len(contents) <= settings.sample:
        return contents
    rows = np.sort(np.random.default_rng(settings.seed).choice(len(contents), settings.sample, replace=False))
    if isinstance(contents, Sparse):
        return contents.take(rows)
    return contents[rows] if isinstance(contents, np.ndarray) else [contents[row] for row in rows]
