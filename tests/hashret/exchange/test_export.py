import json

import numpy as np
import pyarrow as arrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from hashret.engine import Engine
from hashret.exchange.export import Export, write_entries
from hashret.exchange.formats import export
from hashret.exchange.ready import read_ready
from hashret.inputs import Entry, ReadOptions, Source
from indexer import Index
from indexer.errors import InvalidInput
from indexer.rows import Row
from tests.indexer.conftest import names, random_codes

ROWS = [Row(1, "a", "moon", {"topic": "x", "n": 3}), Row(2, "b", "sun é", {}), Row(3, "c", None, {"id": 9, "code": 1})]
METAS = [
    {"year": 1999, "price": 1, "ok": True, "tags": ["a", "b"], "mixed": "x", "big": 2**70, "title": "t\n,"},
    {"year": 2001, "price": 2.5, "ok": False, "tags": ["c"], "mixed": 3, "nested": {"a": [1, None]}, "none": None},
    {"empty": [], "lists": [["x"], 1], "": "no name", "content": "also text", 'q"uote.d': "é"},
    {},
]


def test_lines_have_the_fields_of_the_entries(tmp_path):
    assert write_entries(tmp_path / "kept.jsonl", iter(ROWS)) == 3
    lines = (tmp_path / "kept.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines == [
        '{"id": "a", "text": "moon", "topic": "x", "n": 3}',
        '{"id": "b", "text": "sun é"}',
        '{"id": "c", "meta.id": 9, "meta.code": 1}',
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


@pytest.fixture
def noted():
    """Four texts with metas of all kinds."""
    with Index.create(":memory:", 32) as index:
        index.add(["k 0", "ü1", "k2", "k3"], random_codes(4, 32), contents=["a b", "é", "c\n", "d"], metas=METAS)
        yield index


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".parquet"])
@pytest.mark.parametrize("page", [1, 3, 2048])
def test_entries_come_back_as_they_were(noted, tmp_path, suffix, page, monkeypatch):
    """So that `hashret add` of the file finds nothing to do."""
    monkeypatch.setattr("hashret.exchange.export.PAGE", page)
    monkeypatch.setattr("hashret.exchange.columns.GROUP", 2)
    path = tmp_path / f"out{suffix}"
    assert export(Export(noted), path) == 4
    rows = noted.store.rows(np.arange(1, 5))
    expected = [Entry(row.key, row.content, row.meta) for row in rows]
    back = list(Source([path], ReadOptions()))
    assert back == expected
    # The first has a whole number in a column of numbers: 1 comes back as 1.0, which is equal.
    assert [entry.digest() for entry in back[1:]] == [entry.digest() for entry in expected[1:]]
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(-1e9, 1e9) | st.sampled_from(["", "x", "é"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["x", "y", "body", "key"]), VALUES), min_size=1, max_size=5))
def test_any_metas_come_back_from_either_form(tmp_path_factory, metas):
    folder = tmp_path_factory.mktemp("any")
    with Index.create(":memory:", 8) as index:
        index.add(names(len(metas)), random_codes(len(metas), 8), contents=["text"] * len(metas), metas=metas)
        for path in (folder / "a.jsonl", folder / "a.parquet"):
            export(Export(index), path)
            assert [entry.meta for entry in Source([path])] == metas


def test_columns_that_other_programs_read(noted, tmp_path):
    export(Export(noted, codes=True), tmp_path / "out.parquet")
    table = parquet.read_table(tmp_path / "out.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert types == {
        "id": "string", "text": "string", "code": "string", "year": "int64", "price": "double", "ok": "bool",
        "tags": "list<element: string>", "mixed": "string", "big": "string", "title": "string", "nested": "string",
        "none": "string", "empty": "string", "lists": "string", "": "string", "content": "string", 'q"uote.d': "string",
    }  # fmt: skip
    assert json.loads(table.schema.metadata[b"hashret"]) == {
        "content": "text",
        "json": ["mixed", "big", "nested", "none", "empty", "lists"],
    }
    assert table["year"].to_pylist() == [1999, 2001, None, None]
    assert table["mixed"].to_pylist() == ['"x"', "3", None, None]
    assert table["code"].to_pylist() == [code.tobytes().hex() for code in random_codes(4, 32)]


def test_a_column_of_json_that_another_program_broke_is_text(noted, tmp_path):
    export(Export(noted), tmp_path / "out.parquet")
    table = parquet.read_table(tmp_path / "out.parquet")
    place = table.schema.get_field_index("mixed")
    broken = table.set_column(place, "mixed", arrow.array(["{", "3", None, None]))
    parquet.write_table(broken.replace_schema_metadata(table.schema.metadata), tmp_path / "broken.parquet")
    assert [entry.meta.get("mixed") for entry in Source([tmp_path / "broken.parquet"])] == ["{", 3, None, None]


def test_those_that_match_alone(noted, tmp_path):
    assert export(Export(noted, where="year >= 2000"), tmp_path / "out.jsonl") == 1
    assert [entry.key for entry in Source([tmp_path / "out.jsonl"])] == ["ü1"]
    assert export(Export(noted, where="year >= 2000"), tmp_path / "out.npz") == 1
    assert read_ready(str(tmp_path / "out.npz")).keys == ["ü1"]


@pytest.mark.parametrize("form", ["float16", "int8"])
def test_stored_vectors_are_in_parquet_and_read_back(vector_hasher, vectors, form, tmp_path):
    with Engine.create(":memory:", vector_hasher, vectors=form) as engine:
        engine.add([Entry(f"v{n}", row, {"n": n, "text": "t", "s": "s"}) for n, row in enumerate(vectors)])
        assert engine.export(tmp_path / "v.parquet") == 80
        kept = engine.index.store.vectors(engine.index.ids([f"v{n}" for n in range(80)]))
    back = list(Source([tmp_path / "v.parquet"]))
    assert np.array_equal([entry.content for entry in back], kept)
    assert [(entry.key, entry.meta) for entry in back][:2] == [
        (f"v{n}", {"n": n, "meta.text": "t", "s": "s"}) for n in range(2)
    ]


def test_codes_alone(noted, tmp_path):
    assert export(Export(noted), tmp_path / "c.npy") == 4
    assert np.array_equal(np.load(tmp_path / "c.npy"), random_codes(4, 32))
    assert (tmp_path / "c.ids.txt").read_text(encoding="utf-8") == "k 0\nü1\nk2\nk3\n"
    assert export(Export(noted), tmp_path / "c.npz") == 4
    found = [
        read_ready(str(tmp_path / "c.npy"), str(tmp_path / "c.ids.txt")),
        read_ready(str(tmp_path / "c.npz")),
    ]
    export(Export(noted, codes=True), tmp_path / "c.jsonl")
    found.append(read_ready(str(tmp_path / "c.jsonl")))
    for ready in found:
        assert ready.keys == ["k 0", "ü1", "k2", "k3"]
        assert np.array_equal(ready.codes, random_codes(4, 32))
    assert (found[2].contents, found[2].metas) == (["a b", "é", "c\n", "d"], METAS)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["c.ids.txt", "c.jsonl", "c.npy", "c.npz"]


@pytest.mark.parametrize(
    ("name", "key", "message"),
    [
        ("c.npy", "a\nb", "key 0 is 'a\\nb', which is no line of a text file: write an .npz"),
        ("c.npz", "a\0", "key 'a\\x00' ends in NUL, which NumPy drops: write .jsonl"),
        ("c.csv", "a", "is no kind of file to export to: name one that ends in .jsonl .parquet .npy or .npz"),
    ],
)
def test_what_cannot_be_exported_is_told_and_leaves_nothing(name, key, message, tmp_path):
    with Index.create(":memory:", 32) as index:
        index.add([key], random_codes(1, 32))
        with pytest.raises(InvalidInput) as caught:
            export(Export(index), tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: {message}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["o.jsonl", "o.parquet", "o.npy", "o.npz"])
def test_an_export_that_is_stopped_leaves_the_old_file(noted, name, tmp_path):
    export(Export(noted), tmp_path / name)
    before = {item.name: item.read_bytes() for item in tmp_path.iterdir()}

    def stop(phase, done, total, note=""):
        if phase == "write":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(Export(noted, codes=True, progress=stop), tmp_path / name)
    assert {item.name: item.read_bytes() for item in tmp_path.iterdir()} == before


def test_progress_tells_how_many_are_written(noted, tmp_path, monkeypatch):
    monkeypatch.setattr("hashret.exchange.export.PAGE", 3)
    seen = []
    export(Export(noted, progress=lambda *at: seen.append(at)), tmp_path / "o.parquet")
    assert seen == [("read", 3, 4), ("read", 4, 4), ("write", 3, 4), ("write", 4, 4)]


def test_no_entries_are_files_without_rows(tmp_path):
    with Index.create(":memory:", 32) as index:
        for name in ("o.jsonl", "o.parquet", "o.npy", "o.npz"):
            assert export(Export(index), tmp_path / name) == 0
    assert parquet.read_table(tmp_path / "o.parquet").num_rows == 0
    assert np.load(tmp_path / "o.npy").shape == (0, 4)


def test_without_pyarrow_the_extra_is_named(noted, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(InvalidInput) as caught:
        export(Export(noted), tmp_path / "o.parquet")
    assert str(caught.value) == f"{tmp_path}/o.parquet: Parquet is written by pyarrow: pip install 'hashret[parquet]'"
