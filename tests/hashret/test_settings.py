from dataclasses import fields

import pytest

from hashret.settings import BY_KIND, Settings
from indexer.errors import InvalidInput


def test_every_setting_has_help_and_limits():
    for item in fields(Settings):
        assert set(item.metadata) == {"low", "high", "help"}, item.name
        assert item.metadata["help"].endswith(".")


def test_json_round_trip():
    settings = Settings(bits=128, mask=0.25, seed=7)
    assert Settings.from_json(settings.to_json()) == settings


def test_json_is_golden():
    assert Settings().to_json() == (
        '{"augment": 1.0, "batch": null, "bits": 64, "convolution": 32, "hidden": null, "image_size": 28, '
        '"learning_rate": null, "mask": null, "min_count": 1, "neighbours": null, "reconstruction": 0.1, '
        '"sample": 50000, "seed": 0, "steps": null, "temperature": null, "words": 20000}'
    )


@pytest.mark.parametrize("kind", BY_KIND)
def test_resolved_fills_what_is_open_and_keeps_what_is_given(kind):
    resolved = Settings(mask=0.33).resolved(kind)
    assert resolved.mask == 0.33
    assert resolved.temperature == BY_KIND[kind]["temperature"]
    assert None not in [getattr(resolved, item.name) for item in fields(resolved)]


@pytest.mark.parametrize(("kind", "expected"), [("image", (16, 2.0)), ("vector", (0, 0.0)), ("text", (0, 0.0))])
def test_what_is_for_images_is_for_no_others(kind, expected):
    resolved = Settings(convolution=16, augment=2.0).resolved(kind)
    assert (resolved.convolution, resolved.augment) == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"bits": 12}, "bits is 12: give a multiple of 8 from 8 to 256"),
        ({"bits": 0}, "bits is 0: give a whole number from 8 to 256"),
        ({"bits": 264}, "bits is 264: give a whole number from 8 to 256"),
        ({"bits": 64.0}, "bits is 64.0: give a whole number from 8 to 256"),
        ({"seed": True}, "seed is True: give a whole number from 0 to 2147483647"),
        ({"mask": 1.0}, "mask is 1.0: give a number from 0.0 to 0.95"),
        ({"mask": float("nan")}, "mask is nan: give a number from 0.0 to 0.95"),
        ({"steps": "9"}, "steps is '9': give a whole number from 1 to 10000000"),
        ({"sample": None}, "sample is None: give a whole number from 1 to 10000000"),
        ({"convolution": 513}, "convolution is 513: give a whole number from 0 to 512"),
    ],
)
def test_bad_values(values, message):
    with pytest.raises(InvalidInput) as caught:
        Settings(**values)
    assert str(caught.value) == message


def test_unknown_names_in_stored_settings():
    with pytest.raises(InvalidInput) as caught:
        Settings.from_json('{"bits": 64, "warp": 9}')
    assert str(caught.value) == "unknown settings warp: the file was written by a newer hashret"
