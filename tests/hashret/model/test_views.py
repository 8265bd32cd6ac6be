from dataclasses import replace

import numpy as np
import pytest
import torch

from hashret.model.views import _moves, augmented, masked, view
from hashret.settings import Settings
from tests.hashret.test_features import dense, sparse

SIZE = 12


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def images(count: int, channels: int = 1) -> np.ndarray:
    """Grey squares of 4 x 4 pixels in the middle of a black frame."""
    pixels = np.zeros((count, SIZE, SIZE, channels), np.float32)
    pixels[:, 4:8, 4:8] = 0.5
    return pixels.reshape(count, -1)


@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_masking_hides_half_to_one_and_a_half_of_the_share_of_each_row(kind):
    rows = np.ones((400, 300), np.float32)
    found = masked(sparse(rows) if kind == "sparse" else rows, 0.6, rng())
    hidden = ((dense(found) if kind == "sparse" else found.numpy()) == 0).mean(1)
    assert abs(hidden.mean() - 0.6) < 0.02
    assert 0.2 < hidden.min() < 0.35
    assert 0.85 < hidden.max() < 0.97


def test_what_is_left_of_a_sparse_row_has_unit_length():
    rows = sparse((rng().random((500, 40)) < 0.1).astype(np.float32)).unit()
    lengths = np.linalg.norm(dense(masked(rows, 0.6, rng())), axis=1)
    np.testing.assert_allclose(lengths[lengths > 0], 1, rtol=1e-5)


def test_no_mask_hides_nothing():
    np.testing.assert_array_equal(masked(images(3), 0.0, rng()).numpy(), images(3))


@pytest.mark.parametrize("channels", [1, 3])
def test_no_strength_changes_nothing(channels):
    pixels = rng().random((5, SIZE * SIZE * channels)).astype(np.float32)
    found = augmented(pixels, SIZE, 0.0, rng())
    assert (found.dtype, found.shape) == (np.float32, pixels.shape)
    np.testing.assert_allclose(found, pixels, atol=2e-6)


def test_moves_stay_within_their_ranges_and_fill_them():
    moves = _moves(4000, 1.0, rng()).numpy()
    right, down = moves[:, :, 2].T * 28 / 2
    zooms = np.log(np.linalg.norm(moves[:, :, :2], axis=1))
    angles = np.degrees(np.arctan2(moves[:, 1, 0], moves[:, 0, 0]))
    for values, reach in ((right, 1.5), (down, 1.5), (zooms[:, 0], 0.08), (zooms[:, 1], 0.08), (angles, 8)):
        assert 0.98 * reach < np.abs(values).max() <= reach * 1.0001
        assert abs(values.mean()) < 0.05 * reach


def test_strength_scales_the_moves():
    plain, strong = (_moves(50, strength, rng()).numpy()[:, :, 2] for strength in (1.0, 2.0))
    np.testing.assert_allclose(strong, 2 * plain, rtol=1e-6)


def test_light_is_never_negative_and_differs_from_row_to_row_and_place_to_place():
    flat = np.full((300, SIZE * SIZE), 0.5, np.float32)
    found = augmented(flat, SIZE, 1.0, rng()).reshape(300, SIZE, SIZE)[:, 3:9, 3:9]
    assert found.min() > 0
    assert np.log(found.mean((1, 2))).std() > 0.2
    assert np.log(found).std((1, 2)).min() > 0.05


def test_colours_are_moved_and_lit_alike():
    found = augmented(images(20, 3), SIZE, 1.0, rng()).reshape(20, SIZE, SIZE, 3)
    np.testing.assert_allclose(found[..., 0], found[..., 1], atol=1e-6)
    np.testing.assert_allclose(found[..., 0], found[..., 2], atol=1e-6)
    grey = augmented(images(20), SIZE, 1.0, rng()).reshape(20, SIZE, SIZE)
    np.testing.assert_allclose(found[..., 0], grey, atol=1e-6)


def test_a_view_is_new_each_time_and_the_same_for_the_same_seed():
    settings, pixels, state = Settings(image_size=SIZE).resolved("image"), images(4), torch.get_rng_state()
    draw = rng()
    first, second, again = view(pixels, settings, draw), view(pixels, settings, draw), view(pixels, settings, rng())
    assert not torch.equal(first, second)
    assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(pixels, images(4))


def test_a_view_without_strength_is_masked_alone():
    settings = replace(Settings(image_size=SIZE).resolved("image"), augment=0.0, mask=0.3)
    np.testing.assert_array_equal(view(images(9), settings, rng()).numpy(), masked(images(9), 0.3, rng()).numpy())
