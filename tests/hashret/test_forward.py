"""By hand; equality with torch is shown in model/test_nets.py."""

import numpy as np

from hashret.forward import Weights
from tests.hashret.test_features import sparse

FIRST = (np.array([[1, -1], [2, 0], [0, 3]], np.float32), np.array([0.5, -0.5], np.float32))
SECOND = (np.array([[1], [10]], np.float32), np.array([-2], np.float32))


def test_dense_rows_by_hand():
    rows = np.array([[1, 0, 1], [0, 0, 0]], np.float32)
    # first layer (1.5, 1.5) and (0.5, -0.5); ReLU; second layer
    assert Weights([FIRST, SECOND], []).logits(rows).tolist() == [[14.5], [-1.5]]


def test_sparse_rows_are_the_same_as_dense_ones():
    rows = np.array([[1, 0, 1], [0, 0, 0], [0, 2, 0]], np.float32)
    weights = Weights([FIRST, SECOND], [])
    np.testing.assert_array_equal(weights.logits(sparse(rows)), weights.logits(rows))


def test_a_convolution_by_hand():
    image = np.arange(9, dtype=np.float32)[None]  # 3 x 3
    ones, corner = np.ones((3, 3, 1, 1), np.float32), np.zeros((3, 3, 1, 1), np.float32)
    corner[0, 0] = 1  # looks up and to the left
    # stride 2: windows around the four corners of the image
    dense = (np.eye(8, dtype=np.float32), np.zeros(8, np.float32))
    kernels = (np.concatenate([ones, corner], axis=3), np.array([0.5, 0], np.float32))
    expected = [8.5, 0, 12.5, 0, 20.5, 0, 24.5, 4]
    assert Weights([kernels, dense], []).logits(image).tolist() == [expected]


def test_bits_are_decoded_as_minus_one_and_one():
    decoder = (np.array([[1, 2], [10, 20]], np.float32), np.array([0.5, 0], np.float32))
    assert Weights([], [decoder]).reconstruct(np.array([[1, 0], [1, 1]])).tolist() == [[-8.5, -18], [11.5, 22]]
