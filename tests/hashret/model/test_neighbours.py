import numpy as np
import pytest
import torch

from hashret.model import neighbours
from hashret.model.neighbours import Neighbours, by_logits, guess, latent, nearest
from tests.hashret.test_features import sparse


def brute(points, count):
    scores = points @ points.T
    np.fill_diagonal(scores, -np.inf)
    return np.argsort(-scores, axis=1)[:, :count]


@pytest.mark.parametrize("block", [1, 3, 100])
def test_nearest_equals_brute_force_in_any_block(block, monkeypatch):
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    points = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)
    np.testing.assert_array_equal(nearest(torch.from_numpy(points), 4), brute(points, 4))


def test_nearest_of_few_points():
    points = torch.eye(3)
    assert [sorted(row) for row in nearest(points, 10).tolist()] == [[1, 2], [0, 2], [0, 1]]
    assert nearest(points[:1], 10).tolist() == [[0]]


def test_latent_equals_the_exact_svd():
    rng = np.random.default_rng(1)
    rows = (rng.normal(size=(40, 3)) @ rng.normal(size=(3, 12))).astype(np.float32)
    left, values, _ = np.linalg.svd(rows - rows.mean(0))
    exact = left[:, :3] * values[:3]
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    points = latent(rows, 3, seed=0).numpy()
    np.testing.assert_allclose(points @ points.T, exact @ exact.T, atol=1e-4)


def test_latent_is_the_same_for_the_same_seed_and_leaves_the_global_seed_alone():
    rows = np.random.default_rng(2).normal(size=(30, 20)).astype(np.float32)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second = latent(rows, 4, seed=3), latent(rows, 4, seed=3)
    assert torch.equal(first, second)
    assert torch.equal(before, torch.get_rng_state())


def words(count: int) -> np.ndarray:
    """Rows of a few words each, of unit length."""
    rng = np.random.default_rng(3)
    rows = rng.random((count, 30)).astype(np.float32) * (rng.random((count, 30)) < 0.3)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize(("block", "cells"), [(1, 10**9), (7, 10**9), (100, 10**9), (100, 29), (100, 90)])
def test_the_first_guess_of_sparse_rows_is_their_cosine_in_any_block(block, cells, monkeypatch):
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    monkeypatch.setattr(neighbours, "_CELLS", cells)
    rows = words(40)
    found = guess(sparse(rows), 5, seed=0)
    np.testing.assert_array_equal(found.near, brute(rows, 5))
    assert found.alike(np.arange(3)) is None


def test_many_sparse_rows_look_for_neighbours_among_a_sample(monkeypatch):
    monkeypatch.setattr(neighbours, "_AMONG", 10)
    rows = words(40)
    near = guess(sparse(rows), 3, seed=0).near
    pool = np.sort(np.random.default_rng(0).choice(40, 10, replace=False))
    scores = rows @ rows[pool].T
    scores[pool == np.arange(40)[:, None]] = -np.inf
    np.testing.assert_array_equal(near, pool[np.argsort(-scores, axis=1)[:, :3]])


def drawn(owners: np.ndarray, width: int, among: int) -> np.ndarray:
    """Rows of 12 of the `among` words that are those of their owner, of unit length."""
    rng = np.random.default_rng(7)
    rows = np.zeros((len(owners), width), dtype=np.float32)
    for row, owner in zip(rows, owners, strict=True):
        own = np.random.default_rng(owner).choice(width, among, replace=False)
        row[rng.choice(own, 12, replace=False)] = 1
    return rows / np.sqrt(12)


TOPICS = drawn(np.arange(400) % 4, 800, 200)  # hardly a word shared with others of the same topic
STORIES = drawn(np.arange(400) // 5, 800, 20)  # many shared with four others, none with the rest


def likeness(rows: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Inner products with these others, in order: words that are counted have many ties."""
    return np.sort(np.take_along_axis(rows @ rows.T, near, axis=1))


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("rows", "enough", "topical"), [(TOPICS, 400, True), (TOPICS, 401, False), (STORIES, 400, False)]
)
def test_the_first_guess_is_latent_where_broad_topics_make_the_words(seed, rows, enough, topical, monkeypatch):
    """And there are enough entries to tell."""
    for name, value in {"_ENOUGH": enough, "_KEPT": 20, "_LATENT": 5}.items():
        monkeypatch.setattr(neighbours, name, value)
    found = guess(sparse(rows), 4, seed).near
    expected = nearest(latent(sparse(rows), 5, seed), 4) if topical else brute(rows, 4)
    assert (likeness(rows, found) == likeness(rows, expected)).all()
    assert ((found % 4 == np.arange(400)[:, None] % 4).mean() > 0.99) == topical


def test_latent_semantic_analysis_is_the_exact_svd_without_its_first_component():
    rng = np.random.default_rng(8)
    rows = np.abs(rng.normal(size=(40, 3)) @ rng.normal(size=(3, 12))).astype(np.float32)
    left, values, _ = np.linalg.svd(rows)
    exact = left[:, 1:4] * values[1:4]
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    points = latent(sparse(rows), 4, seed=0).numpy()
    np.testing.assert_allclose(points @ points.T, exact @ exact.T, atol=1e-4)


@pytest.mark.parametrize("count", [1, 2])
def test_hardly_any_sparse_rows(count):
    assert guess(sparse(words(count)), 15, seed=0).near.tolist() == [[0]] if count == 1 else [[1], [0]]


def test_the_first_guess_of_dense_rows_is_by_their_components():
    rows = np.random.default_rng(4).normal(size=(30, 6)).astype(np.float32)
    centred = rows - rows.mean(0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_array_equal(guess(rows, 4, seed=0).near, brute(centred, 4))


def test_alike_are_those_within_the_reach_of_one_of_them():
    logits = np.random.default_rng(5).normal(size=(25, 8)).astype(np.float32)
    unit = logits / np.linalg.norm(logits, axis=1, keepdims=True)
    scores, last = unit @ unit.T, brute(unit, 4)[:, -1]
    reach = scores[np.arange(25), last]
    rows = np.array([3, 9, 3, 20, 11])
    expected = [[scores[i, j] >= min(reach[i], reach[j]) - 1e-6 for j in rows] for i in rows]
    found = by_logits(logits, 4, seed=0)
    np.testing.assert_array_equal(found.near, brute(unit, 4))
    np.testing.assert_array_equal(found.alike(rows).numpy(), expected)


@pytest.mark.parametrize("count", [4, 12, 24, 25, 1000])
def test_of_many_neighbours_some_are_kept_from_a_random_part(count, monkeypatch):
    monkeypatch.setattr(neighbours, "_KEPT", 4)
    logits = np.random.default_rng(6).normal(size=(25, 8)).astype(np.float32)
    unit = logits / np.linalg.norm(logits, axis=1, keepdims=True)
    pool = np.sort(np.random.default_rng(0).choice(25, {4: 25, 12: 9}.get(count, 5), replace=False))
    scores = unit @ unit[pool].T
    scores[pool == np.arange(25)[:, None]] = -np.inf
    found = by_logits(logits, count, seed=0)
    np.testing.assert_array_equal(found.near, pool[np.argsort(-scores, axis=1)[:, :4]])


@pytest.mark.parametrize("expected", [[[0]], [[1], [0]], [[1, 2], [0, 2], [0, 1]]])
def test_hardly_any_logits(expected):
    found = by_logits(np.eye(3, dtype=np.float32)[: len(expected)], 100, seed=0)
    assert [sorted(row) for row in found.near.tolist()] == expected


def test_drawn_are_neighbours_and_each_in_its_turn():
    near = Neighbours(np.array([[1, 2], [0, 2], [0, 1]]))
    drawn = near.draw(np.repeat([0, 1, 2], 200), np.random.default_rng(0)).reshape(3, 200)
    assert [sorted(set(row)) for row in drawn.tolist()] == [[1, 2], [0, 2], [0, 1]]
