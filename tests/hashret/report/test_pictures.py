from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from hashret.engine import Engine
from hashret.hasher import Hasher
from hashret.inputs import Source
from hashret.report.pictures import DECODER, FILE, VECTOR, Pictures, uri
from hashret.settings import Settings


def pixels_of(address: str) -> np.ndarray:
    kind, _, data = address.partition(";base64,")
    with Image.open(BytesIO(b64decode(data))) as image:
        assert f"data:image/{image.format.lower()}" == kind
        return np.asarray(image)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """24 pictures, 12 bright at the top and 12 at the bottom."""
    home = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for n in range(24):
        picture = rng.integers(0, 60, (20, 20), dtype=np.uint8)
        picture[10 * (n % 2) : 10 * (n % 2) + 10] += 150
        (home / "ab"[n % 2]).mkdir(exist_ok=True)
        Image.fromarray(picture).save(home / "ab"[n % 2] / f"{n:02}.png")
    return home


@pytest.fixture(scope="module")
def pictured(folder):
    return list(Source((str(folder),)))


@pytest.fixture(scope="module")
def image_hasher(pictured):
    settings = Settings(bits=8, steps=150, batch=8, image_size=8, kind="plain")
    return Hasher.fit([entry.content for entry in pictured], settings)


@pytest.fixture(params=[False, True], ids=["codes", "vectors"])
def engine(request, image_hasher, pictured):
    with Engine.create(":memory:", image_hasher, vectors=request.param) as made:
        made.add(pictured)
        made.stored = request.param
        yield made


def shown(engine):
    pictures = Pictures(engine.index, engine.hasher, engine.stored)
    pictures.load(engine.index.store.rows(np.arange(1, 25)))
    return pictures


def test_the_file_is_shown_while_it_is_there_and_unchanged(engine, pictured):
    pictures = shown(engine)
    assert pictures.sources() == {FILE: 24}
    for number, entry in enumerate(pictured, 1):
        np.testing.assert_array_equal(pixels_of(pictures.found[number].uri), entry.content)


def test_else_stored_vectors_are_shown_or_what_the_decoder_makes(engine, pictured, folder):
    other = {VECTOR: engine.hasher.features.transform([entry.content for entry in pictured]),
             DECODER: engine.hasher.reconstruct(engine.index.codes(np.arange(1, 25)))}  # fmt: skip
    source = VECTOR if engine.stored else DECODER
    gone, changed = folder / pictured[0].key, folder / pictured[1].key
    before = changed.read_bytes()
    gone.rename(folder / "gone")
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(changed)
    try:
        pictures = shown(engine)
    finally:
        (folder / "gone").rename(gone)
        changed.write_bytes(before)
    assert pictures.sources() == {FILE: 22, source: 2}
    for number in (1, 2):
        expected = np.rint(other[source][number - 1].clip(0, 1) * 255).reshape(8, 8)
        found = pixels_of(pictures.found[number].uri).astype(int)
        assert np.abs(found - expected).max() <= 1  # vectors are float16


def test_averages_are_means_of_what_the_decoder_makes(engine):
    codes = engine.index.entries()[1]
    back, bits = engine.hasher.reconstruct(codes), np.unpackbits(codes, axis=1)
    found = shown(engine).averages(codes)
    assert len(found) == 8
    for bit, pair in enumerate(found):
        for value, address in zip((1, 0), pair, strict=True):
            side = back[bits[:, bit] == value]
            expected = side.mean(0) if len(side) else np.zeros(64)
            assert np.abs(pixels_of(address).astype(int) - np.rint(expected.clip(0, 1) * 255).reshape(8, 8)).max() <= 1


def test_texts_have_no_pictures(hasher, stored):
    with Engine.open(stored) as engine:
        pictures = Pictures(engine.index, hasher, vectors=False)
        pictures.load(engine.index.store.rows(np.arange(1, 5)))
        assert pictures.found == {}
        assert pictures.averages(engine.index.entries()[1]) == []


def test_large_pictures_are_cut_down_and_small_ones_keep_every_pixel():
    noise = np.random.default_rng(0).integers(0, 255, (300, 200, 3), dtype=np.uint8)
    assert pixels_of(uri(noise)).shape == (72, 48, 3)
    assert uri(noise).startswith("data:image/jpeg")
    assert uri(np.zeros((300, 300), np.uint8)).startswith("data:image/png")
    small = noise[:72, :72]
    np.testing.assert_array_equal(pixels_of(uri(small)), small)
