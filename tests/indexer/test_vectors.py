import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from indexer import Index
from indexer.vectors import FACTS, form_of, from_blobs, to_blobs
from tests.indexer.conftest import names, random_codes
from tests.indexer.test_schema import run

ROWS = np.array([[1, -0.5, 0.25], [0, 0, 0], [-127, 2, 1]], np.float32)


WIDE = np.concatenate((ROWS, np.zeros((3, 13), np.float32), [[0.5, -4], [0, 1e-30], [0, 0]]), axis=1)


@pytest.mark.parametrize(
    ("fact", "golden"),
    [
        ("float16", ["003c00b80034", "000000000000", "f0d70040003c"]),
        ("int8", ["0402013c7fc020", "00000000000000", "0000803f810201"]),
        ("int8 by 16", ["023c7ec120", "0000000000", "803f810201"]),
    ],
)
def test_the_bytes_of_a_vector(fact, golden):
    assert [blob.hex() for blob in to_blobs(ROWS, fact)] == golden
    assert to_blobs(ROWS[:0], fact) == []


def test_what_facts_stand_for():
    assert [form_of(fact) for fact in ("int8 by 16", "int8", "float16", "none", None)] == [
        "int8", "int8", "float16", "none", "none",
    ]  # fmt: skip


def test_each_sixteen_values_have_a_scale():
    none = "00" * 13
    golden = [  # 4 / 127 is .03150, the next bfloat16 .03174, and 126 of it are 4
        f"023c023d7ec120{none}1082",
        f"0000240a000000{none}007f",
        f"803f0000810201{none}0000",
    ]
    assert [blob.hex() for blob in to_blobs(WIDE, "int8 by 16")] == golden


rows_of_any_size = arrays(
    np.float32, st.tuples(st.integers(0, 4), st.integers(1, 50)), elements=st.floats(-1e5, 1e5, width=32)
)


@settings(max_examples=50, deadline=None)
@given(rows_of_any_size)
def test_int8_is_within_half_a_step(rows):
    back = from_blobs(to_blobs(rows, "int8"), "int8").reshape(rows.shape)
    steps = np.abs(rows).max(axis=1, initial=0, keepdims=True) / 127
    assert (np.abs(back - rows) <= steps * 0.5001 + 1e-37).all()
    back = from_blobs(to_blobs(rows, "int8 by 16"), "int8 by 16").reshape(rows.shape)
    for start in range(0, rows.shape[1], 16):
        part = slice(start, start + 16)
        steps = np.abs(rows[:, part]).max(axis=1, initial=0, keepdims=True) / 127
        assert (np.abs(back[:, part] - rows[:, part]) <= steps * 0.504 + 1e-37).all()


@pytest.mark.parametrize("fact", [*FACTS.values(), "int8"])
def test_a_file_gives_back_the_vectors_of_its_form(path, fact):
    rows = np.random.default_rng(0).normal(size=(5, 27)).astype(np.float32)
    with Index.create(path) as index:
        index.store.set_fact("vectors", fact)
        ids = index.add(names(5), random_codes(5, 64), vectors=rows)
        expected = from_blobs(to_blobs(rows, fact), fact)
        assert np.array_equal(index.store.vectors(ids[::-1]), expected[::-1])
        assert index.store.vectors(ids[:0]).shape == (0, 0)
        assert index.store.keeps_vectors
    size = {"float16": 54, "int8": 31, "int8 by 16": 31}[fact]
    assert run(path, "SELECT DISTINCT length(vector) FROM vectors") == [(size,)]
