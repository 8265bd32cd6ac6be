"""The benchmarks of small collections and of images whose vectors are kept."""

import numpy as np

from benchmarks.quality import few, pictures, tasks
from benchmarks.quality.results import Codes
from hashret.hasher import Hasher
from hashret.model import train
from hashret.settings import Settings
from tests.test_benchmarks import in_a_folder, texts  # noqa: F401


def test_few_learn_by_as_many_neighbours_as_are_asked_for(monkeypatch):
    settings, drawn = Settings().resolved("matrix"), []

    def learned(task, bits, seed):
        drawn.append(train._reach(task.database.rows, settings))
        return Codes.of(np.ones((60, 8), np.float32), np.ones((9, 8), np.float32))

    monkeypatch.setattr(few.peers, "hashret", learned)
    monkeypatch.setattr(few, "mean", lambda task, codes, metric: len(task.database) / 100)
    for count in (4, 100, few.DEFAULT):
        few.run(texts(), 40, count, 0)
    assert drawn == [4, 39, 5]  # an eighth of so few
    few.run(texts(), 60, 4, 0)
    monkeypatch.setattr(few, "SIZES", (40, 60))
    none = ["-"] * 4
    assert few.rows() == [["40", ".400", *none, ".400", ".400"], ["60", ".600", *none, "-", "-"]]


def test_the_parts_of_a_database_are_drawn_by_seed():
    parts = [few.of_size(texts(), 7, seed) for seed in (0, 0, 1)]
    rows = [part.database.rows.indices.tolist() for part in parts]
    assert rows[0] == rows[1] != rows[2]
    assert {len(part.database) for part in parts} == {7}
    assert parts[0].relevant(slice(0, 9)).shape == (9, 7)


def test_pictures_are_put_in_order_by_codes_pixels_and_half_of_each():
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8), dtype=np.uint8)
    part = tasks.Part(images, images.reshape(30, -1) / 255, tasks.one_hot(np.arange(30) % 3))
    hasher = Hasher.fit(images, Settings(bits=16, net="mlp", steps=3, batch=16, image_size=8))
    found = pictures.orders(hasher, tasks.labelled("images", part, part))
    rows = hasher.rows(images)
    pixels = [[a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in rows] for a in rows]
    logits = np.tanh(hasher.weights.logits(rows))
    signs = np.where(np.unpackbits(hasher.encode(images), axis=1), 1, -1)
    soft = logits @ signs.T / np.abs(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(found["pixels"], pixels, atol=1e-5)
    np.testing.assert_allclose(found["codes"], soft, atol=1e-5)
    np.testing.assert_allclose(found["both"], (soft + np.array(pixels)) / 2, atol=1e-5)
    assert pictures.cell(np.eye(30, dtype=np.float32), tasks.labelled("images", part, part)).startswith(".3")
