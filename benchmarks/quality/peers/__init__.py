"""Every method of the benchmarks by name: a function of a task, a number of bits and a seed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.quality.peers import checkouts, ranked, shallow
from benchmarks.quality.peers.checkouts import CHECKOUTS, missing
from benchmarks.quality.peers.ranked import rabitq_dimensions
from benchmarks.quality.results import Codes, Outcome
from benchmarks.quality.tasks import Task
from hashret.hasher import Hasher
from hashret.settings import Settings

Method = Callable[[Task, int, int], Outcome]


def hashret(task: Task, bits: int, seed: int, **override: Any) -> Codes:
    """The learner of this package, with its default settings but for `override`."""
    hasher = Hasher.fit(task.database.contents, Settings(bits=bits, seed=seed, **override))
    return Codes.learned(hasher, task.database.contents, task.queries.contents)


def coded(fit: Callable[..., shallow.Encode]) -> Method:
    """A (fit, encode) adapter as a method."""

    def method(task: Task, bits: int, seed: int) -> Codes:
        encode = fit(task.database.rows, bits, seed)
        return Codes.of(encode(task.database.rows), encode(task.queries.rows))

    return method


TEXTS: dict[str, Method] = {
    "hashret": hashret,
    "AMMI": partial(checkouts.trained, "AMMI"),
    "NASH": partial(checkouts.trained, "NASH"),
    "VDSH": partial(checkouts.trained, "VDSH"),
    "LSA+ITQ": coded(shallow.lsa_itq),
    "hyperplanes": coded(shallow.hyperplanes),
    "LSA-float": ranked.lsa_float,
    "tf-idf": ranked.cosine,
}
VECTORS: dict[str, Method] = {
    "hashret": hashret,
    "ITQ": coded(shallow.pca_itq),
    "PCA-sign": coded(shallow.principal),
    "random-rotation": coded(shallow.random_rotation),
    "hyperplanes": coded(shallow.hyperplanes),
    "FAISS-LSH": coded(shallow.faiss_lsh),
    "PQ": ranked.product,
    "RaBitQ": ranked.rabitq,
    "RaBitQ+8-bytes": ranked.rabitq_extra,
}
IMAGES: dict[str, Method] = {
    "hashret": hashret,
    "hashret-mlp": partial(hashret, net="mlp"),
    "ITQ": coded(shallow.pca_itq),
    "hyperplanes": coded(shallow.hyperplanes),
    "float-L2": ranked.euclidean,
}
ANY_WIDTH = ("tf-idf", "float-L2")  # one run serves every number of bits

__all__ = ["ANY_WIDTH", "CHECKOUTS", "IMAGES", "TEXTS", "VECTORS", "Method", "hashret", "missing", "rabitq_dimensions"]
