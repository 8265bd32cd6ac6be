from dataclasses import replace

import numpy as np
import pytest
import torch

from hashret.evaluate import precision_at
from hashret.model import neighbours
from hashret.model.nets import Autoencoder
from hashret.model.train import _batches, train
from hashret.settings import Settings
from tests.hashret.test_features import sparse

FAST = Settings(bits=16, steps=60, batch=32).resolved("text")


def groups(kind: str, count: int = 120) -> tuple[object, np.ndarray]:
    """Rows in four groups, each with ten columns of its own; the group of each row."""
    rng = np.random.default_rng(0)
    group = np.arange(count) % 4
    matrix = (rng.random((count, 40)) < 0.4) & (np.arange(40) // 10 == group[:, None])
    matrix |= rng.random((count, 40)) < 0.03
    matrix = matrix.astype(np.float32)
    return (sparse(matrix).unit() if kind == "sparse" else matrix - matrix.mean(0)), group


def quiet(phase: str, done: int, total: int) -> None:
    pass


@pytest.mark.parametrize("kind", ["sparse", "dense"])
@pytest.mark.parametrize("hidden", [0, 32])
def test_the_nearest_codes_are_of_the_same_group(kind, hidden):
    rows, group = groups(kind)
    weights = train(rows, replace(FAST, hidden=hidden, neighbours=10, mask=0.2, steps=150), quiet)
    bits = weights.logits(rows) > 0
    distances = (bits[:, None] != bits[None]).sum(2)
    assert (
        precision_at(distances, group[:, None] == group, 20).mean() > 0.85
    )  # by chance .24; 16 bits of data with stray words


def test_the_decoder_knows_the_words_of_a_group():
    rows, group = groups("sparse")
    weights = train(rows, replace(FAST, neighbours=10, reconstruction=1.0, steps=200), quiet)
    output = weights.reconstruct(weights.logits(rows) > 0)
    words = output.reshape(len(rows), 4, 10).mean(2)
    assert (words.argmax(1) == group).mean() > 0.9


def test_same_seed_same_weights_and_another_seed_others():
    rows, _ = groups("sparse")
    first, again, other = (train(rows, replace(FAST, steps=5, seed=seed), quiet) for seed in (1, 1, 2))
    for one, two in zip(first.encoder[0] + first.decoder[0], again.encoder[0] + again.decoder[0], strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first.encoder[0][0], other.encoder[0][0])


def test_training_leaves_input_and_global_seed_alone():
    rows, _ = groups("sparse")
    before = rows.data.copy()
    torch.manual_seed(9)
    state = torch.get_rng_state()
    train(rows, replace(FAST, steps=3), quiet)
    np.testing.assert_array_equal(rows.data, before)
    assert torch.equal(state, torch.get_rng_state())


def test_progress_counts_the_steps_of_both_stages():
    rows, _ = groups("sparse")
    seen = []
    train(rows, replace(FAST, steps=2), lambda *at: seen.append(at))
    assert seen == [("stage 1", 1, 2), ("stage 1", 2, 2), ("stage 2", 1, 2), ("stage 2", 2, 2)]


def shapes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of 8 x 8 pixels, each with a bright side, which moves and light leave where it is; that side's number."""
    side = np.arange(count) % 4
    pixels = np.random.default_rng(0).random((count, 8, 8)).astype(np.float32) * 0.5
    for image, number in zip(pixels, side, strict=True):
        np.rot90(image, number)[:3] += 0.5
    return pixels.reshape(count, -1), side


IMAGES = Settings(bits=16, steps=40, batch=32, image_size=8, convolution=4, hidden=16).resolved("image")


@pytest.mark.parametrize("convolution", [0, 4])
def test_images_of_one_shape_have_near_codes(convolution):
    pixels, side = shapes(160)
    weights = train(pixels, replace(IMAGES, convolution=convolution), quiet)
    bits = weights.logits(pixels) > 0
    distances = (bits[:, None] != bits[None]).sum(2)
    assert precision_at(distances, side[:, None] == side, 20).mean() > 0.9
    assert weights.reconstruct(bits).shape == pixels.shape


def test_few_images_have_few_neighbours(monkeypatch):
    seen = []
    by_logits = neighbours.by_logits
    monkeypatch.setattr(neighbours, "by_logits", lambda logits, count: seen.append(count) or by_logits(logits, count))
    settings = replace(IMAGES, steps=1)
    for count, wanted in ((90, 100), (900, 100), (900, 20), (90, 5)):
        train(shapes(count)[0], replace(settings, neighbours=wanted), quiet)
    train(groups("sparse")[0], replace(FAST, steps=1), quiet)
    assert seen == [15, 30, 20, 5, FAST.neighbours]


def test_stage_two_goes_on_from_the_inner_layers_of_stage_one(monkeypatch):
    """With steps that hardly move anything, they are still those that stage one was made with."""
    pixels, _ = shapes(40)
    torch.manual_seed(IMAGES.seed)
    fresh = Autoencoder(64, 256, 16, 4, 8)
    weights = train(pixels, replace(IMAGES, steps=1, learning_rate=1e-6), quiet)
    for (mine, _), (theirs, _) in zip(weights.encoder[:-1], fresh.export().encoder[:-1], strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_hardly_any_data_still_gives_finite_codes(count):
    rows, _ = groups("sparse", count)
    weights = train(rows, replace(FAST, steps=3), quiet)
    assert np.isfinite(weights.logits(rows)).all()


def test_all_equal_rows_give_finite_codes():
    rows = sparse(np.ones((10, 5), np.float32)).unit()
    assert np.isfinite(train(rows, replace(FAST, steps=3), quiet).logits(rows)).all()


def test_batches_take_each_row_once_before_any_twice():
    drawn = np.concatenate(list(_batches(12, replace(FAST, batch=4, steps=6), np.random.default_rng(0))))
    assert sorted(drawn[:12]) == list(range(12)) == sorted(drawn[12:])
