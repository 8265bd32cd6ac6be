import re
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch

from hashret.curve import Curve
from hashret.evaluate import precision_at
from hashret.model import neighbours
from hashret.model.fit import _Run
from hashret.model.nets import Autoencoder
from hashret.model.train import train
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


def quiet(*at: object) -> None:
    pass


@pytest.mark.parametrize("kind", ["sparse", "dense"])
@pytest.mark.parametrize("hidden", [0, 32])
def test_the_nearest_codes_are_of_the_same_group(kind, hidden):
    rows, group = groups(kind)
    loss = "multinomial" if kind == "sparse" else "squared"
    weights = train(
        rows, replace(FAST, loss=loss, hidden=(hidden,) if hidden else (), neighbours=10, noise=0.2, steps=150), quiet
    )
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
    assert [at[:3] for at in seen] == [("stage 1", 1, 2), ("stage 1", 2, 2), ("stage 2", 1, 2), ("stage 2", 2, 2)]
    assert re.fullmatch(r"loss \d+\.\d{3}, balance [01]\.\d\d", seen[-1][3])


def shapes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of 8 x 8 pixels, each with a bright side, which moves and light leave where it is; that side's number."""
    side = np.arange(count) % 4
    pixels = np.random.default_rng(0).random((count, 8, 8)).astype(np.float32) * 0.5
    for image, number in zip(pixels, side, strict=True):
        np.rot90(image, number)[:3] += 0.5
    return pixels.reshape(count, -1), side


IMAGES = Settings(bits=16, steps=40, batch=32, image_size=8, convolution=4, hidden=16).resolved("image")


@pytest.mark.parametrize("net", ["mlp", "conv"])
def test_images_of_one_shape_have_near_codes(net):
    pixels, side = shapes(160)
    weights = train(pixels, replace(IMAGES, net=net), quiet)
    bits = weights.logits(pixels) > 0
    distances = (bits[:, None] != bits[None]).sum(2)
    assert precision_at(distances, side[:, None] == side, 20).mean() > 0.9
    assert weights.reconstruct(bits).shape == pixels.shape


@pytest.mark.parametrize(
    ("kind", "count", "wanted", "reach"),
    [
        ("images", 90, 100, 11), ("images", 200, 100, 15), ("images", 900, 100, 30), ("images", 900, 20, 20),
        ("images", 90, 5, 5), ("texts", 6, 100, 1), ("texts", 60, 100, 7), ("texts", 400, 100, 15),
        ("texts", 2000, 100, 40), ("texts", 2000, 30, 30),
    ],
)  # fmt: skip
def test_few_entries_have_few_neighbours(monkeypatch, kind, count, wanted, reach):
    found, asked = [], []
    by_logits = neighbours.by_logits

    def spied(logits, number, seed):
        asked.append(number)
        found.append(by_logits(logits, number, seed))
        return found[0]

    monkeypatch.setattr(neighbours, "by_logits", spied)
    rows = shapes(count)[0]
    settings = replace(IMAGES if kind == "images" else FAST, steps=1, neighbours=wanted)
    train(rows if kind == "images" else sparse(rows).unit(), settings, quiet)
    assert asked == [reach]
    told_apart = ~found[0].alike(np.arange(count))
    assert told_apart.float().mean() > 0.5  # were all alike, stage two had nothing to learn


def test_stage_two_goes_on_from_the_inner_layers_of_stage_one(monkeypatch):
    """With steps that hardly move anything, they are still those that stage one was made with."""
    pixels, _ = shapes(40)
    torch.manual_seed(IMAGES.seed)
    fresh = Autoencoder(64, replace(IMAGES, bits=256))
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
    settings = replace(FAST, batch=4, steps=6)
    run = _Run(Autoencoder(5, settings), np.ones((12, 5), np.float32), None)
    drawn = np.concatenate([run.batch() for _ in range(6)])
    assert sorted(drawn[:12]) == list(range(12)) == sorted(drawn[12:])


PLAIN = Settings(kind="denoising", bits=16, steps=60, batch=16, hidden=(16,), patience=0).resolved("vector")


class KilledError(Exception):
    pass


@pytest.mark.parametrize("settings", [FAST, PLAIN, replace(PLAIN, patience=3, binarizer="bernoulli")])
@pytest.mark.parametrize("step", [3, 37, 70])
def test_a_training_that_was_killed_goes_on_to_the_same_weights(settings, step, tmp_path, monkeypatch):
    """KilledError in the first stage, later, and (agreement) in the second; a kill loses what was not yet written."""
    monkeypatch.setattr("hashret.model.checkpoint.SECONDS", 0)
    rows, _ = groups("sparse" if settings is FAST else "dense")
    path, calls = tmp_path / "db.training", []

    def kill(*at):
        calls.append(at)
        if len(calls) == step:
            raise KilledError

    whole = train(rows, settings, quiet)
    with suppress(KilledError):
        train(rows, settings, kill, path)
    stopped = path.exists()
    seen = []
    curves = Curve(), Curve()
    again = train(rows, settings, lambda *at: seen.append(at), path, curves[0])
    train(rows, settings, quiet, None, curves[1])
    assert curves[0] == curves[1]
    assert [len(stage.points) for stage in curves[0].stages.values()] == [settings.steps] * len(curves[0].stages)
    assert stopped == (step < settings.steps * (2 if settings is FAST else 1))
    assert not path.exists()
    if stopped:
        assert len(seen) == len(calls[-1:]) * (settings.steps * (2 if settings is FAST else 1)) - step
    for name, array in whole.state().items():
        np.testing.assert_array_equal(again.state()[name], array, err_msg=name)


@pytest.mark.parametrize("change", ["settings", "rows", "bytes"])
def test_a_checkpoint_of_another_training_is_not_taken(change, tmp_path, monkeypatch):
    monkeypatch.setattr("hashret.model.checkpoint.SECONDS", 0)
    rows, _ = groups("dense")
    path, seen = tmp_path / "db.training", []

    def kill_at_five(*at):
        if at[1] == 5:
            raise KilledError

    with pytest.raises(KilledError):
        train(rows, PLAIN, kill_at_five, path)
    if change == "bytes":
        path.write_bytes(b"not a checkpoint")
    other = replace(PLAIN, seed=3) if change == "settings" else PLAIN
    train(rows + 1 if change == "rows" else rows, other, lambda *at: seen.append(at[1]), path)
    assert seen[0] == 1


def test_training_stops_early_and_keeps_the_weights_that_did_best_on_held_out_rows():
    """Of pure noise there is nothing to learn: sooner or later held-out rows come back worse."""
    rows = np.random.default_rng(0).normal(size=(60, 30)).astype(np.float32)
    settings = replace(PLAIN, corruption="none", binarizer="linear", steps=2000, patience=3, learning_rate=0.01)
    seen = []
    train(rows, settings, lambda *at: seen.append(at[1]))
    assert 0 < seen[-1] < 1500


def test_the_best_look_is_the_one_that_stays(monkeypatch):
    losses, kept = iter([3.0, 1.0, 2.0, 1.5, 1.2, 9.0]), []
    rows, _ = groups("dense")
    run = _Run(Autoencoder(rows.shape[1], replace(PLAIN, patience=3)), rows, None)
    monkeypatch.setattr("hashret.model.fit.loss", lambda *given: (torch.tensor(next(losses)), None))
    while not run.stopped:
        run.net.encoder[1].data += 1
        kept.append(run.net.encoder[1].detach().clone())
        run.look()
    run.finish()
    assert len(kept) == 6
    assert torch.equal(run.net.encoder[1], kept[1])


def test_held_out_rows_are_never_learned_from():
    rows, _ = groups("dense", 200)
    run = _Run(Autoencoder(rows.shape[1], replace(PLAIN, patience=1)), rows, None)
    drawn = {int(row) for _ in range(40) for row in run.batch()}
    assert len(run.held) == 10
    assert sorted([*drawn, *run.held]) == list(range(200))


def test_long_gradients_are_cut():
    rows, _ = groups("dense")
    run = _Run(Autoencoder(rows.shape[1], replace(PLAIN, clip=0.5)), rows, None)
    (run.loss(run.batch())[0] * 1e4).backward()
    seen = []
    for optimizer in run.optimizers:
        optimizer.register_step_pre_hook(
            lambda one, *given: seen.extend(part.grad.norm() for part in one.param_groups[0]["params"])
        )
    run.advance()
    assert torch.stack(seen).norm().item() == pytest.approx(0.5, rel=1e-3)
