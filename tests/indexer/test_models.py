"""Models in the store: kept whole, and never mixed."""

from hashlib import sha256

import pytest

from indexer import Index
from indexer.errors import Corrupt, Mismatch
from indexer.rows import Model
from indexer.store import Store
from indexer.succession import model_digest
from tests.indexer.conftest import change, clustered_codes, file_rows, succeeded

WEIGHTS = b"weights"
MODEL = ("settings", WEIGHTS, model_digest("settings", WEIGHTS))


def test_a_model_comes_back_as_it_was_given(path):
    Store.create(path, 64, MODEL).close()
    with Index.open(path) as index:
        assert index.store.model() == Model(1, 64, MODEL[2], "settings", WEIGHTS)


def test_the_digest_of_a_model_is_of_settings_and_weights():
    assert model_digest("{}", b"\0\1") == sha256(b"{}\n\0\1").hexdigest()


@pytest.mark.parametrize("column", ["settings = 'other'", "weights = x'00'"])
def test_a_damaged_model_is_refused(path, column):
    Store.create(path, 64, MODEL).close()
    change(path, f"UPDATE models SET {column}")
    with Index.open(path) as index:
        with pytest.raises(Corrupt) as error:
            index.store.model()
        assert str(error.value) == f"{path}: model {MODEL[2][:12]} is damaged: restore the file from a copy"


def test_a_file_of_ready_made_codes_has_no_model(filled):
    with Index.open(filled.path) as index:
        assert index.store.model() is None


@pytest.mark.parametrize(
    "use",
    [
        lambda index, codes: index.search(codes[:1], 1),
        lambda index, codes: index.within(codes[:1], 0),
        lambda index, codes: index.within(codes[:1], 40),
        lambda index, codes: index.bucket(codes[0]),
        lambda index, codes: list(index.pairs(0)),
        lambda index, codes: index.codes([1]),
        lambda index, codes: index.add(["new"], codes[:1]),
        lambda index, codes: index.add(["k1"], codes[:1]),
        lambda index, codes: index.remove(["k1"]),
        lambda index, codes: index.store.model(),
        lambda index, codes: index.check(),
        lambda index, codes: index.store.succession.beside(),
        lambda index, codes: index.store.succession.drop(1),
    ],
)
@pytest.mark.parametrize("bits", [32, 64])
def test_an_index_opened_before_another_model_took_over_says_so(filled, use, bits):
    with Index.open(filled.path) as index, Index.open(filled.path) as old:
        old.search(filled.codes[:1], 1)
        succeeded(index, bits, clustered_codes(200, bits, 7))
        before = file_rows(filled.path)
        with pytest.raises(Mismatch) as error:
            use(old, filled.codes)
        assert str(error.value) == f"{filled.path}: was given another model since it was opened: open it again"
        assert file_rows(filled.path) == before
