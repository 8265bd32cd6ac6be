import numpy as np
import pytest
import torch

from hashret import family
from hashret.model.views import CORRUPTIONS, _moves, augmented, blurred, masked, salted, view
from hashret.rows import Floats, Sparse
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
    hidden = ((dense(found) if kind == "sparse" else found) == 0).mean(1)
    assert abs(hidden.mean() - 0.6) < 0.02
    assert 0.2 < hidden.min() < 0.35
    assert 0.85 < hidden.max() < 0.97


def texts(count: int = 500, width: int = 40) -> Sparse:
    """Rows of about four words each, the number of each from 1 to 3."""
    draw = rng()
    return sparse(((draw.random((count, width)) < 0.1) * draw.integers(1, 4, (count, width))).astype(np.float32))


def test_masking_keeps_the_values_that_it_does_not_hide():
    words, pixels = texts(), rng().random((50, 20)).astype(np.float32)
    for before, after in ((dense(words), dense(masked(words, 0.5, rng()))), (pixels, masked(pixels, 0.5, rng()))):
        assert after.dtype == np.float32
        np.testing.assert_array_equal(after[after > 0], before[after > 0])


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_no_noise_changes_nothing(name):
    rows = texts()
    np.testing.assert_array_equal(CORRUPTIONS[name](images(3), 0.0, rng()), images(3))
    np.testing.assert_array_equal(dense(CORRUPTIONS[name](rows, 0.0, rng())), dense(rows))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_leaves_its_input_alone_and_is_the_same_for_the_same_seed(name):
    for rows in (images(3), texts()):
        values = rows.data if isinstance(rows, Sparse) else rows
        before = values.copy()
        once, again = (CORRUPTIONS[name](rows, 0.5, rng()) for _ in range(2))
        np.testing.assert_array_equal(values, before)
        if isinstance(rows, Sparse):
            assert (len(once), once.width, once.data.dtype) == (len(rows), rows.width, np.float32)
            once, again = once.bag().data, again.bag().data
        assert once.dtype == np.float32
        np.testing.assert_array_equal(once, again)


def test_the_table_has_the_names_of_the_family():
    assert tuple(CORRUPTIONS) == family.CORRUPTIONS


def test_gaussian_noise_has_its_standard_deviation():
    noise = blurred(images(400), 0.3, rng()) - images(400)
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 0.3) < 0.01
    assert np.abs(np.corrcoef(noise[:20]) - np.eye(20)).max() < 0.4


def test_gaussian_noise_of_words_is_on_those_that_are_there_and_not_below_zero():
    rows = texts(2000)
    found = blurred(rows, 1.0, rng())
    np.testing.assert_array_equal(found.indices, rows.indices)
    np.testing.assert_array_equal(found.indptr, rows.indptr)
    ones = found.data[rows.data == 1]
    assert ones.min() == 0
    assert abs((ones == 0).mean() - 0.1587) < 0.02  # a normal value is one deviation below its mean
    assert abs(np.median(ones) - 1) < 0.05


def test_salt_and_pepper_make_a_share_of_a_row_its_largest_or_its_smallest():
    pixels = rng().uniform(-0.5, 0.9, (50, 1000)).astype(np.float32)
    found, high, low = salted(pixels, 0.3, rng()), pixels.max(1, keepdims=True), pixels.min(1, keepdims=True)
    changed = found != pixels
    assert abs(((found == high) & changed).mean() - 0.15) < 0.01
    assert abs(((found == low) & changed).mean() - 0.15) < 0.01
    assert ((found == high) | (found == low))[changed].all()


@pytest.mark.parametrize("value", [0.7, -0.7])
def test_zero_is_among_the_salt_and_pepper_of_rows_of_one_sign(value):
    found = salted(np.full((20, 500), value, np.float32), 0.4, rng())
    assert set(np.unique(found)) == {np.float32(0), np.float32(value)}
    assert abs((found == 0).mean() - 0.2) < 0.02


def test_salt_and_pepper_of_words_take_as_many_as_they_bring():
    rows = sparse((np.arange(900) < 30) * np.linspace(1, 2, 900, dtype=np.float32) + np.zeros((600, 1)))
    found = salted(rows, 0.4, rng())
    new = found.indices >= 30
    assert found.data.min() > 0
    assert abs(len(found.data) / len(rows.data) - 0.8) < 0.01  # a fifth goes
    assert abs(new.sum() / len(rows.data) - 0.2 * 870 / 900) < 0.01  # a fifth is a word of any kind
    assert set(found.data[new]) == {rows.data.max()}
    assert np.bincount(found.indices[new], minlength=900)[30:].std() < 4  # of 4 on average, each alike


def test_salt_has_the_weight_of_its_own_row():
    found = salted(sparse(np.array([[1] * 30 + [0] * 970, [5] * 30 + [0] * 970])), 1.0, rng())
    for row, weight in enumerate([1, 5]):
        assert set(found.data[found.owners() == row]) == {weight}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_empty_texts_stay_empty(name):
    rows = sparse(np.zeros((3, 9), np.float32))
    found = CORRUPTIONS[name](rows, 0.5, rng())
    assert (found.indptr.tolist(), found.width) == ([0, 0, 0, 0], 9)


@pytest.mark.parametrize(("weighting", "scaled"), [("tfidf", True), ("count", False), ("binary", False)])
def test_what_is_left_of_words_has_unit_length_where_they_are_weighted(weighting, scaled):
    settings = Settings(weighting=weighting, corruption="masking", noise=0.6).resolved("text")
    rows = texts().unit() if scaled else texts()
    found, expected = view(rows, settings, rng()), masked(rows, 0.6, rng())
    np.testing.assert_allclose(dense(found), dense(expected.unit() if scaled else expected), rtol=1e-6)
    assert 0.3 < len(found.data) / len(rows.data) < 0.5


@pytest.mark.parametrize("name", ["gaussian", "salt-and-pepper"])
def test_a_view_is_corrupted_as_settings_say(name):
    settings = Settings(kind="plain", corruption=name, noise=0.3).resolved("vector")
    rows = rng().normal(size=(20, 9)).astype(np.float32)
    np.testing.assert_array_equal(view(rows, settings, rng()).numpy(), CORRUPTIONS[name](rows, 0.3, rng()))


def test_a_view_of_nothing_to_corrupt_is_the_entry():
    rows: Floats = rng().normal(size=(20, 9)).astype(np.float32)
    for settings in (Settings(kind="plain"), Settings(corruption="masking", noise=0.0)):
        np.testing.assert_array_equal(view(rows, settings.resolved("vector"), rng()).numpy(), rows)


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
    settings = Settings(image_size=SIZE, augment=0.0, corruption="masking", noise=0.3).resolved("image")
    np.testing.assert_array_equal(view(images(9), settings, rng()).numpy(), masked(images(9), 0.3, rng()))


def test_images_are_moved_before_they_are_corrupted():
    settings, draw = Settings(image_size=SIZE, corruption="masking", noise=0.3).resolved("image"), rng()
    expected = masked(augmented(images(9), SIZE, 1.0, draw), 0.3, draw)
    np.testing.assert_array_equal(view(images(9), settings, rng()).numpy(), expected)
