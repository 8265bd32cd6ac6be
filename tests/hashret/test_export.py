import pytest

from hashret.export import write_entries
from hashret.inputs import Source
from indexer.errors import InvalidInput
from indexer.rows import Row

ROWS = [Row(1, "a", "moon", {"topic": "x", "n": 3}), Row(2, "b", "sun é", {}), Row(3, "c", None, {"id": 9})]


def test_lines_have_the_fields_of_the_entries(tmp_path):
    assert write_entries(tmp_path / "kept.jsonl", iter(ROWS)) == 3
    lines = (tmp_path / "kept.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines == [
        '{"id": "a", "text": "moon", "topic": "x", "n": 3}',
        '{"id": "b", "text": "sun é"}',
        '{"id": "c", "meta.id": 9}',
    ]


def test_what_is_written_reads_back(tmp_path):
    write_entries(tmp_path / "kept.jsonl", ROWS[:2])
    back = [(entry.key, entry.content, entry.meta) for entry in Source([str(tmp_path / "kept.jsonl")])]
    assert back == [(row.key, row.content, row.meta) for row in ROWS[:2]]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    def stopped():
        yield ROWS[0]
        raise failure

    path = tmp_path / "kept.jsonl"
    write_entries(path, ROWS[1:2])
    before = path.read_text()
    with pytest.raises(failure):
        write_entries(path, stopped())
    assert path.read_text() == before
    assert [file.name for file in tmp_path.iterdir()] == ["kept.jsonl"]


def test_no_entries_are_an_empty_file(tmp_path):
    assert write_entries(tmp_path / "kept.jsonl", []) == 0
    assert (tmp_path / "kept.jsonl").read_text() == ""


def test_places_that_cannot_be_written_are_told(tmp_path):
    with pytest.raises(InvalidInput) as caught:
        write_entries(tmp_path / "no" / "kept.jsonl", [])
    assert str(caught.value) == f"{tmp_path}/no/kept.jsonl: there is no folder {tmp_path}/no: make it first"
    with pytest.raises(InvalidInput) as caught:
        write_entries(tmp_path, [])
    assert str(caught.value) == f"{tmp_path}: cannot be written: name a file in a folder that can"
