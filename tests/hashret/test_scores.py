import numpy as np
import pytest

from hashret.scores import combined, cosines, signs, softened, sparse_cosines
from tests.hashret.test_features import sparse


def test_signs():
    assert signs(np.array([[0b10100000]], np.uint8)).tolist() == [[1, -1, 1, -1, -1, -1, -1, -1]]


def test_asymmetric_is_one_for_the_query_itself_and_minus_one_for_its_complement():
    logits = np.random.default_rng(0).normal(size=16).astype(np.float32)
    own = np.packbits(logits > 0)[None]
    np.testing.assert_allclose(signs(np.concatenate([own, ~own])) @ softened(logits[None])[0], [1, -1], rtol=1e-6)


def test_asymmetric_written_out():
    logits = np.array([2, -1, 0.5, 0, 0, 0, 0, 0], np.float32)
    soft = np.tanh(logits)
    code = np.packbits([0, 0, 1, 1, 0, 0, 1, 0])[None]
    expected = (-soft[0] - soft[1] + soft[2]) / np.abs(soft).sum()
    np.testing.assert_allclose(signs(code) @ softened(logits[None])[0], [expected], rtol=1e-6)


def test_logits_of_zero_score_zero():
    assert softened(np.zeros((2, 8), np.float32)).tolist() == [[0] * 8] * 2


def test_cosines():
    rows = np.array([[3, 4], [-3, -4], [4, -3], [0, 0]], np.float32)
    np.testing.assert_allclose(cosines(rows, np.array([3, 4], np.float32)), [1, -1, 0, 0], atol=1e-7)


def test_sparse_cosines_equal_dense_ones():
    matrix = np.random.default_rng(1).random((6, 9)).astype(np.float32)
    matrix[matrix < 0.6] = 0
    matrix[3] = 0
    rows = sparse(matrix).unit()
    expected = cosines(matrix, matrix[1])
    np.testing.assert_allclose(sparse_cosines(rows, rows.take(np.array([1]))), expected, atol=1e-6)


@pytest.mark.parametrize(("kind", "both"), [("text", [0.2, 0.52, 1]), ("image", [-0.25, 0.7, 1])])
def test_words_outweigh_codes_four_to_one_and_pixels_count_as_much(kind, both):
    found = combined(kind, np.array([0.5, 0.4, 1], np.float32), np.array([-1, 1, 1], np.float32))
    np.testing.assert_allclose(found, both, rtol=1e-6)
