"""Embedding functions: vectors of texts and images by somebody else's model, of which hashret then learns the codes.

Any function will do that takes a list of contents, str or uint8 images, and gives a row of numbers for each. So will an
object with `encode`, as those of sentence-transformers and model2vec (it gets images as Pillow's), or with
`embed_documents` and `embed_query`, as LangChain's; or the name or folder of a sentence-transformers model. Where an
object tells queries from what is searched (`encode_query`, `encode_document`), so does hashret.

A model remembers the name of its function and the vector that it gave for a fixed probe. Another function, or another
version of it, gives another vector and is refused: its vectors would be compared with strangers.
Not here: how codes are learned of vectors (`hasher`). Nothing is ever downloaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashret.rows import Floats
from indexer.errors import InvalidInput, Mismatch, NotFound, NotInstalled

FUNCTION, SENTENCES = "function", "sentence-transformers"
PART = 256  # contents a call
SAME = 0.98  # least cosine with the vector of the probe: half precision and other batches change less, models more
TEXT = "Semantic hashing gives similar documents similar addresses."
KINDS = ("text", "image")


Contents = Sequence[Any] | NDArray[Any]


@dataclass(frozen=True, slots=True)
class Functions:
    """What makes vectors of the entries, and of the queries."""

    documents: Callable[[list[Any]], Any]
    queries: Callable[[list[Any]], Any]


@dataclass(frozen=True)
class Embedder:
    """An embedding function as a model remembers it, with the function itself where it is at hand.

    `source` says whether `name` can be loaded by name; `reads` is text or image; `probe` float32 (d,) is the vector of
    the probe of that kind. `known` has vectors of contents that need not be made again.
    """

    name: str
    source: str
    reads: str
    probe: Floats
    given: Functions | None = field(default=None, repr=False, compare=False)
    known: dict[Any, Floats] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, embed: Any, reads: str) -> Embedder:
        """The embedder of a function, an object or a name (see above), for contents of this kind.

        Raises `InvalidInput` for what is none, and for contents that are vectors already.
        """
        if reads not in KINDS:
            raise InvalidInput(f"embed makes vectors of texts or images, and the contents are of kind {reads}: omit it")
        functions = functions_of(embed)
        source, name = SENTENCES if isinstance(embed, str | Path) else FUNCTION, name_of(embed)
        probe = _called(functions.documents, [_probe(reads)], name)[0]
        return cls(name, source, reads, probe, functions)

    def using(self, embed: Any) -> Embedder:
        """The same with its function, given or named once more; raises `Mismatch` if that is another."""
        functions = functions_of(embed)
        vector = _called(functions.documents, [_probe(self.reads)], self.name)[0]
        cosine = _cosine(vector, self.probe) if len(vector) == len(self.probe) else 0.0
        if cosine < SAME:
            raise Mismatch(
                f"embed gives {len(vector)} numbers with a cosine of {cosine:.2f} to those that {self.name} gave in "
                f"training, which were {len(self.probe)}: give that one, or index into a new file"
            )
        return replace(self, given=functions)

    def knowing(self, contents: Contents, vectors: Floats) -> Embedder:
        """The same with the vectors of these contents at hand."""
        return replace(self, known=dict(zip(map(_token, contents), vectors, strict=True)))

    def forget(self) -> None:
        """Let go of the vectors at hand."""
        self.known.clear()

    @cached_property
    def functions(self) -> Functions:
        """The functions; those of sentence-transformers are loaded when they are first needed.

        Raises `InvalidInput` where they must be given, and as `using` does.
        """
        if self.given is not None:
            return self.given
        if self.source != SENTENCES:
            raise InvalidInput(
                f"the model learned from vectors that {self.name} made of {self.reads}s, and only vectors can be given "
                "without it: open it with embed=, the same function"
            )
        loaded = self.using(self.name).given
        assert loaded is not None
        return loaded

    def vectors(self, contents: Contents, query: bool = False, progress: Callable[..., object] | None = None) -> Any:
        """Vectors of texts or images, float32 (n, d): of entries, or of queries."""
        if query:
            return self._made(self.functions.queries, list(contents), progress)
        tokens = [_token(content) for content in contents] if self.known else [None] * len(contents)
        rest = [one for one, token in zip(contents, tokens, strict=True) if token not in self.known]
        made = self._made(self.functions.documents, rest, progress) if rest or not self.known else np.zeros((0, 0))
        if len(rest) == len(contents):
            return made
        fresh = iter(made)
        return np.stack([self.known[token] if token in self.known else next(fresh) for token in tokens])

    def _made(
        self, call: Callable[[list[Any]], Any], contents: list[Any], progress: Callable[..., object] | None
    ) -> Floats:
        """What the function gives, a part at a time."""
        parts = [np.zeros((0, len(self.probe)), np.float32)]
        for start in range(0, len(contents), PART):
            part = _called(call, contents[start : start + PART], self.name)
            if part.shape[1] != len(self.probe):
                wanted = len(self.probe)
                raise InvalidInput(f"{self.name} gave rows of {part.shape[1]} numbers, and {wanted} before: mend it")
            parts.append(part)
            if progress is not None:
                progress("embed", min(start + PART, len(contents)), len(contents))
        return np.concatenate(parts)


def same_vectors(one: Embedder | None, other: Embedder | None) -> bool:
    """Whether two models read vectors of one function, by what it gave for the probe, or both of none."""
    if one is None or other is None:
        return one is other
    return len(one.probe) == len(other.probe) and _cosine(one.probe, other.probe) >= SAME


def functions_of(embed: Any) -> Functions:
    """The functions of what a user may hand in; raises `InvalidInput` for anything else."""
    if isinstance(embed, str | Path):
        return functions_of(_sentence_transformer(str(embed)))
    if hasattr(embed, "embed_documents"):
        single = getattr(embed, "embed_query", None)
        several = embed.embed_documents
        return Functions(several, several if single is None else lambda texts: [single(text) for text in texts])
    if hasattr(embed, "encode"):
        return Functions(
            lambda contents: getattr(embed, "encode_document", embed.encode)(_pictures(contents)),
            lambda contents: getattr(embed, "encode_query", embed.encode)(_pictures(contents)),
        )
    if callable(embed):
        return Functions(embed, embed)
    raise InvalidInput(
        f"embed is {type(embed).__name__}: give a function of a list of contents, an object with encode or "
        "embed_documents, or the name of a sentence-transformers model"
    )


def name_of(embed: Any) -> str:
    """What a model, function or object is called; a folder by its whole path, as it may be loaded from elsewhere."""
    if isinstance(embed, str | Path):
        return str(Path(embed).resolve()) if Path(embed).is_dir() else str(embed)
    return str(getattr(embed, "__qualname__", None) or type(embed).__qualname__)


@lru_cache(maxsize=2)
def _sentence_transformer(name: str) -> Any:
    """A model of sentence-transformers from a folder or from what was downloaded before."""
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging
    except ImportError as error:
        raise NotInstalled(
            f"embed is {name!r}: such models are run by sentence-transformers: pip install 'hashret[embed]'"
        ) from error
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        return SentenceTransformer(name, local_files_only=True)
    except (OSError, ValueError) as error:
        raise NotFound(
            f"embed is {name!r}: there is no such folder of a sentence-transformers model and nothing was downloaded "
            f"under that name: fetch it first, as by hf download {name}"
        ) from error
    finally:
        if shown:
            logging.enable_progress_bar()


def _called(call: Callable[[list[Any]], Any], contents: list[Any], name: str) -> Floats:
    """What a function gives for some contents, as finite float32 rows; raises `InvalidInput` if it is not that."""
    given = call(contents)
    try:
        rows = np.asarray(given, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} gave no numbers for {len(contents)} contents ({error}): mend it") from error
    if rows.ndim != 2 or len(rows) != len(contents) or not rows.shape[1]:
        raise InvalidInput(
            f"{name} gave an array of shape {rows.shape} for {len(contents)} contents: give a row of numbers for each"
        )
    broken = np.flatnonzero(~np.isfinite(rows).all(1))
    if len(broken):
        shown = contents[broken[0]] if isinstance(contents[broken[0]], str) else "an image"
        raise InvalidInput(f"{name} gave NaN or infinity for {shown[:80]!r}: mend it or leave that out")
    return rows


def _probe(reads: str) -> Any:
    """A content that is always the same: a sentence, or a picture of two ramps, uint8 (32, 32, 3)."""
    if reads == "text":
        return TEXT
    ramp = np.arange(0, 256, 8, dtype=np.uint8)
    return np.stack([*np.broadcast_arrays(ramp[:, None], ramp), np.full((32, 32), 128, np.uint8)], axis=2)


def _pictures(contents: list[Any]) -> list[Any]:
    """Contents with images as Pillow's, which is what models of images are given."""
    from PIL import Image

    return [Image.fromarray(one).convert("RGB") if isinstance(one, np.ndarray) else one for one in contents]


def _token(content: str | NDArray[Any]) -> Any:
    """What stands for a content among those known: a text itself, the digest of an image."""
    if isinstance(content, str):
        return content
    return content.shape, hashlib.sha256(content.tobytes()).digest()


def _cosine(one: Floats, other: Floats) -> float:
    """The cosine of two vectors, 0 for a vector of zeros."""
    return float(one @ other / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-12))
