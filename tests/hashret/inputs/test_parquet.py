"""Parquet: which column is what, types of meta, blocks, and every message about a broken file or row."""

import datetime
import decimal
import io
import sys

import numpy as np
import pyarrow as arrow
import pytest
from PIL import Image
from pyarrow import parquet

from hashret.inputs import Entry, ReadOptions, Source
from indexer.errors import InvalidInput

VECTORS = [[1.0, 2.0], [3.0, 4.0]]
GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def write(columns, name="a.parquet", **more):
    parquet.write_table(columns if isinstance(columns, arrow.Table) else arrow.table(columns), name, **more)


def read(*paths, **options):
    return list(Source(paths or ("a.parquet",), ReadOptions(**options)))


def message(*paths, **options):
    with pytest.raises(InvalidInput) as caught:
        read(*paths, **options)
    return str(caught.value)


def skipped(**options):
    source = Source(("a.parquet",), ReadOptions(on_error="skip", **options))
    return [entry.key for entry in source], [str(problem) for problem in source.problems]


def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


# texts


def test_rows_are_entries_as_those_of_json_lines():
    write({"id": [7, 8], "title": ["T", None], "text": ["one", "two"], "n": [1.5, float("nan")]})
    assert read() == [Entry("7", "one", {"title": "T", "n": 1.5}), Entry("8", "two", {"title": None, "n": None})]


@pytest.mark.parametrize(
    ("columns", "options", "entry"),
    [
        ({"text": ["t"], "content": ["c"]}, {}, Entry("a.parquet:0", "t", {"content": "c"})),
        ({"_id": ["k"], "sentence": ["s"], "n": [1]}, {}, Entry("k", "s", {"n": 1})),
        ({"id": ["k"], "text": ["t"], "abstract": ["s"]}, {"text_field": "abstract"}, Entry("k", "s", {"text": "t"})),
        ({"id": ["k"], "url": ["u"], "text": ["t"]}, {"id_field": "url"}, Entry("u", "t", {"id": "k"})),
        ({"id": ["k"], "text": ["t"]}, {"id_field": "text"}, Entry("t", "t", {"id": "k"})),
        ({"text": arrow.array(["t"]).dictionary_encode()}, {}, Entry("a.parquet:0", "t")),
        ({"text": arrow.array(["t"], arrow.large_string())}, {}, Entry("a.parquet:0", "t")),
        ({"text": ["t"], "emb": [[1.0]], "raw": [b"x"]}, {}, Entry("a.parquet:0", "t")),
    ],
)
def test_field_rules(columns, options, entry):
    write(columns)
    assert read(**options) == [entry]


def test_meta_is_what_json_can_hold():
    day = datetime.date(2024, 1, 2)
    write(
        {
            "text": ["t"],
            "day": [day],
            "price": [decimal.Decimal("1.20")],
            "yes": [True],
            "tags": [["a", None]],
            "deep": [{"days": [day], "x": float("inf")}],
            "kind": arrow.array(["k"]).dictionary_encode(),
            "half": arrow.array(np.float16([0.5])),
            "none": arrow.nulls(1),
            "map": arrow.array([[("a", 1)]], arrow.map_(arrow.string(), arrow.int64())),
            "struct of bytes": [{"hash": b"x"}],
        }
    )
    (entry,) = read()
    assert entry.meta == {
        "day": "2024-01-02",
        "price": "1.20",
        "yes": True,
        "tags": ["a", None],
        "deep": {"days": ["2024-01-02"], "x": None},
        "kind": "k",
        "half": 0.5,
        "none": None,
    }
    assert len(entry.digest()) == 32


def test_blocks_of_a_large_file_give_the_same_entries(monkeypatch):
    rows = [{"id": f"d{n}", "text": f"word {n}", "n": n} for n in range(1000)]
    write(arrow.Table.from_pylist(rows), row_group_size=300)
    monkeypatch.setattr("hashret.inputs.parquet._ROWS", 7)
    assert read() == [Entry(row["id"], row["text"], {"n": row["n"]}) for row in rows]


def test_long_rows_come_in_small_blocks(monkeypatch):
    write({"text": ["x" * 1000] * 64}, use_dictionary=False, compression="none")
    sizes = []
    monkeypatch.setattr("hashret.inputs.parquet._BLOCK", 10_000)
    monkeypatch.setattr("hashret.inputs.parquet._vectors", None)
    items = sys.modules["hashret.inputs.parquet"]._items
    monkeypatch.setattr("hashret.inputs.parquet._items", lambda *at: (sizes.append(len(at[0])), items(*at))[1])
    assert len(read()) == 64
    assert max(sizes) < 10


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_rows_without_text_are_passed_over_one_by_one(text):
    write({"id": ["a", "b", "c"], "text": arrow.array(["one", text, "three"])})
    why = (
        "is null, not text: name another with --text-field" if text is None else "is empty: remove the entry or fill it"
    )
    assert message() == f"a.parquet row 1: field 'text' {why}"
    assert skipped() == (["a", "c"], [f"a.parquet row 1: field 'text' {why}"])


def test_ids_are_checked_row_by_row():
    write({"id": ["a", None, "a", ""], "text": ["one"] * 4})
    assert skipped() == (
        ["a"],
        [
            "a.parquet row 1: id field 'id' is null: give text or a whole number",
            "a.parquet row 2: id 'a' was used before, at a.parquet row 0: give every entry its own id",
            "a.parquet row 3: id field 'id' is empty: fill it or name another with --id-field",
        ],
    )
    write({"id": [b"a"], "text": ["one"]})
    assert message() == "a.parquet row 0: id field 'id' is bytes: give text or a whole number"


def test_text_that_cannot_be_stored_is_passed_over():
    raw = arrow.array([b"one", b"tw\xff", b"thr\0ee", b"four"])
    write({"id": ["a", "b", "c", "d"], "text": arrow.Array.from_buffers(arrow.string(), 4, raw.buffers())})
    assert skipped() == (
        ["a", "d"],
        [
            "a.parquet row 1: holds text that is not UTF-8: write it again",
            "a.parquet row 2: character 4 is NUL: is it a binary file, or UTF-16 that --encoding should name?",
        ],
    )


# embeddings


@pytest.mark.parametrize(
    "kind",
    [
        arrow.list_(arrow.float32()),
        arrow.list_(arrow.float64(), 2),
        arrow.large_list(arrow.float32()),
        arrow.list_(arrow.float16(), 2),
    ],
)
def test_the_only_column_of_float_lists_is_embeddings(kind):
    column = arrow.array([np.array(row, np.float16) for row in VECTORS], kind)
    write({"id": ["a", "b"], "emb": column, "n": [1, 2]})
    assert read() == [
        Entry("a", np.float32([1, 2]), {"n": 1}),
        Entry("b", np.float32([3, 4]), {"n": 2}),
    ]


def test_array_names_the_column_of_embeddings_among_others():
    write({"text": ["t", "u"], "small": [[1.0], [2.0]], "emb": VECTORS})
    assert read(array="emb") == [
        Entry("a.parquet:0", np.float32([1, 2]), {"text": "t"}),
        Entry("a.parquet:1", np.float32([3, 4]), {"text": "u"}),
    ]
    write({"emb": VECTORS})
    assert [entry.meta for entry in read()] == [{}, {}]


def test_broken_embeddings_are_passed_over_one_by_one():
    rows = [[1.0, 2.0], None, [], [1.0, None], [1.0, float("inf")], [5.0, 6.0]]
    write({"id": list("abcdef"), "emb": arrow.array(rows, arrow.list_(arrow.float64()))})
    mend = "holds NaN, null, infinity or a number beyond float32: repair or remove the row"
    assert skipped() == (
        ["a", "f"],
        [
            "a.parquet row 1: column 'emb' is null: fill it or remove the row",
            "a.parquet row 2: column 'emb' is empty: fill it or remove the row",
            f"a.parquet row 3: column 'emb' {mend}",
            f"a.parquet row 4: column 'emb' {mend}",
        ],
    )


def test_embeddings_of_another_length_than_the_first_are_passed_over():
    write({"emb": arrow.array([[1.0, 2.0], [3.0], [5.0, 6.0]], arrow.list_(arrow.float64()))})
    told = "a.parquet row 1: has 1 numbers, but a.parquet row 0 has 2: give one length at a time"
    assert skipped()[1] == [told]
    with pytest.raises(InvalidInput) as caught:
        read()
    assert str(caught.value) == told


def test_nulls_among_lists_of_fixed_size_do_not_shift_the_others():
    write({"id": ["a", "b", "c"], "emb": arrow.array([[1, 2], None, [5, 6]], arrow.list_(arrow.float32(), 2))})
    source = Source(("a.parquet",), ReadOptions(on_error="skip"))
    assert list(source) == [Entry("a", np.float32([1, 2])), Entry("c", np.float32([5, 6]))]


def test_embeddings_of_another_length_are_refused():
    write({"emb": [[1.0, 2.0], [3.0]]})
    assert message() == "a.parquet row 1: has 1 numbers, but a.parquet row 0 has 2: give one length at a time"


def test_kinds_do_not_mix_whatever_the_names_say():
    write({"emb": VECTORS}, "b.parquet")
    write({"text": ["one"]})
    assert message("a.parquet", "b.parquet") == (
        "b.parquet: is a matrix, but a.parquet is text: give one kind at a time"
    )


# images


def test_images_as_hugging_face_writes_them():
    write({"image": [{"bytes": png(GREY), "path": "x.png"}], "label": [3]})
    assert read() == [Entry("a.parquet:0", GREY, {"label": 3})]


def test_the_only_column_of_bytes_is_images_and_array_names_one_of_several():
    write({"key": ["k"], "jpg": [png(GREY)], "label": [3]})
    assert read() == [Entry("k", GREY, {"label": 3})]
    write({"text": ["a coat"], "front": [png(GREY)], "back": [png(GREY[::-1])]})
    assert read(array="back") == [Entry("a.parquet:0", GREY[::-1], {"text": "a coat"})]


def test_broken_images_are_passed_over_one_by_one():
    rows = [{"bytes": png(GREY)}, {"bytes": b"x"}, None, {"bytes": None, "path": "x.png"}, {"bytes": b""}]
    write({"image": rows, "id": list("abcde")})
    at = "column 'image'"
    assert skipped() == (
        ["a"],
        [
            f"a.parquet row 1: {at}: cannot be read as PNG or JPEG, it is broken or cut off: fetch it again",
            f"a.parquet row 2: {at} is null: fill it or remove the row",
            f"a.parquet row 3: {at} has the path of an image, not its bytes: give the folder of images instead",
            f"a.parquet row 4: {at} is empty: fill it or remove the row",
        ],
    )


# files


@pytest.mark.parametrize(
    ("columns", "options", "text"),
    [
        (
            {"title": ["t"], "abstract": ["s"]},
            {},
            "several columns of text, embeddings or images: there are title (text), abstract (text); "
            "name one with --text-field or --array",
        ),
        (
            {"title": ["t"], "emb": [[1.0]]},
            {},
            "several columns of text, embeddings or images: there are title (text), emb (embeddings); "
            "name one with --text-field or --array",
        ),
        (
            {"id": ["k"], "n": [1]},
            {},
            "no column of text, embeddings or images: there are id (text), n (int64); "
            "name one with --text-field or --array",
        ),
        (
            {"text": ["k"]},
            {"text_field": "body"},
            "no field 'body': its fields are text; name one with --text-field",
        ),
        (
            {"text": ["k"], "n": [1]},
            {"text_field": "n"},
            "field 'n' is int64, not text: name another with --text-field",
        ),
        ({"text": ["k"]}, {"id_field": "no"}, "no field 'no': its fields are text; name one with --id-field"),
        (
            {"text": ["k"], "emb": [[1.0]]},
            {"array": "text"},
            "no column 'text' of embeddings or images: there are text (text), emb (embeddings); name one with --array",
        ),
    ],
)
def test_columns_that_do_not_tell_what_they_are(columns, options, text):
    write(columns)
    assert message(**options) == f"a.parquet: {text}"
    assert message(on_error="skip", **options) == f"a.parquet: {text}"


def test_two_columns_of_one_name_are_refused():
    write(arrow.Table.from_arrays([arrow.array(["a"]), arrow.array(["b"])], names=["text", "text"]))
    assert message() == "a.parquet: two columns are called 'text': rename one"


def test_files_that_are_broken_cut_off_or_empty(tmp_path):
    write({"text": [f"word {n}" for n in range(1000)]})
    whole = (tmp_path / "a.parquet").read_bytes()
    for data in (b"", b"text", whole[:-10], whole[: len(whole) // 2]):
        (tmp_path / "a.parquet").write_bytes(data)
        assert message(on_error="skip").startswith("a.parquet: cannot be read as Parquet (")
        assert message().endswith("): write it again")
    (tmp_path / "a.parquet").write_bytes(whole[:20] + b"\xff" * 400 + whole[420:])
    assert message() == "a.parquet: cannot be read as Parquet, it is broken or cut off: write it again"
    write({"text": arrow.array([], arrow.string())})
    assert message() == "a.parquet: has no entries: leave it out or fill it"


def test_without_pyarrow_the_extra_is_named(monkeypatch):
    write({"text": ["one"]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert message() == "a.parquet: Parquet is read by pyarrow: pip install 'hashret[parquet]'"


def test_a_file_without_permission_says_so(monkeypatch):
    write({"text": ["one"]})

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(parquet, "ParquetFile", refuse)
    assert message() == "a.parquet: no permission to read it: change its mode or its owner"
