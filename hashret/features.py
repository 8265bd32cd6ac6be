"""Contents in, numbers out: texts, images and embeddings as the rows that a network reads.

Each kind is a frozen object made by `fit` and restored by `load`; its state is plain arrays and one JSON text, so a
model needs no pickle. Nothing here knows of codes, and nothing imports torch.

Texts are, where settings do not say otherwise, sparse tf-idf rows: (1 + log tf) * (log((1 + n) / (1 + df)) + 1), scaled
to unit length (Salton and Buckley 1988). Unicode normalisation, word splitting and the vocabulary are Hugging Face
`tokenizers`, kept as its JSON; runs without spaces are taken apart before (see `hashret.words`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from hashret.contents import check_cells, check_text, grey_or_colour, stacked
from hashret.family import SEQUENCES
from hashret.rows import Floats, Rows, Sparse
from hashret.settings import Settings
from hashret.words import LETTERS, WORD, leaves_no_spaces, spaced, stand_ins
from indexer.errors import InvalidInput

if TYPE_CHECKING:
    from tokenizers import Tokenizer

ACCENTS = rf"[\p{{M}}&&[^{LETTERS}]]"
UNKNOWN = "[UNK]"
SMALLEST = 1e-30  # square of a length that float32 holds in full
MANY = 64  # texts that pay for reading the vocabulary out of the tokenizer, some 5 ms


State = tuple[dict[str, NDArray[Any]], str]


class Features(Protocol):
    """What a kind of content offers the learner."""

    @property
    def kind(self) -> str:
        """Its name in `KINDS`."""

    @classmethod
    def fit(cls, contents: Any, settings: Settings) -> Self:
        """Learn the state from contents."""

    @classmethod
    def load(cls, state: State, settings: Settings) -> Self:
        """Restore what `state` gave, made by `fit` with the same settings."""

    def transform(self, contents: Any) -> Rows:
        """Contents as rows, in order."""

    def state(self) -> State:
        """Arrays and one JSON text that restore this object."""


@dataclass(frozen=True)
class Text:
    """Strings as sparse rows over the `settings.words` most frequent words.

    By `weighting` they are unit-length tf-idf, counts, or 1 for every word that is there; `ordered` rows have words as
    they are read, again and again if they come again, each with its idf or 1. With `spaceless` it learned from texts
    some of which leave no spaces, and takes their words apart (see `hashret.words`); others take a run for a word.
    """

    tokenizer: Tokenizer
    idf: Floats  # (words,)
    weighting: str = "tfidf"
    ordered: bool = False
    spaceless: bool = False
    kind: str = "text"

    @classmethod
    def fit(cls, contents: Sequence[str], settings: Settings) -> Self:
        """Learn vocabulary and word weights; raises `InvalidInput` if no word is in `min_count` entries."""
        check_text(contents)
        spaceless = leaves_no_spaces(contents)
        contents = [spaced(text) for text in contents] if spaceless else contents
        draft = _train_tokenizer(contents, spaceless)
        counts = _count_words(draft, contents)
        documents = np.bincount(counts.indices, minlength=counts.width)
        words = {number: word for word, number in draft.get_vocab().items() if word != UNKNOWN}
        least = min(settings.min_count, len(contents))
        order = sorted((n for n in words if documents[n] >= least), key=lambda n: (-documents[n], words[n]))
        kept = order[: settings.words]
        if not kept:
            raise InvalidInput(
                f"no word occurs in {least} of {len(contents)} texts: give texts with words, or a lower min_count"
            )
        tokenizer = _word_tokenizer([words[number] for number in kept], spaceless)
        idf = np.log((1 + len(contents)) / (1 + documents[kept])) + 1
        return cls(tokenizer, idf.astype(np.float32), settings.weighting, settings.net in SEQUENCES, spaceless)

    @classmethod
    def load(cls, state: State, settings: Settings) -> Self:
        """Restore from word weights `idf`, `spaceless` if there is such an array, and the tokenizer's JSON."""
        from tokenizers import Tokenizer

        arrays, text = state
        tokenizer, ordered = Tokenizer.from_str(text), settings.net in SEQUENCES
        return cls(tokenizer, arrays["idf"], settings.weighting, ordered, "spaceless" in arrays)

    def transform(self, contents: Sequence[str]) -> Sparse:
        """Texts as a CSR matrix (n, words); words outside the vocabulary are left out."""
        numbers, width = self._numbers(contents), self.tokenizer.get_vocab_size()
        rows = _listed(numbers, width) if self.ordered else _count(numbers, width)
        known = rows.only(rows.indices > 0)
        indices = known.indices - 1
        data = _weighed(known.data, self.weighting) * (self.idf[indices] if self.weighting == "tfidf" else 1)
        weighed = Sparse(known.indptr, indices, data.astype(np.float32), len(self.idf))
        return weighed.unit() if self.weighting == "tfidf" and not self.ordered else weighed

    def tfidf(self, rows: Sparse) -> Sparse:
        """Its own rows as unit-length tf-idf, by which texts are compared whatever the network reads.

        A binary row does not know how often a word was there: it counts once.
        """
        if self.weighting == "tfidf" and not self.ordered:
            return rows
        counts = replace(rows, data=np.ones_like(rows.data)).bag() if self.ordered else rows
        data = _weighed(counts.data, "tfidf") * self.idf[counts.indices]
        return replace(counts, data=data.astype(np.float32)).unit()

    def _numbers(self, contents: Sequence[str]) -> list[list[int]]:
        """The words of each text as numbers, 0 for the unknown.

        Plain ASCII needs no Unicode normalisation: the same words by `re`, in a third of the tokenizer's time.
        """
        check_text(contents)
        if self.spaceless:
            contents = [spaced(text, self._instead) for text in contents]
        if len(contents) < MANY:
            return _tokenize(self.tokenizer, contents)
        number, split = self._vocabulary.get, re.compile(WORD).findall
        others = iter(_tokenize(self.tokenizer, [text for text in contents if not text.isascii()]))
        return [
            [number(word, 0) for word in split(text.lower())] if text.isascii() else next(others) for text in contents
        ]

    @cached_property
    def _instead(self) -> dict[str, str]:
        """What stands for a run that is too short to be a word of the vocabulary."""
        return stand_ins(self.words())

    @cached_property
    def _vocabulary(self) -> dict[str, int]:
        """The number of each word."""
        return dict(self.tokenizer.get_vocab())

    def state(self) -> State:
        """Word weights, of `spaceless` an array that says so, and the tokenizer as JSON."""
        said = {"spaceless": np.ones(1, np.uint8)} if self.spaceless else {}
        return {"idf": self.idf, **said}, str(self.tokenizer.to_str())

    def words(self) -> list[str]:
        """The vocabulary in the order of the columns."""
        vocabulary = self.tokenizer.get_vocab()
        return sorted((word for word in vocabulary if word != UNKNOWN), key=vocabulary.__getitem__)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Ready-made sparse rows, such as somebody's own tf-idf: scaled to unit length, but counts left as they are."""

    width: int
    weighting: str = "tfidf"
    kind: str = "matrix"

    @classmethod
    def fit(cls, contents: Sparse, settings: Settings) -> Self:
        """Remember the number of columns; raises `InvalidInput` for no rows."""
        if not len(contents):
            raise InvalidInput("nothing to learn from: give at least one row")
        return cls(contents.width, settings.weighting)

    @classmethod
    def load(cls, state: State, settings: Settings) -> Self:
        """Restore from the number of columns."""
        return cls(int(state[0]["width"][0]), settings.weighting)

    def transform(self, contents: Sparse) -> Sparse:
        """Rows of unit length, of counts, or of ones; raises `InvalidInput` for another number of columns.

        In whatever order a row stores its columns, it is the same row.
        """
        check_cells(contents)
        if contents.width != self.width:
            raise InvalidInput(f"rows have {contents.width} columns, the model was trained on {self.width}")
        bag = contents.bag()
        bag = bag.only(bag.data != 0)
        if self.weighting == "tfidf":
            return bag.unit()
        return replace(bag, data=np.ones_like(bag.data)) if self.weighting == "binary" else bag

    def state(self) -> State:
        """The number of columns."""
        return {"width": np.array([self.width], dtype=np.int64)}, ""


@dataclass(frozen=True, slots=True)
class Image:
    """Images of any size as rows of pixels in [0, 1]: grey or colour uint8 arrays (h, w) or (h, w, 3)."""

    size: int
    channels: int
    kind: str = "image"

    @classmethod
    def fit(cls, contents: Sequence[NDArray[np.uint8]], settings: Settings) -> Self:
        """Grey if every image is grey."""
        colours = any(grey_or_colour(number, image).ndim == 3 for number, image in enumerate(contents))
        return cls(settings.image_size, 3 if colours else 1)

    @classmethod
    def load(cls, state: State, settings: Settings) -> Self:
        """Restore from `shape` (size, channels)."""
        size, channels = (int(value) for value in state[0]["shape"])
        return cls(size, channels)

    def transform(self, contents: Sequence[NDArray[np.uint8]]) -> Floats:
        """Images as float32 (n, size * size * channels)."""
        return _pixels(contents, self.size, self.channels)

    def picture(self, row: Floats) -> NDArray[np.uint8]:
        """One row as an image again, uint8 (size, size), or (size, size, 3) of colours."""
        shape = (self.size, self.size, 3) if self.channels == 3 else (self.size, self.size)
        pixels: NDArray[np.uint8] = np.rint(row.clip(0, 1) * 255).astype(np.uint8).reshape(shape)
        return pixels

    def state(self) -> State:
        """Size and channels."""
        return {"shape": np.array([self.size, self.channels], dtype=np.int64)}, ""


@dataclass(frozen=True, slots=True)
class Vector:
    """Embeddings compared by cosine: scaled to unit length and nothing else, so that kept rows rank by the cosine."""

    width: int
    kind: str = "vector"

    @classmethod
    def fit(cls, contents: Sequence[Floats] | Floats, settings: Settings) -> Self:
        """Remember the number of dimensions."""
        return cls(stacked(contents).shape[1])

    @classmethod
    def load(cls, state: State, settings: Settings) -> Self:
        """Restore from the number of dimensions."""
        return cls(int(state[0]["width"][0]))

    def transform(self, contents: Sequence[Floats] | Floats) -> Floats:
        """Embeddings as float32 (n, d); raises `InvalidInput` for another width or values that are not finite."""
        if not len(contents):
            return np.zeros((0, self.width), np.float32)
        rows = stacked(contents)
        if rows.shape[1] != self.width:
            raise InvalidInput(f"embeddings have {rows.shape[1]} dimensions, the model was trained on {self.width}")
        return _unit_rows(rows)

    def state(self) -> State:
        """The number of dimensions."""
        return {"width": np.array([self.width], dtype=np.int64)}, ""


KINDS: dict[str, type[Features]] = {"text": Text, "matrix": Matrix, "image": Image, "vector": Vector}


def _train_tokenizer(contents: Sequence[str], spaceless: bool) -> Tokenizer:
    """A tokenizer over every word of the contents, in no useful order."""
    from tokenizers.trainers import WordLevelTrainer

    tokenizer = _word_tokenizer([], spaceless)
    trainer = WordLevelTrainer(vocab_size=10_000_000, show_progress=False)  # a special token would swallow "[UNK]"
    tokenizer.train_from_iterator(contents, trainer)
    return tokenizer


def _word_tokenizer(words: list[str], spaceless: bool) -> Tokenizer:
    """Lower-cased words without accents; id 0 is the unknown word, then `words` in order.

    Where some are `spaceless` the marks of their scripts are no accents, and what is left is composed again.
    """
    from tokenizers import Regex, Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.normalizers import NFC, NFKD, Lowercase, Replace, Sequence, StripAccents
    from tokenizers.pre_tokenizers import Split

    vocabulary = {word: number for number, word in enumerate([UNKNOWN, *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=UNKNOWN))
    accents = [Replace(Regex(ACCENTS), ""), NFC()] if spaceless else [StripAccents()]
    tokenizer.normalizer = Sequence([NFKD(), *accents, Lowercase()])
    tokenizer.pre_tokenizer = Split(Regex(WORD), behavior="removed", invert=True)
    return tokenizer


def _count_words(tokenizer: Tokenizer, contents: Sequence[str]) -> Sparse:
    """Word counts (n, words + 1); column 0 counts the unknown."""
    return _count(_tokenize(tokenizer, contents), tokenizer.get_vocab_size())


def _tokenize(tokenizer: Tokenizer, contents: Sequence[str]) -> list[list[int]]:
    """The words of each text as numbers."""
    return [encoding.ids for encoding in tokenizer.encode_batch_fast(list(contents), add_special_tokens=False)]


def _count(tokens: list[list[int]], width: int) -> Sparse:
    """How often each number occurs in each list, (n, width)."""
    lengths = np.fromiter(map(len, tokens), dtype=np.int64, count=len(tokens))
    flat = np.fromiter(chain.from_iterable(tokens), dtype=np.int64, count=lengths.sum())
    cells, counts = np.unique(np.repeat(np.arange(len(tokens)), lengths) * width + flat, return_counts=True)
    indptr = np.searchsorted(cells, np.arange(len(tokens) + 1) * width)
    return Sparse(indptr, (cells % width).astype(np.int32), counts.astype(np.float32), width)


def _listed(tokens: list[list[int]], width: int) -> Sparse:
    """Each number of each list in its order, with the value 1, (n, width)."""
    lengths = np.fromiter(map(len, tokens), dtype=np.int64, count=len(tokens))
    flat = np.fromiter(chain.from_iterable(tokens), dtype=np.int32, count=lengths.sum())
    return Sparse(np.concatenate(([0], np.cumsum(lengths))), flat, np.ones(len(flat), np.float32), width)


def _weighed(counts: Floats, weighting: str) -> Floats:
    """How much a word counts that an entry has so often: 1 + log n, n, or 1."""
    if weighting == "tfidf":
        return 1 + np.log(counts)
    return np.ones_like(counts) if weighting == "binary" else counts


def _pixels(contents: Sequence[NDArray[np.uint8]], size: int, channels: int) -> Floats:
    """Images scaled to (size, size, channels) and to 0..1, one flat float32 row each."""
    shape = (size, size, 3) if channels == 3 else (size, size)
    rows = np.empty((len(contents), size * size * channels), dtype=np.float32)
    for row, image in zip(rows, map(grey_or_colour, range(len(contents)), contents), strict=True):
        row[:] = (image if image.shape == shape else _scaled(image, size, channels)).reshape(-1)
    rows /= 255
    return rows


def _scaled(image: NDArray[np.uint8], size: int, channels: int) -> NDArray[np.uint8]:
    """One image as (size, size), or (size, size, 3) if `channels` is 3."""
    from PIL import Image as Picture

    picture = Picture.fromarray(image).convert("RGB" if channels == 3 else "L")
    return np.asarray(picture.resize((size, size), Picture.Resampling.BOX))


def _unit_rows(rows: Floats) -> Floats:
    """Rows scaled to length 1; a row of zeros stays zero."""
    squares = np.einsum("nd,nd->n", rows, rows)  # none is written down: twice as fast as linalg.norm
    odd = np.flatnonzero(~((squares > SMALLEST) & (squares < np.inf)))
    if len(odd):  # squares that float32 cannot hold
        rows = rows.copy()
        rows[odd] /= np.maximum(np.abs(rows[odd]).max(1, keepdims=True), np.finfo(np.float32).tiny)
        squares[odd] = np.einsum("nd,nd->n", rows[odd], rows[odd])
    lengths = np.sqrt(squares)
    unit: Floats = rows * (1 / np.maximum(lengths, 1e-12))[:, None]
    return unit
