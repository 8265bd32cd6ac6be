from datetime import date
from io import BytesIO

import numpy as np
import pyarrow
import pytest
from PIL import Image

import hashret
from hashret.engine import Engine
from hashret.hasher import Hasher
from hashret.inputs import Entry, Frame
from hashret.settings import Settings
from indexer.errors import InvalidInput
from tests.hashret.conftest import FAST, make_entries

ROWS = [
    {"_id": 7, "title": "One", "text": "moon rocket", "year": 2020, "tags": ["a", "b"]},
    {"_id": 8, "title": "Two", "text": "bread soup", "year": None, "tags": []},
]
ENTRIES = [
    Entry("7", "moon rocket", {"title": "One", "year": 2020, "tags": ["a", "b"]}),
    Entry("8", "bread soup", {"title": "Two", "year": None, "tags": []}),
]


class Duck:
    """What a dataset of Hugging Face can do, as far as it is asked."""

    def __init__(self, rows, split=None):
        self.rows = rows
        self.column_names = list(rows[0]) if rows else []
        self.split = split

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, place):
        return self.rows[place]

    def __iter__(self):
        return iter(self.rows)


def real(rows, split=None):
    datasets = pytest.importorskip("datasets")
    return datasets.Dataset.from_list(rows, split=split)


def streamed(rows):
    return real(rows).to_iterable_dataset()


def pandas_frame(rows):
    frame = pytest.importorskip("pandas").DataFrame(rows)
    return frame.astype({"year": "object"}) if "year" in frame else frame


def polars_frame(rows):
    return pytest.importorskip("polars").DataFrame(rows)


def arrow_table(rows):
    return pyarrow.Table.from_pylist(rows)


TABLES = [list, tuple, Duck, arrow_table, real, streamed, pandas_frame, polars_frame]


@pytest.mark.parametrize("make", TABLES)
def test_rows_become_entries_by_the_rules_of_files(make):
    frame = hashret.entries(make(ROWS))
    assert list(frame) == ENTRIES
    assert list(frame) == ENTRIES  # as often as it is read


@pytest.mark.parametrize("make", TABLES)
def test_columns_can_be_named(make):
    found = list(hashret.entries(make(ROWS), text_field="title", id_field="text"))
    assert [(one.key, one.content, one.meta["_id"]) for one in found] == [
        ("moon rocket", "One", 7),
        ("bread soup", "Two", 8),
    ]


@pytest.mark.parametrize("make", [list, Duck, arrow_table, real, polars_frame])
def test_rows_of_floats_are_vectors(make):
    rows = [{"emb": [1.0, 0.5], "lang": "en", "old": [0.25]}, {"emb": [0.0, 2.0], "lang": "de", "old": [1.5]}]
    found = list(hashret.entries(make(rows), array="emb"))
    assert found == [
        Entry("row:0", np.array([1, 0.5], np.float32), {"lang": "en"}),
        Entry("row:1", np.array([0, 2], np.float32), {"lang": "de"}),
    ]


def test_a_dataset_may_give_numpy():
    rows = [{"emb": [1.0, 0.5], "id": 3}, {"emb": [0.0, 2.0], "id": 4}]
    found = list(hashret.entries(real(rows).with_format("numpy")))
    assert found == [Entry("3", np.array([1, 0.5], np.float32)), Entry("4", np.array([0, 2], np.float32))]


def pictures():
    return [np.full((4, 5, 3), shade, np.uint8) for shade in (10, 200)]


def png(picture):
    stream = BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return {"bytes": stream.getvalue(), "path": None}


@pytest.mark.parametrize("form", [lambda picture: picture, Image.fromarray, png])
def test_images_come_in_three_forms(form):
    rows = [{"image": form(picture), "label": n} for n, picture in enumerate(pictures())]
    expected = [Entry(f"train:{n}", picture, {"label": n}) for n, picture in enumerate(pictures())]
    assert list(hashret.entries(Duck(rows, "train"))) == expected


def test_images_of_a_real_dataset():
    rows = [{"image": Image.fromarray(picture), "label": n} for n, picture in enumerate(pictures())]
    found = list(hashret.entries(real(rows, "test")))
    assert found == [Entry(f"test:{n}", picture, {"label": n}) for n, picture in enumerate(pictures())]


def test_meta_is_what_json_can_hold():
    row = {
        "text": "moon", "day": date(2020, 1, 2), "nan": float("nan"), "n": np.int64(3), "f": np.float32(0.5),
        "time": np.datetime64("2020-01-02"), "raw": b"x", "image": Image.new("L", (1, 1)), "vector": [0.5],
        "deep": {"a": [1, {"b": None}]}, "odd": {1: 2},
    }  # fmt: skip
    meta = next(iter(hashret.entries([row], text_field="text"))).meta
    assert meta == {
        "day": "2020-01-02", "nan": None, "n": 3, "f": 0.5, "time": "2020-01-02", "deep": {"a": [1, {"b": None}]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "named", "message"),
    [
        ([{"text": "a"}, {"text": None}], {},
            "Duck row 1: field 'text' is null, not text: name another with --text-field"),
        ([{"text": None, "title": "t"}, {"text": "a", "title": "u"}], {},
            "Duck row 0: field 'text' is null, not text: name another with --text-field"),
        ([{"text": float("nan"), "v": [0.5, 0.25]}], {},
            "Duck row 0: field 'text' is a number, not text: name another with --text-field"),
        ([{"text": "a"}, {"text": " "}], {}, "Duck row 1: field 'text' is empty: remove the entry or fill it"),
        ([{"a": "x", "b": "y"}], {},
            "Duck: several columns of text, embeddings or images: there are a (text), b (text); name one "
            "with --text-field or --array"),
        ([{"n": 1}], {},
            "Duck: no column of text, embeddings or images: there are n (int); name one with --text-field or --array"),
        ([{"text": "a"}], {"id_field": "nr"}, "Duck: no field 'nr': its fields are text; name one with --id-field"),
        ([{"text": "a"}, {"b": "c"}], {}, "Duck row 1: no field 'text': its fields are b; name one with --text-field"),
        ([{"text": "a", "id": 1}, {"text": "b", "id": 1}], {},
            "Duck row 1: id '1' was used before, at row 0: give every entry its own id"),
        ([{"text": "a", "id": 1.5}], {}, "Duck row 0: id field 'id' is a number: give text or a whole number"),
        ([{"text": "a\0"}], {}, "Duck row 0: character 2 is NUL: is it a binary file, or UTF-16 that --encoding should "
            "name?"),
        ([{"v": [1.0]}, {"v": None}], {}, "Duck row 1: column 'v' is null: fill it or remove the row"),
        ([{"v": [1.0]}, {"v": []}], {}, "Duck row 1: column 'v' is empty: fill it or remove the row"),
        ([{"v": [1.0]}, {"v": "x"}], {}, "Duck row 1: column 'v' is no row of floats: fill it or remove the row"),
        ([{"v": [1.0]}, {"v": [float("inf")]}], {},
            "Duck row 1: column 'v' holds NaN, infinity or a number beyond float32: repair or remove the row"),
        ([{"i": {"bytes": None, "path": "a.png"}}], {}, "Duck row 0: column 'i' is null: fill it or remove the row"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_names_the_row(rows, named, message):
    with pytest.raises(InvalidInput) as caught:
        list(hashret.entries(Duck(rows), **named))
    assert str(caught.value) == message


def test_a_batch_of_arrow_is_a_table():
    assert list(hashret.entries(arrow_table(ROWS).to_batches()[0])) == ENTRIES


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: {"text": ["a b", "c d"]}, "dict: is no table: give a list of dicts, a data frame or a dataset"),
        (
            lambda: polars_frame([{"text": "a b"}]).lazy(),
            "LazyFrame: is not worked out yet: give what its collect() gives",
        ),
        (
            lambda: pyarrow.table([["a b"], ["c d"]], names=["text", "text"]),
            "Table: two columns are called 'text': rename one",
        ),
        (
            lambda: pyarrow.table([["a b"], ["c d"]], names=["text", "text"]).to_batches()[0],
            "RecordBatch: two columns are called 'text': rename one",
        ),
        (
            lambda: pandas_frame([{"text": "a b", "n": 1}]).set_axis(["text", "text"], axis=1),
            "DataFrame: two columns are called 'text': rename one",
        ),
    ],
)
def test_what_is_no_table_as_it_stands_is_told_so(make, message):
    with pytest.raises(InvalidInput) as caught:
        Engine.fit(":memory:", make(), FAST)
    assert str(caught.value) == message


def test_several_tables_at_once_are_refused():
    with pytest.raises(InvalidInput) as caught:
        hashret.entries({"train": Duck(ROWS), "test": Duck(ROWS)})
    assert str(caught.value) == "dict: is several tables, train, test: give one of them"
    with pytest.raises(InvalidInput) as caught:
        hashret.entries("notes.jsonl")
    assert str(caught.value) == "str is no table: give a dataset, a data frame or a list of dicts"


def test_an_engine_and_a_hasher_take_tables_as_they_are(tmp_path):
    entries = make_entries(60)
    rows = [{"id": entry.key, "text": entry.content, **entry.meta} for entry in entries]
    seen = []
    with Engine.fit(str(tmp_path / "d.db"), Duck(rows), FAST, progress=lambda *at: seen.append(at)) as engine:
        assert len(engine) == 60
        assert engine.get(entries[3].key).meta == entries[3].meta
        assert engine.add(rows).unchanged == 60
        assert engine.add(Frame(arrow_table(rows[:9]))).unchanged == 9
        digest = engine.hasher.digest
    assert ("store", 60, 60) in [at[:3] for at in seen]
    assert Hasher.fit(Duck(rows), FAST).digest == digest
    assert Hasher.fit([entry.content for entry in entries], FAST).digest == digest


def test_a_hasher_learns_from_the_vectors_of_a_table(vectors):
    rows = [{"id": n, "emb": row.tolist()} for n, row in enumerate(vectors)]
    settings = Settings(bits=16, steps=10, batch=32)
    assert Hasher.fit(Duck(rows), settings).digest == Hasher.fit(vectors, settings).digest


def test_lists_of_pandas_are_lists():
    rows = [
        {"text": "a", "tags": np.array(["red", "blue"], object), "n": np.arange(2), "v": np.ones(2, np.float32)},
        {"text": "b", "tags": np.array([], object), "n": np.arange(0), "v": np.ones(2, np.float32)},
    ]
    found = [entry.meta for entry in hashret.entries(Duck(rows))]
    assert found == [{"tags": ["red", "blue"], "n": [0, 1]}, {"tags": [], "n": []}]
    assert all(type(number) is int for number in found[0]["n"])
