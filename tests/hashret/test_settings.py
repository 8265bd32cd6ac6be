import json
from dataclasses import asdict, fields

import pytest

from hashret import family
from hashret.settings import Settings
from indexer.errors import InvalidInput


def test_every_setting_has_help_and_limits_or_choices():
    for item in fields(Settings):
        others = set(item.metadata) - {"help"}
        assert others in ({"low", "high"}, {"choices"}, set() if item.type == "bool" else {"choices"}), item.name
        assert item.metadata["help"].endswith(".")


@pytest.mark.parametrize(
    "settings",
    [
        Settings(bits=128, noise=0.25, seed=7),
        Settings(kind="deep", hidden=(500, 250), tied=True),
        Settings(kind="variational").resolved("image"),
    ],
)
def test_json_round_trip(settings):
    assert Settings.from_json(settings.to_json()) == settings


def test_json_is_golden():
    assert Settings(hidden=(500, 250)).to_json() == (
        '{"activation": null, "active": 8, "augment": null, "batch": null, "binarizer": null, "bits": 64, '
        '"cd_steps": 1, "clip": null, "convolution": 32, "corruption": null, "dimensions": null, '
        '"hidden": [500, 250], "image_size": 28, "kind": "neighbour", "learning_rate": null, "loss": null, '
        '"min_count": 1, "neighbours": null, "net": null, "noise": null, "objective": null, "patience": null, '
        '"penalty": null, "penalty_weight": null, "reconstruction": null, "sample": 50000, "seed": 0, "start": null, '
        '"steps": null, "target": 0.1, "temperature": null, "tied": false, "warmup": null, "weighting": "tfidf", '
        '"words": 20000}'
    )


@pytest.mark.parametrize("contents", family.CONTENTS)
def test_resolved_fills_what_is_open_and_keeps_what_is_given(contents):
    given = Settings(noise=0.33, batch=17, hidden=(9,))
    resolved, usual = asdict(given.resolved(contents)), family.defaults("neighbour", contents)
    noise = 0.33 if usual["corruption"] == "masking" else 0
    assert resolved == {**asdict(given), **usual, "noise": noise, "batch": 17, "hidden": (9,)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [(0, ()), (9, (9,)), ([], ()), ([500, 250], (500, 250)), ((500, 250), (500, 250)), (None, None)],
)
def test_hidden_is_a_width_or_several(given, expected):
    assert Settings(hidden=given).hidden == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"bits": 12}, "bits is 12: give a multiple of 8 from 8 to 256"),
        ({"bits": 0}, "bits is 0: give a whole number from 8 to 256"),
        ({"bits": 264}, "bits is 264: give a whole number from 8 to 256"),
        ({"bits": 64.0}, "bits is 64.0: give a whole number from 8 to 256"),
        ({"seed": True}, "seed is True: give a whole number from 0 to 2147483647"),
        ({"noise": 10.5}, "noise is 10.5: give a number from 0.0 to 10.0"),
        ({"noise": float("nan")}, "noise is nan: give a number from 0.0 to 10.0"),
        ({"steps": "9"}, "steps is '9': give a whole number from 1 to 10000000"),
        ({"sample": None}, "sample is None: give a whole number from 1 to 10000000"),
        ({"convolution": 513}, "convolution is 513: give a whole number from 1 to 512"),
        ({"dimensions": 0}, "dimensions is 0: give a whole number from 1 to 4096"),
        ({"tied": 1}, "tied is 1: give True or False"),
        ({"tied": None}, "tied is None: give True or False"),
        ({"hidden": "500,250"}, "hidden is '500,250': give a tuple of whole numbers"),
        ({"hidden": 1.5}, "hidden is 1.5: give a tuple of whole numbers"),
        ({"hidden": (500, 0)}, "hidden is 0: give a whole number from 1 to 8192"),
        ({"hidden": [500, "250"]}, "hidden is '250': give a whole number from 1 to 8192"),
        ({"hidden": True}, "hidden is True: give a tuple of whole numbers"),
        ({"hidden": False}, "hidden is False: give a tuple of whole numbers"),
        ({"hidden": -1}, "hidden is -1: give a whole number from 1 to 8192"),
        ({"weighting": None}, "weighting is None: give one of tfidf, count, binary"),
        ({"kind": None}, "kind is None: give one of " + ", ".join(family.KINDS)),
        ({"kind": "autoencoder"}, "kind is 'autoencoder': give one of " + ", ".join(family.KINDS)),
        ({"net": "rnn"}, "net is 'rnn': give one of mlp, conv, gru, transformer"),
        ({"activation": 3}, "activation is 3: give one of relu, gelu, sigmoid, tanh"),
        ({"corruption": "blur"}, "corruption is 'blur': give one of none, masking, gaussian, salt-and-pepper"),
        ({"binarizer": "step"}, "binarizer is 'step': give one of " + ", ".join(family.BINARIZERS)),
        ({"penalty": "kl"}, "penalty is 'kl': give one of " + ", ".join(family.PENALTIES)),
        ({"objective": "loss"}, "objective is 'loss': give one of agreement, reconstruction, recirculation"),
        ({"loss": "mse"}, "loss is 'mse': give one of squared, bernoulli, multinomial, poisson"),
        ({"start": "zero"}, "start is 'zero': give one of random, rbm"),
    ],
)
def test_bad_values(values, message):
    with pytest.raises(InvalidInput) as caught:
        Settings(**values)
    assert str(caught.value) == message


def test_unknown_names_in_stored_settings():
    with pytest.raises(InvalidInput) as caught:
        Settings.from_json('{"bits": 64, "warp": 9, "mask": 0.5}')
    assert str(caught.value) == "unknown settings mask, warp: the file was written by a newer hashret"


def test_stored_settings_are_checked():
    with pytest.raises(InvalidInput) as caught:
        Settings.from_json(json.dumps({**asdict(Settings()), "net": "rnn"}))
    assert str(caught.value) == "net is 'rnn': give one of mlp, conv, gru, transformer"


@pytest.mark.parametrize(
    ("values", "contents", "expected"),
    [
        ({}, "vector", True),
        ({"reconstruction": 3.0, "seed": 4, "bits": 8}, "vector", True),
        ({}, "text", False),
        ({"hidden": 9}, "vector", False),
        ({"binarizer": "tanh"}, "vector", False),
        ({"corruption": "gaussian"}, "vector", False),
        ({"penalty": "contractive"}, "vector", False),
        ({"tied": True}, "vector", False),
        ({"kind": "plain"}, "vector", False),
    ],
)
def test_codes_of_embeddings_are_settled_where_nothing_asks_for_a_network(values, contents, expected):
    assert Settings(**values).resolved(contents).settles(contents) == expected
