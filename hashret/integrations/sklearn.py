"""`HashTransformer`: learned codes as a step of scikit-learn, in pipelines, grid searches and data frames.

It keeps scikit-learn's contract (`check_estimator` passes whole), so parameters are checked in `fit` and never changed,
and what is learned ends in an underscore. Dense rows are learned as embeddings, sparse rows as words that somebody
counted, and a list of strings as texts. Not here: any search; hand codes to `hashret.Index`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hashret.hasher import Hasher
from hashret.rows import Sparse
from hashret.settings import Settings
from indexer.bits import unpack
from indexer.errors import InvalidInput, NotInstalled

try:
    from scipy import sparse
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise NotInstalled("HashTransformer is of scikit-learn: pip install 'hashret[sklearn]'") from error

OUTPUTS = ("bits", "signs", "packed", "logits")
KINDS = {"vector": "dense rows", "matrix": "sparse rows", "text": "texts"}


class HashTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Binary codes of rows or texts, learned without labels.

    bits, kind, seed and steps are those of `hashret.Settings`, and `settings` has any other of its fields by name.
    `output` is what `transform` gives:

    bits     uint8 (n, bits) of 0 and 1
    signs    float32 (n, bits) of -1 and 1, for estimators that want centred numbers
    packed   uint8 (n, bits / 8), most significant bit first, as `hashret.Index` and FAISS take them
    logits   float32 (n, bits), real values whose signs are the bits

    After `fit`, `hasher_` is the model. Raises `InvalidInput`, a ValueError, for settings and contents that cannot be.
    """

    def __init__(
        self,
        *,
        bits: int = 64,
        kind: str = "neighbour",
        seed: int = 0,
        steps: int | None = None,
        settings: Mapping[str, Any] | None = None,
        output: str = "bits",
    ) -> None:
        self.bits = bits
        self.kind = kind
        self.seed = seed
        self.steps = steps
        self.settings = settings
        self.output = output

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn codes from float rows (n, d), a sparse matrix (n, d) of counts or weights, or strings."""
        if self.output not in OUTPUTS:
            raise InvalidInput(f"output is {self.output!r}: give one of {', '.join(OUTPUTS)}")
        contents = self._contents(X, fresh=True)
        if len(contents) < 2:
            raise InvalidInput("there is 1 sample (n_samples = 1): give at least two to tell apart")
        self.hasher_ = Hasher.fit(contents, self._settings())
        return self

    def transform(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """Codes in the form of `output`; rows may be dense or sparse, whatever `fit` saw."""
        check_is_fitted(self, "hasher_")
        contents = self._contents(X, fresh=False)
        if self.output == "logits":
            return self.hasher_.logits(contents)
        codes = self.hasher_.encode(contents)
        if self.output == "packed":
            return codes
        bits = unpack(codes)
        return bits if self.output == "bits" else bits * np.float32(2) - np.float32(1)

    @property
    def _n_features_out(self) -> int:
        """Columns that `transform` gives, for their names."""
        return self.hasher_.bits // 8 if self.output == "packed" else self.hasher_.bits

    def _settings(self) -> Settings:
        """The parameters as hashret takes them."""
        more = dict(self.settings or {})
        unknown = sorted(set(more) - {item.name for item in fields(Settings)})
        if unknown:
            raise InvalidInput(f"unknown settings {', '.join(unknown)}: give fields of hashret.Settings")
        return Settings(**{"bits": self.bits, "kind": self.kind, "seed": self.seed, "steps": self.steps, **more})

    def _contents(self, rows: Any, fresh: bool) -> Any:
        """What a Hasher takes, of texts or of anything that scikit-learn takes as rows."""
        kind = None if fresh else self.hasher_.kind
        if _are_texts(rows):
            if kind not in (None, "text"):
                raise InvalidInput(f"these are texts, and fit saw {KINDS[kind]}: give the same")
            return [_text(number, value) for number, value in enumerate(rows)]
        if kind == "text":
            raise InvalidInput("these are no texts, and fit saw texts: give a list of strings")
        checked = validate_data(self, rows, reset=fresh, accept_sparse="csr", dtype=np.float32)
        if sparse.issparse(checked) if kind is None else kind == "matrix":
            matrix = sparse.csr_matrix(checked)
            return Sparse(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data, matrix.shape[1])
        return checked.toarray() if sparse.issparse(checked) else checked

    def __sklearn_tags__(self) -> Any:
        """What `check_estimator` may expect."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Parameters, and the model as the bytes that hashret keeps it in."""
        state = dict(super().__getstate__())
        if "hasher_" in state:
            state["hasher_"] = state["hasher_"].to_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore; raises `Mismatch` for a model of another format."""
        known = dict(state)
        if "hasher_" in known:
            known["hasher_"] = Hasher.from_bytes(*known["hasher_"])
        super().__setstate__(known)


def _are_texts(rows: Any) -> bool:
    """Whether there are strings in a list, a 1-D array or a column."""
    if isinstance(rows, str) or getattr(rows, "ndim", 1) != 1 or not hasattr(rows, "__len__"):
        return False
    return any(isinstance(value, str) for value in rows)


def _text(number: int, value: Any) -> str:
    """One of some texts; a missing one is none."""
    if not isinstance(value, str):
        raise InvalidInput(f"text {number} is {value!r}: give a string, or leave it out")
    return str(value)
