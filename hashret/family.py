"""The family of autoencoders: the names of its parts, the mixes that literature named, and the mixes that cannot be.

A network is a choice from each of a few tables: what corrupts the input, what reads it, what makes its values a code,
what is asked of both, and where learning starts. `Settings(kind=...)` picks a mix that has a name, and any field beside
it changes that mix. The functions behind these names are the tables of `hashret.model`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashret.settings import Settings

NETS = ("mlp", "conv", "gru", "transformer")
ACTIVATIONS = ("relu", "gelu", "sigmoid", "tanh")
CORRUPTIONS = ("none", "masking", "gaussian", "salt-and-pepper")
BINARIZERS = (
    "sign", "thresholds", "half", "tanh", "bernoulli", "concrete", "noise", "sigmoid", "top-k", "linear", "gaussian",
    "codebook",
)  # fmt: skip
PENALTIES = ("none", "kl-sparsity", "l1", "l2", "contractive", "prior", "adversarial", "commitment")
OBJECTIVES = ("agreement", "reconstruction", "recirculation")
LOSSES = ("squared", "bernoulli", "multinomial", "poisson")
STARTS = ("random", "rbm")
SEQUENCES = ("gru", "transformer")
DRAWN = ("gaussian", "concrete", "bernoulli")  # codes are drawn from a distribution that a prior can judge
NORMALISED = ("sign", "thresholds", "half", "tanh")  # with noise or a prior a unit has to find its own scale
ROTATED = ("linear", "gaussian")  # values that a rotation turns into bits, as many as are wanted

Values = dict[str, Any]
_SPARSE: Values = {"batch": 256, "neighbours": 100, "loss": "multinomial", "net": "mlp", "augment": 0.0}
_DENSE: Values = {"loss": "squared", "net": "mlp", "augment": 0.0}
CONTENTS: dict[str, Values] = {  # whatever the kind
    "text": _SPARSE,
    "matrix": _SPARSE,
    # Training pushes apart who are no neighbours: with 100 in 50,000 that is most of a kind of images.
    "image": {**_DENSE, "neighbours": 1000, "net": "conv"},
    "vector": {**_DENSE, "neighbours": 10},
}
_WORDS: Values = {
    "hidden": (), "learning_rate": 5.0, "corruption": "masking", "noise": 0.5, "steps": 1200, "temperature": 0.5,
    "binarizer": "tanh",
}  # fmt: skip
_PLAIN: Values = {"objective": "reconstruction", "reconstruction": 1.0, "clip": 1.0, "patience": 5}
# Of texts one layer at .03 gives more back than a hidden layer at .002, by held-out loss and in a tenth of the time.
_NARROW: Values = {**_PLAIN, "learning_rate": 0.03, "net": "mlp", "hidden": ()}
_WIDE: Values = {**_PLAIN, "learning_rate": 0.002, "net": "mlp", "hidden": (512,)}
BY_CONTENTS: dict[str, dict[str, Values]] = {  # of the kind "neighbour", and of all others
    "neighbour": {
        "text": _WORDS,
        "matrix": _WORDS,
        "image": {
            "hidden": (512,),
            "learning_rate": 0.002,
            "batch": 512,
            "steps": 400,
            "temperature": 0.3,
            "augment": 1.0,
            "binarizer": "sign",
        },
        "vector": {
            "hidden": (),
            "learning_rate": 0.01,
            "batch": 4096,
            "steps": 1200,
            "temperature": 0.06,
            "binarizer": "sign",
        },
    },
    "others": {
        "text": {**_NARROW, "steps": 1500},
        "matrix": {**_NARROW, "steps": 1500},
        "image": {**_WIDE, "batch": 256, "steps": 3000},
        "vector": {**_WIDE, "batch": 256, "steps": 3000},
    },
}
KINDS: dict[str, Values] = {
    "neighbour": {"objective": "agreement", "reconstruction": 0.1, "clip": 0.0, "patience": 0},
    "plain": {"hidden": (), "binarizer": "sigmoid"},
    "deep": {"hidden": (512, 256), "binarizer": "linear", "learning_rate": 0.002},
    "sparse": {"hidden": (), "binarizer": "sigmoid", "penalty": "kl-sparsity"},
    "k-sparse": {"hidden": (), "binarizer": "top-k", "learning_rate": 0.01},
    "denoising": {"binarizer": "sigmoid", "corruption": "masking", "noise": 0.5},
    "contractive": {"hidden": (), "binarizer": "sigmoid", "penalty": "contractive", "penalty_weight": 0.1},
    "variational": {"binarizer": "gaussian", "penalty": "prior", "warmup": 0.3},
    "discrete": {"hidden": (512,), "binarizer": "concrete", "penalty": "prior", "warmup": 0.3, "learning_rate": 0.002},
    "adversarial": {"binarizer": "linear", "penalty": "adversarial"},
    "quantized": {"binarizer": "codebook", "penalty": "commitment", "penalty_weight": 1.0},
    "recirculation": {
        "hidden": (),
        "binarizer": "sigmoid",
        "objective": "recirculation",
        "loss": "squared",
        "learning_rate": 0.002,
    },
    "rbm": {
        "hidden": (512, 256),
        "binarizer": "noise",
        "activation": "sigmoid",
        "start": "rbm",
        "learning_rate": 0.002,
    },
}
_REST: Values = {  # where neither kind nor contents say
    "activation": "relu", "corruption": "none", "noise": 0.3, "penalty": "none", "penalty_weight": 1.0, "warmup": 0.0,
    "temperature": 0.3, "start": "random",
}  # fmt: skip


def defaults(kind: str, contents: str) -> Values:
    """What a kind of autoencoder takes for contents of this kind, by field; a kind's own word goes before the rest."""
    usual = BY_CONTENTS["neighbour" if kind == "neighbour" else "others"][contents]
    return {**_REST, **CONTENTS[contents], **usual, **KINDS[kind]}


RULES: tuple[tuple[Callable[[Settings, str], bool], str], ...] = (  # what cannot be, and why; {names} are of fields
    (lambda chosen, contents: chosen.net == "conv" and contents != "image", "net conv reads images: take mlp"),
    (
        lambda chosen, contents: chosen.net in SEQUENCES and contents != "text",
        "net {net} reads texts in their order: take mlp",
    ),
    (
        lambda chosen, contents: chosen.net == "transformer" and bool(chosen.hidden) and bool(chosen.hidden[0] % 4),
        "net transformer shares its width among 4 heads: hidden {hidden} must start with a multiple of 4",
    ),
    (
        lambda chosen, contents: chosen.net == "gru" and bool(chosen.hidden) and bool(chosen.hidden[0] % 2),
        "net gru reads both ways with half its width each: hidden {hidden} must start with an even number",
    ),
    (lambda chosen, contents: chosen.tied and chosen.net != "mlp", "tied weights need net mlp, not {net}"),
    (
        lambda chosen, contents: contents == "vector" and chosen.loss != "squared",
        "loss {loss} needs values that are not negative: embeddings take squared",
    ),
    (
        lambda chosen, contents: contents == "image" and chosen.loss == "multinomial",
        "loss multinomial counts words: images take squared, bernoulli or poisson",
    ),
    (
        lambda chosen, contents: contents == "text" and chosen.loss == "bernoulli" and chosen.weighting != "binary",
        "loss bernoulli asks whether a word is there: weighting binary, not {weighting}",
    ),
    (
        lambda chosen, contents: chosen.weighting != "tfidf" and contents in ("image", "vector"),
        "weighting {weighting} is of words: leave it out",
    ),
    (
        lambda chosen, contents: bool(chosen.augment) and contents != "image",
        "augment {augment} moves and lights images: leave it out",
    ),
    (
        lambda chosen, contents: chosen.corruption in ("masking", "salt-and-pepper") and chosen.noise > 1,
        "noise {noise} is of corruption {corruption} a share of the values: give 0 to 1",
    ),
    (
        lambda chosen, contents: chosen.penalty == "contractive" and chosen.net != "mlp",
        "penalty contractive needs net mlp, not {net}",
    ),
    (
        lambda chosen, contents: (
            chosen.penalty in ("kl-sparsity", "l1", "l2")
            and (chosen.binarizer in NORMALISED or chosen.objective == "agreement")
        ),
        "penalty {penalty} turns units off, binarizer {binarizer} with objective {objective} holds half of them on: "
        "binarizer sigmoid, objective reconstruction",
    ),
    (
        lambda chosen, contents: chosen.penalty == "prior" and chosen.binarizer not in DRAWN,
        "penalty prior needs a binarizer that draws: gaussian, concrete or bernoulli, not {binarizer}",
    ),
    (
        lambda chosen, contents: (chosen.penalty == "commitment") != (chosen.binarizer == "codebook"),
        "penalty commitment and binarizer codebook teach each other: take both or none",
    ),
    (
        lambda chosen, contents: chosen.objective == "recirculation" and not _one_sigmoid_layer(chosen),
        "objective recirculation works on one layer: "
        "net mlp, hidden (), binarizer sigmoid, loss squared, penalty none, free weights",
    ),
    (
        lambda chosen, contents: chosen.objective != "agreement" and not chosen.reconstruction,
        "objective {objective} with reconstruction 0 learns nothing: give it a weight",
    ),
    (
        lambda chosen, contents: chosen.binarizer == "codebook" and not chosen.reconstruction,
        "binarizer codebook learns from reconstruction: give it a weight",
    ),
    (lambda chosen, contents: chosen.start == "rbm" and chosen.net != "mlp", "start rbm needs net mlp, not {net}"),
    (
        lambda chosen, contents: chosen.start == "rbm" and chosen.objective == "agreement",
        "start rbm learns to give entries back: objective reconstruction, not {objective}",
    ),
    (
        lambda chosen, contents: chosen.start == "rbm" and bool(chosen.hidden) and chosen.activation != "sigmoid",
        "start rbm learns sigmoid units: activation sigmoid, not {activation}",
    ),
    (
        lambda chosen, contents: chosen.dimensions is not None and chosen.binarizer not in ROTATED,
        "dimensions are of values that are turned into bits: binarizer linear or gaussian, not {binarizer}",
    ),
    (
        lambda chosen, contents: chosen.binarizer == "top-k" and chosen.active >= chosen.bits,
        "active is {active} of {bits} bits: give fewer",
    ),
)


def _one_sigmoid_layer(chosen: Settings) -> bool:
    """Whether this is the one layer that recirculation works on."""
    plain = not (chosen.hidden or chosen.tied) and chosen.penalty == "none"
    return plain and (chosen.net, chosen.binarizer, chosen.loss) == ("mlp", "sigmoid", "squared")


def refusal(chosen: Settings, contents: str) -> str | None:
    """Why this mix cannot be for contents of this kind, and what to do; None if it can."""
    reasons = (reason for broken, reason in RULES if broken(chosen, contents))
    return next((reason.format_map(asdict(chosen)) for reason in reasons), None)
