import numpy as np
import pytest
from sqlalchemy import create_engine

from indexer import statements
from indexer.schema import metadata
from tests.indexer.conftest import random_codes


@pytest.fixture
def connection():
    engine = create_engine("sqlite://")
    with engine.begin() as opened:
        metadata.create_all(opened)
        yield opened
    engine.dispose()


@pytest.mark.parametrize("chunk", [1, 3, 100])
@pytest.mark.parametrize("bits", [8, 24, 256])
def test_codes_are_cut_at_the_right_places(connection, monkeypatch, chunk, bits):
    monkeypatch.setattr(statements, "CHUNK", chunk)
    codes, ids = random_codes(7, bits), [3, 9, 1, 40, 2, 7, 8]
    statements.insert_codes(connection, 5, ids, codes)
    found = connection.exec_driver_sql("SELECT model, entry, code FROM buckets").all()
    expected = sorted((5, number, code.tobytes()) for number, code in zip(ids, codes, strict=True))
    assert sorted(tuple(row) for row in found) == expected


@pytest.mark.parametrize("many", [1, 2, 100])
def test_rows_are_found_however_many_are_asked_for(connection, monkeypatch, many):
    monkeypatch.setattr(statements, "MANY", many)
    statements.insert_rows(connection, "entries", {"id": [1, 2, 3], "key": ["a", "b", "c"]})
    assert statements.ids_of(connection, ["c", "x", "a"]) == {"a": 1, "c": 3}
    assert statements.ids_of(connection, []) == {}


def test_facts_are_replaced(connection):
    assert statements.fact(connection, "one") is None
    assert statements.fact_number(connection, "one") == 0
    statements.set_facts(connection, {"one": 1})
    statements.set_facts(connection, {"one": 12})
    assert (statements.fact(connection, "one"), statements.fact_number(connection, "one")) == ("12", 12)


def test_blobs():
    codes = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert statements.blobs(codes) == [b"\x00\x01\x02", b"\x03\x04\x05"]
