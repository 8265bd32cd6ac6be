import numpy as np
import pytest

from hashret.evaluate import precision_at
from hashret.evaluate.baselines import itq, learned, lsh, pca_sign
from hashret.features import Text
from hashret.settings import Settings
from indexer.bits import distances, unpack
from tests.hashret.conftest import make_texts


def test_lsh_distance_is_the_angle():
    rows = np.random.default_rng(0).normal(size=(6, 10)).astype(np.float32)
    codes = np.concatenate([lsh(rows, 256, seed).encode(rows) for seed in range(40)], axis=1)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    angles = np.arccos(np.clip(unit @ unit.T, -1, 1)) / np.pi
    np.testing.assert_allclose(distances(codes, codes) / (256 * 40), angles, atol=0.03)


def test_pca_bits_are_the_sides_of_the_principal_axes(vectors):
    codes = pca_sign(vectors, 8).encode(vectors)
    centred = vectors - vectors.mean(0)
    axes = np.linalg.svd(centred)[2][:8]
    sides = (centred @ axes.T) > 0
    same = (unpack(codes)[:, :3] == sides[:, :3]).mean(0)
    assert np.maximum(same, 1 - same).min() > 0.97


def test_itq_lies_nearer_to_its_signs_than_pca(vectors):
    def loss(projection):
        values = projection.values(vectors)
        return ((values - np.sign(values)) ** 2).sum()

    turned = itq(vectors, 8)
    assert loss(turned) < loss(pca_sign(vectors, 8))
    assert turned.turn is not None
    np.testing.assert_allclose(turned.turn @ turned.turn.T, np.eye(8), atol=1e-4)


def test_all_find_topics_in_sparse_rows():
    topics, texts = zip(*make_texts(200), strict=True)
    rows = Text.fit(texts, Settings(min_count=1)).transform(texts)
    relevant = np.array(topics)[:, None] == np.array(topics)
    for name, projection in learned(rows, 16).items():
        codes = projection.encode(rows)
        assert codes.shape == (200, 2)
        assert precision_at(distances(codes, codes), relevant, 20).mean() > (0.45 if name == "LSH" else 0.8), name


@pytest.mark.parametrize("learn", [lsh, pca_sign, itq])
def test_more_bits_than_dimensions_and_the_same_codes_again(vectors, learn):
    codes = learn(vectors, 32, 3).encode(vectors)
    assert codes.shape == (80, 4)
    assert np.array_equal(codes, learn(vectors, 32, 3).encode(vectors))
    assert learn(vectors, 32).encode(vectors[:0]).shape == (0, 4)
