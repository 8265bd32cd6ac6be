"""Who is compared: the members of the family, and the tables in which each stands beside its kin.

A member is a name and the settings that make it. Parts are compared on one net, `BASE`, of which each member changes
one field; a member that is in several tables is run once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hashret import family
from hashret.settings import Settings

BITS = 32
STEPS = 1000  # of a kind
PART_STEPS = 500  # of a part, on a smaller net
TEXT, IMAGES = "20newsgroups_bow10k", "fashion_mnist"
BOTH = (TEXT, IMAGES)
BASE: Mapping[str, Any] = {
    "kind": "plain",
    "hidden": (128,),
    "binarizer": "sign",
    "learning_rate": 0.005,
    "steps": PART_STEPS,
}


@dataclass(frozen=True)
class Member:
    """Settings that differ from the default; of the posts it reads "tf-idf", "counts" or "strings"."""

    settings: Mapping[str, Any]
    reads: str = "tf-idf"

    def chosen(self, seed: int) -> Settings:
        """The settings of a run."""
        steps = {} if self.settings["kind"] == "neighbour" else {"steps": STEPS}
        return Settings(**{"bits": BITS, "seed": seed, **steps, **self.settings})


@dataclass(frozen=True)
class Table:
    """Members by the name of their row, and the tasks they are run on."""

    rows: Mapping[str, str]
    tasks: tuple[str, ...] = BOTH


def _on_base(**changed: Any) -> Member:
    """The base net with these fields changed."""
    return Member({**BASE, **changed})


def _of_kind(kind: str, reads: str = "tf-idf", **changed: Any) -> Member:
    """A kind with these fields changed."""
    return Member({"kind": kind, **changed}, reads)


_STRINGS = {"words": 10_000, "batch": 64, "steps": 1000}
_COUNTS = {"weighting": "count"}
_SMALL = {"hidden": (256, 128), "steps": PART_STEPS}
MEMBERS: Mapping[str, Member] = {
    **{kind: _of_kind(kind) for kind in family.KINDS},
    "start-rbm": _of_kind("rbm", **_SMALL),
    "start-random": _of_kind("rbm", start="random", **_SMALL),
    "rbm-softmax": _of_kind("rbm", "counts", loss="multinomial", **_COUNTS, **_SMALL),
    "rbm-poisson": _of_kind("rbm", "counts", loss="poisson", **_COUNTS, **_SMALL),
    **{f"net-{name}": _on_base(binarizer=name) for name in family.BINARIZERS if name != "codebook"},
    "net-codebook": _on_base(binarizer="codebook", penalty="commitment"),
    "loss-squared": _on_base(loss="squared"),
    "loss-bernoulli": _on_base(loss="bernoulli"),
    "loss-poisson": _on_base(loss="poisson"),
    "counts-multinomial": Member({**BASE, "loss": "multinomial", **_COUNTS}, "counts"),
    "counts-poisson": Member({**BASE, "loss": "poisson", **_COUNTS}, "counts"),
    "binary-bernoulli": Member({**BASE, "loss": "bernoulli", "weighting": "binary"}, "counts"),
    "tied": _on_base(tied=True),
    "conv": _on_base(net="conv"),
    "strings-mlp": Member({**BASE, **_STRINGS}, "strings"),
    "strings-gru": Member({**BASE, "net": "gru", **_STRINGS}, "strings"),
    "strings-transformer": Member({**BASE, "net": "transformer", **_STRINGS}, "strings"),
    "masking": _on_base(corruption="masking", noise=0.5),
    "gaussian": _on_base(corruption="gaussian", noise=0.2),
    "salt-and-pepper": _on_base(corruption="salt-and-pepper", noise=0.3),
    "penalty-l1": _of_kind("sparse", penalty="l1"),
    "penalty-l2": _of_kind("sparse", penalty="l2"),
}

TABLES: Mapping[str, Table] = {
    "kind": Table({kind: kind for kind in family.KINDS}),
    "start of one net (256-128, sigmoid units)": Table({"rbm": "start-rbm", "random": "start-random"}),
    "visible units of the first machine": Table(
        {"softmax, tf-idf": "start-rbm", "softmax, counts": "rbm-softmax", "poisson, counts": "rbm-poisson"}, (TEXT,)
    ),
    "binarizer of one net (128)": Table({name: f"net-{name}" for name in family.BINARIZERS}),
    "loss of one net (128, sign), posts": Table(
        {
            "multinomial, tf-idf": "net-sign",
            "squared, tf-idf": "loss-squared",
            "multinomial, counts": "counts-multinomial",
            "poisson, counts": "counts-poisson",
            "bernoulli, binary": "binary-bernoulli",
        },
        (TEXT,),
    ),
    "loss of one net (128, sign), images": Table(
        {"squared": "net-sign", "bernoulli": "loss-bernoulli", "poisson": "loss-poisson"}, (IMAGES,)
    ),
    "weights of the decoder": Table({"free": "net-sign", "tied": "tied"}),
    "net, images": Table({"mlp": "net-sign", "conv": "conv"}, (IMAGES,)),
    "net, posts as strings, 1,000 batches of 64": Table(
        {"mlp": "strings-mlp", "gru": "strings-gru", "transformer": "strings-transformer"}, (TEXT,)
    ),
    "corruption of one net (128, sign)": Table(
        {"none": "net-sign", "masking": "masking", "gaussian": "gaussian", "salt-and-pepper": "salt-and-pepper"}
    ),
    "penalty of one layer of sigmoids": Table(
        {
            "none": "plain",
            "kl-sparsity": "sparse",
            "l1": "penalty-l1",
            "l2": "penalty-l2",
            "contractive": "contractive",
        }
    ),
}
