import numpy as np
import pytest

from hashret.evaluate import rows as chapter
from hashret.evaluate.rows import Cosines, directions, joined, taken, times, transposed
from hashret.rows import Sparse


def make_sparse(seed=0, shape=(30, 12), filled=0.3):
    """The same rows dense and sparse; the first row is empty."""
    rng = np.random.default_rng(seed)
    dense = (rng.random(shape) * (rng.random(shape) < filled)).astype(np.float32)
    dense[0] = 0
    owners, columns = np.nonzero(dense)
    indptr = np.concatenate(([0], np.cumsum(np.bincount(owners, minlength=shape[0]))))
    return dense, Sparse(indptr, columns.astype(np.int32), dense[owners, columns], shape[1])


@pytest.mark.parametrize("cells", [1, 40, 1 << 22])
def test_sparse_products_are_dense_products(cells, monkeypatch):
    monkeypatch.setattr(chapter, "_CELLS", cells)
    dense, sparse = make_sparse()
    matrix = np.random.default_rng(1).normal(size=(12, 5)).astype(np.float32)
    np.testing.assert_allclose(times(sparse, matrix), dense @ matrix, atol=1e-5)
    np.testing.assert_allclose(times(transposed(sparse), dense), dense.T @ dense, atol=1e-5)


def test_joined_and_taken():
    dense, sparse = make_sparse()
    some = np.array([7, 0, 3])
    both = joined([taken(sparse, some), sparse])
    np.testing.assert_array_equal(times(both, np.eye(12, dtype=np.float32)), np.vstack([dense[some], dense]))
    np.testing.assert_array_equal(joined([taken(dense, some), dense]), np.vstack([dense[some], dense]))


def test_cosines_of_sparse_and_dense_rows():
    dense, sparse = make_sparse()
    lengths = np.maximum(np.linalg.norm(dense, axis=1), 1e-9)
    expected = (dense[:4] / lengths[:4, None]) @ (dense / lengths[:, None]).T
    np.testing.assert_allclose(Cosines(sparse)(taken(sparse, np.arange(4))), expected, atol=1e-6)
    np.testing.assert_allclose(Cosines(dense)(dense[:4]), expected, atol=1e-6)


@pytest.mark.parametrize("centred", [True, False])
def test_directions_are_singular_vectors(centred):
    dense, sparse = make_sparse(shape=(60, 12))
    right = np.linalg.svd(dense - dense.mean(0) * centred)[2]
    for rows in (dense, sparse):
        found = directions(rows, 3, seed=0, centred=centred)
        assert found.dtype == np.float32
        np.testing.assert_allclose(np.abs((right[:3] * found.T).sum(1)), 1, atol=0.01)


def test_directions_that_are_not_there_are_zero():
    dense, _ = make_sparse(shape=(60, 12))
    found = directions(dense, 16, seed=0, centred=True)
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), [1] * 12 + [0] * 4, atol=1e-5)
