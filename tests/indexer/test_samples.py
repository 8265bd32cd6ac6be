import numpy as np
import pytest

from indexer import samples
from indexer.index import Index


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "d.db")
    with Index.create(path, bits=8) as index:
        keys = [f"note/{n:03}" for n in range(300)] + ["a:1", "ä", "\U0001f40c"]
        metas = [{"topic": "food", "year": n, "on": n % 2 == 0, "none": None, "list": [1]} for n in range(299)]
        metas += [{"late": "x"}, {}, {"topic": "fox"}, {"topic": ""}]
        index.add(keys, np.zeros((303, 1), np.uint8), metas=metas)
    return path


def test_keys_begin_so_and_are_the_first_in_order(path):
    assert samples.keys(path, "note/29") == [f"note/{n}" for n in range(290, 300)]
    assert samples.keys(path) == ["a:1", *[f"note/{n:03}" for n in range(199)]]
    assert samples.keys(path, "ä") == ["ä"]
    assert samples.keys(path, "%") == []


def test_fields_and_values(path):
    assert samples.fields(path) == ["late", "list", "none", "on", "topic", "year"]
    assert samples.fields(path, "to") == ["topic"]
    assert samples.fields(path, every=True) == samples.fields(path)
    assert samples.values(path, "topic") == ["", "food", "fox"]
    assert samples.values(path, "topic", "foo") == ["food"]
    assert samples.values(path, "on") == ["false", "true"]
    assert samples.values(path, "year", "29") == ["29", *map(str, range(290, 299))]
    assert samples.values(path, "none") == samples.values(path, "list") == samples.values(path, "nothing") == []


def test_keys_alike_have_the_same_half(path):
    assert "note/012" in samples.like_key(path, "note/o12")
    assert "note/012" in samples.like_key(path, "nofe/012")
    assert samples.like_key(path, "a;1") == ["a:1"]
    assert samples.like_key(path, "somewhere/else") == []


def test_where_nothing_can_be_read_there_is_nothing_to_offer(tmp_path, path):
    (tmp_path / "other.db").write_text("no database")
    for wrong in ("", str(tmp_path), str(tmp_path / "none.db"), str(tmp_path / "other.db"), ":memory:", "\0"):
        assert (
            samples.keys(wrong) == samples.fields(wrong) == samples.values(wrong, "a") == samples.like_key(wrong, "a")
        )
        assert samples.keys(wrong) == []


def test_reading_leaves_no_file_behind_and_sees_what_a_writer_stores(tmp_path, path):
    before = sorted(tmp_path.iterdir())
    samples.keys(path)
    assert sorted(tmp_path.iterdir()) == before
    with Index.open(path) as index:
        index.add(["zebra"], np.zeros((1, 1), np.uint8))
        assert samples.keys(path, "z") == ["zebra"]


def test_reading_ends_in_time(path, monkeypatch):
    sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < ?"
    assert samples._read(path, sql, (0,), seconds=0.1) == []
