"""The same of embeddings and images: encoded from the vectors that are kept, or from what is given again."""

from dataclasses import replace

import numpy as np
import pytest

from hashret.engine import Engine
from hashret.hasher import Hasher
from hashret.inputs import Entry
from hashret.settings import Settings
from indexer.errors import InvalidInput
from tests.hashret.test_generations import OTHER


def test_embeddings_are_encoded_from_their_vectors(vectors, vector_hasher):
    entries = [Entry(str(n), row) for n, row in enumerate(vectors)]
    with Engine.create(":memory:", vector_hasher, vectors=True) as engine:
        engine.add(entries[:70])
        made = engine.reencode(OTHER)
        engine.add(entries[70:])
        assert made.encoded == 70
        engine.promote()
        kept = engine.index.store.vectors(np.arange(1, 71))
        codes = engine.index.codes(np.arange(1, 81))
        np.testing.assert_array_equal(codes[:70], engine.hasher.encode(list(kept)))
        np.testing.assert_array_equal(codes[70:], engine.hasher.encode(vectors[70:]))
        assert engine.query(vectors[7:8], k=1)[0][0].key == "7"


IMAGES = Settings(bits=16, steps=20, batch=16, image_size=8, neighbours=5)


@pytest.fixture(scope="session")
def images():
    rng = np.random.default_rng(0)
    dark = [rng.integers(0, [250] * 5 + [50] * 5, (10, 10), dtype=np.uint8) for _ in range(16)]
    light = [rng.integers(0, [50] * 6 + [250] * 6, (12, 12), dtype=np.uint8) for _ in range(16)]
    return [Entry(f"i/{n}", image) for n, image in enumerate(dark + light)]


@pytest.fixture(scope="session")
def image_hasher(images):
    return Hasher.fit([entry.content for entry in images], IMAGES)


def test_images_are_encoded_from_their_vectors_to_the_bit(images, image_hasher):
    with Engine.create(":memory:", image_hasher, vectors=True) as engine:
        engine.add(images)
        engine.reencode(replace(IMAGES, seed=3))
        engine.promote()
        codes = engine.hasher.encode([entry.content for entry in images])
        np.testing.assert_array_equal(engine.index.codes(np.arange(1, 33)), codes)
        engine.drop()
        with pytest.raises(InvalidInput) as caught:
            engine.reencode(replace(IMAGES, image_size=12))
        assert str(caught.value) == ":memory:: keeps vectors of images of 8 pixels: image_size cannot be another"
        with pytest.raises(InvalidInput) as caught:
            engine.reencode(Hasher.fit([entry.content for entry in images], replace(IMAGES, image_size=12, steps=2)))
        assert str(caught.value) == (
            ":memory:: keeps vectors of grey images of 8 pixels, the new model reads grey images of 12 pixels: "
            "train one of the same image_size, or index into a new file"
        )
        assert len(engine.models()) == 1


def test_images_that_are_not_kept_are_given_again(images, image_hasher):
    new = replace(IMAGES, image_size=12, seed=3)
    with Engine.create(":memory:", image_hasher) as engine:
        engine.add(images)
        lacking = ":memory:: holds codes of kind image and not what they are of: "
        with pytest.raises(InvalidInput) as caught:
            engine.reencode(new)
        assert str(caught.value) == lacking + "give the entries, PATH..., to `hashret reencode` again"
        changed = Entry("i/3", images[4].content)
        made = engine.reencode(new, iter([*images[:3], changed, *images[4:30], Entry("strange", images[0].content)]))
        assert (made.encoded, made.entries) == (29, 32)
        with pytest.raises(InvalidInput) as caught:
            engine.promote()
        assert str(caught.value) == lacking + "give the entries, PATH..., to `hashret reencode` again"
        assert engine.reencode(None, images).complete
        engine.promote()
        codes = engine.hasher.encode([entry.content for entry in images])
        np.testing.assert_array_equal(engine.index.codes(np.arange(1, 33)), codes)
        assert engine.hasher.settings.image_size == 12


def test_a_key_that_is_given_twice_is_encoded_once(vectors, vector_hasher):
    entries = [Entry(str(n), row) for n, row in enumerate(vectors)]
    with Engine.create(":memory:", vector_hasher) as engine:
        engine.add(entries)
        assert engine.reencode(OTHER, [*entries, entries[7]]).encoded == 80
        engine.promote()
        np.testing.assert_array_equal(engine.index.codes(np.arange(1, 81)), engine.hasher.encode(vectors))
