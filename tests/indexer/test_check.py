import re
import sqlite3
from contextlib import closing

import pytest

from indexer import Index
from indexer.errors import Corrupt
from tests.indexer.conftest import WIDTHS, clustered_codes, names


def report_after(filled, *statements):
    connection = sqlite3.connect(filled.path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    with Index.open(filled.path) as index:
        return index.check(sample=5)


def test_a_good_file_is_found_good(filled):
    report = report_after(filled)
    assert (report.ok, report.problems) == (True, [])
    assert report.checks == [
        "the database is whole",
        "facts count 200 entries",
        "packed segments equal the rows",
        "bucket: 5 answers within 0 bits equal brute force",
        "flips: 5 answers within 2 bits equal brute force",
        "scan: 5 answers within 16 bits equal brute force",
        "multi-index: 5 answers within 4 bits equal brute force",
        "search: 5 answers of the 10 nearest equal brute force",
        "search by multi-index: 5 answers of the 10 nearest equal brute force",
    ]


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("count", [0, 1, 30])
def test_files_of_any_length_and_size_are_found_good(bits, count):
    with Index.create(":memory:", bits) as index:
        index.add(names(count), clustered_codes(count, bits))
        assert index.check(sample=3).problems == []


def test_a_code_changed_in_a_segment_is_found(filled):
    report = report_after(filled, "UPDATE segments SET codes = CAST(x'00' || substr(codes, 2) AS BLOB)")
    assert not report.ok
    text = "packed segments equal the rows: they differ; delete from segments to rebuild them"
    assert [line for line in report.problems if "segments" in line] == [text]


def test_deleting_segments_rebuilds_them_as_the_report_says(filled):
    change = "UPDATE segments SET codes = CAST(x'00' || substr(codes, 2) AS BLOB)"
    assert report_after(filled, change, "DELETE FROM segments").problems == []


def test_wrong_answers_are_counted_by_way(filled):
    report = report_after(filled, "UPDATE segments SET codes = zeroblob(length(codes))")
    assert report.problems == [
        "packed segments equal the rows: they differ; delete from segments to rebuild them",
        "scan: 5 answers within 16 bits equal brute force: 5 differ",
        "multi-index: 5 answers within 4 bits equal brute force: 5 differ",
        "search: 5 answers of the 10 nearest equal brute force: 5 differ",
        "search by multi-index: 5 answers of the 10 nearest equal brute force: 5 differ",
    ]


def test_a_wrong_count_is_found(filled):
    report = report_after(filled, "UPDATE facts SET value = '1999' WHERE name = 'entries'")
    assert report.problems == ["facts count 200 entries: facts say 1,999"]


def test_a_code_of_another_length_is_named(filled):
    with pytest.raises(Corrupt) as error:
        report_after(filled, "UPDATE buckets SET code = x'00' WHERE entry = 7")
    assert str(error.value) == "the code of entry 7 is not 8 bytes long: restore the file from a copy"


def test_an_index_that_lost_a_row_is_found(filled):
    report = report_after(
        filled,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'facts')"
        " WHERE name = 'vectors'",
    )
    assert not report.ok
    assert report.problems[0].startswith("the database is whole: ")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE entries SET meta = '{\"y\": 1' WHERE id = 1", "its meta is damaged"),
        ("UPDATE facts SET value = '1x' WHERE name = 'revision'", "the database is damaged (revision is '1x')"),
    ],
)
def test_damage_of_text_is_corrupt(filled, statement, told):
    with closing(sqlite3.connect(filled.path)) as connection, connection:
        connection.execute(statement)
    with Index.open(filled.path) as index, pytest.raises(Corrupt, match=re.escape(told)):
        index.store.rows(index.search(filled.codes[:1], 1).ids[0])
