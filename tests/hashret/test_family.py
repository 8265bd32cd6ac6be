"""Every kind for every kind of contents, and every mix that cannot be."""

from dataclasses import asdict, fields

import pytest

from hashret import family
from hashret.forward.sequence import HEADS
from hashret.settings import Settings
from indexer.errors import InvalidInput

EVERY = pytest.mark.parametrize(
    ("kind", "contents"), [(one, other) for one in family.KINDS for other in family.CONTENTS]
)
RBM = {"kind": "rbm", "hidden": (8,)}
RECIRCULATED = (
    "objective recirculation works on one layer: "
    "net mlp, hidden (), binarizer sigmoid, loss squared, penalty none, free weights"
)
DRAWN = "penalty prior needs a binarizer that draws: gaussian, concrete or bernoulli, not "
BOTH = "penalty commitment and binarizer codebook teach each other: take both or none"
DIMENSIONS = "dimensions are of values that are turned into bits: binarizer linear or gaussian, not "
OFF = (
    "penalty {} turns units off, binarizer {} with objective {} holds half of them on: "
    "binarizer sigmoid, objective reconstruction"
)
REFUSED = [  # values, contents, why
    ({"net": "conv"}, "vector", "net conv reads images: take mlp"),
    ({"net": "conv"}, "text", "net conv reads images: take mlp"),
    ({"net": "gru"}, "vector", "net gru reads texts in their order: take mlp"),
    ({"net": "transformer"}, "matrix", "net transformer reads texts in their order: take mlp"),
    (
        {"net": "transformer", "hidden": (64 + HEADS // 2, 8)},
        "text",
        "net transformer shares its width among 4 heads: hidden (66, 8) must start with a multiple of 4",
    ),
    (
        {"net": "gru", "hidden": 65},
        "text",
        "net gru reads both ways with half its width each: hidden (65,) must start with an even number",
    ),
    ({"tied": True, "net": "gru"}, "text", "tied weights need net mlp, not gru"),
    ({"tied": True}, "image", "tied weights need net mlp, not conv"),
    (
        {"loss": "multinomial"},
        "vector",
        "loss multinomial needs values that are not negative: embeddings take squared",
    ),
    (
        {"loss": "multinomial"},
        "image",
        "loss multinomial counts words: images take squared, bernoulli or poisson",
    ),
    (
        {"loss": "bernoulli"},
        "text",
        "loss bernoulli asks whether a word is there: weighting binary, not tfidf",
    ),
    ({"weighting": "count"}, "image", "weighting count is of words: leave it out"),
    ({"weighting": "binary"}, "vector", "weighting binary is of words: leave it out"),
    ({"kind": "sparse", "binarizer": "tanh"}, "image", OFF.format("kl-sparsity", "tanh", "reconstruction")),
    ({"penalty": "l2"}, "text", OFF.format("l2", "tanh", "agreement")),
    ({"augment": 2.0}, "vector", "augment 2.0 moves and lights images: leave it out"),
    ({"augment": 0.5}, "text", "augment 0.5 moves and lights images: leave it out"),
    (
        {"corruption": "masking", "noise": 2.0},
        "text",
        "noise 2.0 is of corruption masking a share of the values: give 0 to 1",
    ),
    (
        {"corruption": "salt-and-pepper", "noise": 1.5},
        "image",
        "noise 1.5 is of corruption salt-and-pepper a share of the values: give 0 to 1",
    ),
    ({"kind": "contractive", "net": "conv"}, "image", "penalty contractive needs net mlp, not conv"),
    ({"penalty": "prior"}, "vector", DRAWN + "sign"),
    ({"kind": "variational", "binarizer": "noise"}, "text", DRAWN + "noise"),
    ({"penalty": "commitment"}, "vector", BOTH),
    ({"kind": "plain", "binarizer": "codebook"}, "text", BOTH),
    ({"kind": "recirculation", "hidden": 64}, "vector", RECIRCULATED),
    ({"kind": "recirculation", "tied": True}, "vector", RECIRCULATED),
    ({"kind": "recirculation", "penalty": "l1"}, "vector", RECIRCULATED),
    ({"kind": "recirculation", "net": "conv"}, "image", RECIRCULATED),
    ({"kind": "recirculation", "binarizer": "tanh"}, "vector", RECIRCULATED),
    ({"kind": "recirculation", "loss": "multinomial"}, "text", RECIRCULATED),
    (
        {"kind": "plain", "reconstruction": 0.0},
        "text",
        "objective reconstruction with reconstruction 0 learns nothing: give it a weight",
    ),
    (
        {"binarizer": "codebook", "penalty": "commitment", "reconstruction": 0.0},
        "vector",
        "binarizer codebook learns from reconstruction: give it a weight",
    ),
    ({"kind": "rbm", "net": "conv"}, "image", "start rbm needs net mlp, not conv"),
    (
        {"start": "rbm"},
        "text",
        "start rbm learns to give entries back: objective reconstruction, not agreement",
    ),
    ({**RBM, "activation": "relu"}, "vector", "start rbm learns sigmoid units: activation sigmoid, not relu"),
    ({"dimensions": 20}, "vector", DIMENSIONS + "sign"),
    ({"kind": "quantized", "dimensions": 20}, "text", DIMENSIONS + "codebook"),
    ({"kind": "k-sparse", "bits": 8}, "vector", "active is 8 of 8 bits: give fewer"),
    ({"kind": "k-sparse", "bits": 16, "active": 20}, "text", "active is 20 of 16 bits: give fewer"),
]


@EVERY
def test_every_kind_resolves_for_every_kind_of_contents(kind, contents):
    resolved = Settings(kind=kind).resolved(contents)
    assert [name for name, value in asdict(resolved).items() if value is None] == ["dimensions"]
    for name, value in {**family.BY_CONTENTS["others"][contents], **family.KINDS[kind]}.items():
        if name in family.KINDS[kind] or kind != "neighbour":
            assert getattr(resolved, name) == family.KINDS[kind].get(name, value)


@EVERY
def test_what_is_resolved_resolves_to_itself(kind, contents):
    resolved = Settings(kind=kind).resolved(contents)
    assert resolved.resolved(contents) == resolved


def test_kinds_are_mixes_of_parts_that_are_settings():
    names = {item.name for item in fields(Settings)}
    for contents in family.CONTENTS:
        for kind in family.KINDS:
            assert set(family.defaults(kind, contents)) < names


@pytest.mark.parametrize(
    ("values", "contents", "expected"),
    [
        ({"kind": "denoising", "noise": 0.2}, "vector", {"noise": 0.2, "corruption": "masking", "hidden": (512,)}),
        ({"kind": "deep", "hidden": 0}, "text", {"hidden": (), "binarizer": "linear"}),
        ({"kind": "plain", "net": "gru"}, "text", {"net": "gru", "loss": "multinomial"}),
        ({"kind": "plain", "net": "conv"}, "image", {"net": "conv", "objective": "reconstruction"}),
        ({"augment": 0.0}, "image", {"augment": 0.0, "net": "conv"}),
        ({"kind": "recirculation", "steps": 7}, "text", {"steps": 7, "loss": "squared"}),
        ({"kind": "variational", "dimensions": 20}, "vector", {"dimensions": 20, "warmup": 0.3}),
        ({"patience": 3}, "text", {"patience": 3, "corruption": "masking", "noise": 0.5}),
    ],
)
def test_what_a_user_gives_goes_before_what_the_kind_says(values, contents, expected):
    resolved = Settings(**values).resolved(contents)
    assert {name: getattr(resolved, name) for name in expected} == expected


@pytest.mark.parametrize(("values", "contents", "message"), REFUSED)
def test_what_cannot_be_is_refused_with_the_reason(values, contents, message):
    with pytest.raises(InvalidInput) as caught:
        Settings(**values).resolved(contents)
    assert str(caught.value) == message


def test_every_rule_has_a_mix_that_it_refuses():
    def breaks(rule: int, values: dict[str, object], contents: str) -> bool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(family, "RULES", ())
            chosen = Settings(**values).resolved(contents)
        found = next(number for number, (broken, _) in enumerate(family.RULES) if broken(chosen, contents))
        return found == rule

    missed = [
        reason
        for rule, (_, reason) in enumerate(family.RULES)
        if not any(breaks(rule, values, contents) for values, contents, _ in REFUSED)
    ]
    assert missed == []


@pytest.mark.parametrize(
    ("values", "contents"),
    [
        ({"net": "transformer", "hidden": (64, 7)}, "text"),
        ({"net": "gru", "hidden": (6, 7)}, "text"),
        ({"corruption": "gaussian", "noise": 2.0}, "vector"),
        ({"corruption": "masking", "noise": 1.0}, "vector"),
        ({"loss": "bernoulli", "weighting": "binary"}, "text"),
        ({"loss": "poisson"}, "image"),
        ({"tied": True, "net": "mlp"}, "image"),
        ({"kind": "variational", "binarizer": "bernoulli"}, "text"),
        ({"kind": "rbm", "hidden": (), "activation": "relu"}, "text"),
        ({"kind": "k-sparse", "bits": 16, "active": 15}, "vector"),
    ],
)
def test_what_is_just_within_the_rules_is_not_refused(values, contents):
    assert family.refusal(Settings(**values).resolved(contents), contents) is None


def test_names_are_told_apart():
    for table in (family.NETS, family.ACTIVATIONS, family.CORRUPTIONS, family.BINARIZERS, family.PENALTIES):
        assert len(set(table)) == len(table)


def test_a_corruption_has_a_strength_and_none_has_none():
    assert Settings(kind="plain", corruption="gaussian").resolved("image").noise == 0.3
    assert Settings(kind="denoising").resolved("text").noise == 0.5
    assert Settings(corruption="none", noise=0.7).resolved("text").noise == 0
