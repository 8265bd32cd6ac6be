import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from indexer import Index
from indexer.vectors import FORMS, from_blobs, to_blobs
from tests.indexer.conftest import names, random_codes
from tests.indexer.test_schema import run

ROWS = np.array([[1, -0.5, 0.25], [0, 0, 0], [-127, 2, 1]], np.float32)


@pytest.mark.parametrize(
    ("form", "golden"),
    [
        ("float16", ["003c00b80034", "000000000000", "f0d70040003c"]),
        ("int8", ["0402013c7fc020", "00000000000000", "0000803f810201"]),
    ],
)
def test_the_bytes_of_a_vector(form, golden):
    assert [blob.hex() for blob in to_blobs(ROWS, form)] == golden


@settings(max_examples=50, deadline=None)
@given(arrays(np.float32, st.tuples(st.integers(0, 4), st.integers(1, 5)), elements=st.floats(-1e5, 1e5, width=32)))
def test_int8_is_within_half_a_step(rows):
    back = from_blobs(to_blobs(rows, "int8"), "int8").reshape(rows.shape)
    steps = np.abs(rows).max(axis=1, initial=0, keepdims=True) / 127
    assert (np.abs(back - rows) <= steps * 0.5001 + 1e-37).all()


@pytest.mark.parametrize("form", FORMS)
def test_a_file_gives_back_the_vectors_of_its_form(path, form):
    rows = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    with Index.create(path) as index:
        index.store.set_fact("vectors", form)
        ids = index.add(names(5), random_codes(5, 64), vectors=rows)
        expected = from_blobs(to_blobs(rows, form), form)
        assert np.array_equal(index.store.vectors(ids[::-1]), expected[::-1])
        assert index.store.vectors(ids[:0]).shape == (0, 0)
    size = {"float16": 14, "int8": 11}[form]
    assert run(path, "SELECT DISTINCT length(vector) FROM vectors") == [(size,)]
