"""A title before the text, the same for every format of rows."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hashret.inputs import Entry
from tests.hashret.inputs.reading import message, read, write

ROWS = [
    {"_id": "a", "title": "Ants", "text": "They march.", "lang": "en"},
    {"_id": "b", "title": "Bees", "text": " ", "lang": "en"},
    {"_id": "c", "title": "", "text": "They sing.", "lang": "en"},
]
FOUND = [
    Entry("a", "Ants They march.", {"title": "Ants", "lang": "en"}),
    Entry("b", "Bees", {"title": "Bees", "lang": "en"}),
    Entry("c", "They sing.", {"title": "", "lang": "en"}),
]


@pytest.fixture(params=["jsonl", "csv", "parquet", "db"])
def rows(request, tmp_path):
    """The rows as a file of some format, and the options that it needs."""
    path = Path(tmp_path) / f"rows.{request.param}"
    if request.param == "jsonl":
        write(path, "".join(json.dumps(row) + "\n" for row in ROWS))
    elif request.param == "csv":
        write(path, "\n".join(",".join(row) for row in (ROWS[0], *(row.values() for row in ROWS))) + "\n")
    elif request.param == "parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.Table.from_pylist(ROWS), path)
    else:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE rows (_id, title, text, lang)")
            connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", [tuple(row.values()) for row in ROWS])
        return str(path), {"sql": "SELECT * FROM rows ORDER BY _id"}
    return str(path), {}


def test_a_title_is_read_before_the_text_and_stays_meta(rows):
    path, options = rows
    assert read(path, title_field="title", **options) == FOUND


def test_a_title_that_no_row_has_is_refused(rows):
    path, options = rows
    said = message(path, title_field="titel", **options).removeprefix(path)
    names = "its fields are _id, title, text, lang; name one with --title-field; did you mean 'title'?"
    assert said.partition("no field ")[2] == f"'titel': {names}"


def test_an_empty_text_with_a_title_tells_what_to_do(tmp_path):
    write(tmp_path / "a.jsonl", '{"_id": "b", "title": "Bees", "text": ""}\n')
    place = f"{tmp_path / 'a.jsonl'}:1"
    assert message(str(tmp_path / "a.jsonl")) == (
        f"{place}: field 'text' is empty: remove the entry or fill it, or add what is in 'title' by --title-field title"
    )


def test_a_title_need_not_be_there_later_but_is_text(tmp_path):
    path = tmp_path / "a.jsonl"
    write(path, '{"title": "Ants", "text": "one"}\n{"text": "two"}\n{"title": null, "text": "three"}\n')
    assert [entry.content for entry in read(str(path), title_field="title")] == ["Ants one", "two", "three"]
    write(path, '{"title": 7, "text": "one"}\n')
    wrong = f"{path}:1: field 'title' is a number, not text: name another with --title-field"
    assert message(str(path), title_field="title") == wrong
    write(path, '{"title": " ", "text": ""}\n')
    assert message(str(path), title_field="title") == f"{path}:1: field 'text' is empty: remove the entry or fill it"


def test_the_only_other_field_is_the_text(tmp_path):
    write(tmp_path / "a.jsonl", '{"head": "Ants", "said": "They march."}\n')
    found = read(str(tmp_path / "a.jsonl"), title_field="head")
    assert [entry.content for entry in found] == ["Ants They march."]
