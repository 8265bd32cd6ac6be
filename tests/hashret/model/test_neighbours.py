import numpy as np
import pytest
import torch

from hashret.model import neighbours
from hashret.model.neighbours import latent, nearest
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


@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_latent_equals_the_exact_svd(kind):
    rng = np.random.default_rng(1)
    matrix = (rng.normal(size=(40, 3)) @ rng.normal(size=(3, 12))).astype(np.float32)
    rows = sparse(matrix) if kind == "sparse" else matrix
    left, values, _ = np.linalg.svd(matrix if kind == "sparse" else matrix - matrix.mean(0))
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
