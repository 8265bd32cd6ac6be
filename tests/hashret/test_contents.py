"""Contents that cannot be read are told, each by its number."""

import numpy as np
import pytest

from hashret import Hasher, Settings
from hashret.features import Image, Vector
from hashret.rows import Sparse
from indexer.errors import InvalidInput
from tests.hashret.conftest import FAST

GREY = np.zeros((9, 9), np.uint8)


def cells(indices, data, width=4, count=2):
    """Rows of two cells."""
    ends = np.arange(count + 1, dtype=np.int64) * 2
    return Sparse(ends, np.array(indices, np.int32), np.array(data, np.float32), width)


@pytest.mark.parametrize(
    ("odd", "what"),
    [
        (np.zeros((9, 9)), "float64 of shape (9, 9)"),
        (GREY.astype(np.uint16), "uint16 of shape (9, 9)"),
        (GREY[0], "uint8 of shape (9,)"),
        (np.zeros((9, 9, 5), np.uint8), "uint8 of shape (9, 9, 5)"),
        (np.zeros((0, 9), np.uint8), "uint8 of shape (0, 9)"),
    ],
)
def test_an_array_that_is_no_image_is_told(odd, what):
    features = Image.fit([GREY], Settings())
    for call in (lambda: Hasher.fit([GREY, GREY, odd], FAST), lambda: features.transform([GREY, GREY, odd])):
        with pytest.raises(InvalidInput) as caught:
            call()
        assert str(caught.value) == f"image 2 is {what}: give uint8 (h, w) or (h, w, 3)"


def test_images_of_one_channel_are_grey():
    images = np.random.default_rng(0).integers(0, 256, (3, 12, 9, 1), dtype=np.uint8)
    one, other = (Image.fit(list(each), Settings()) for each in (images, images[..., 0]))
    assert one == other
    np.testing.assert_array_equal(one.transform(list(images)), one.transform(list(images[..., 0])))


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (cells([0, 2, 1, 3], [1, 2, np.nan, 1]), "row 1 holds nan in column 1: give numbers in columns 0 to 3"),
        (cells([0, 2, 1, 3], [1, np.inf, 1, 1]), "row 0 holds inf in column 2: give numbers in columns 0 to 3"),
        (cells([0, 2, 1, 4], [1, 1, 1, 1]), "row 1 holds 1.0 in column 4: give numbers in columns 0 to 3"),
        (cells([-1, 2, 1, 3], [1, 1, 1, 1]), "row 0 holds 1.0 in column -1: give numbers in columns 0 to 3"),
        (cells([], [], count=0), "nothing to learn from: give at least one row"),
    ],
)
def test_sparse_rows_that_cannot_be_are_told(rows, told):
    with pytest.raises(InvalidInput) as caught:
        Hasher.fit(rows, FAST)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (np.ones((5, 0)), "float64 of shape (5, 0)"),
        (np.ones((5, 3), np.complex64), "complex64 of shape (5, 3)"),
    ],
)
def test_embeddings_that_cannot_be_are_told(rows, what):
    with pytest.raises(InvalidInput) as caught:
        Hasher.fit(rows, FAST)
    assert str(caught.value) == f"embeddings are {what}: give real numbers (n, d), d at least 1"


def test_no_embeddings_are_no_rows(vector_hasher):
    assert Vector(7).transform([]).shape == (0, 7)
    assert vector_hasher.encode([]).shape == (0, vector_hasher.bits // 8)
    assert vector_hasher.error([]).shape == (0,)


def test_values_beyond_float32_are_told_and_warn_of_nothing():
    with pytest.raises(InvalidInput, match=r"^row 1 holds NaN or infinity: remove it or mend it$"):
        Hasher.fit(np.array([[1.0, 2.0], [1e300, 1.0]]), FAST)


def test_settings_of_numpy_are_those_of_python():
    numpy = Settings(bits=np.int64(64), hidden=[np.int32(8), np.int64(4)], noise=np.float64(0.5), tied=np.bool_(True))
    assert numpy == Settings(bits=64, hidden=(8, 4), noise=0.5, tied=True)
    assert numpy.to_json() == Settings(bits=64, hidden=(8, 4), noise=0.5, tied=True).to_json()
