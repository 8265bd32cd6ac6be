"""Texts: documents, lines, JSON lines and tables; encodings, field rules, and every message about a broken one."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashret.inputs import Entry, ReadOptions, Source
from indexer.errors import InvalidInput


def read(name, data, **options):
    Path(name).write_bytes(data.encode() if isinstance(data, str) else data)
    return list(Source((name,), ReadOptions(**options)))


def message(name, data, **options):
    with pytest.raises(InvalidInput) as caught:
        read(name, data, **options)
    return str(caught.value)


def skipped(name, data, **options):
    Path(name).write_bytes(data.encode() if isinstance(data, str) else data)
    source = Source((name,), ReadOptions(on_error="skip", **options))
    return [entry.content for entry in source], [str(problem) for problem in source.problems]


# documents and lines


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("given_encoding", ["utf-8", "latin-1"])
def test_a_byte_order_mark_tells_the_encoding(encoding, given_encoding):
    data = "Grüße\n日本\n".encode(encoding)
    assert [entry.content for entry in read("a.txt", data, encoding=given_encoding)] == ["Grüße\n日本\n"]
    assert [entry.content for entry in read("a.txt", data, encoding=given_encoding, lines=True)] == ["Grüße", "日本"]


@pytest.mark.parametrize("mark", [b"\xfe\xff", b"\x00\x00\xfe\xff"])
def test_big_endian_marks_too(mark):
    data = mark + "Grüße".encode("utf-16-be" if len(mark) == 2 else "utf-32-be")
    assert read("a.txt", data) == [Entry("a.txt", "Grüße", {"path": "a.txt"})]


def test_a_named_encoding_is_used():
    assert read("a.txt", "Grüße".encode("latin-1"), encoding="latin-1")[0].content == "Grüße"
    assert read("a.jsonl", '{"text": "日本"}\n'.encode("utf-16-le"), encoding="utf-16-le")[0].content == "日本"


def test_a_document_is_kept_as_it_is():
    assert read("a.md", "  # Title\r\n\r\nbody \n") == [Entry("a.md", "  # Title\r\n\r\nbody \n", {"path": "a.md"})]


def test_lines_of_a_document_are_entries_on_demand():
    assert read("a.txt", "one \r\n \ntwo\x0bthree\n", lines=True) == [
        Entry("a.txt:1", "one "),
        Entry("a.txt:3", "two\x0bthree"),
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            b"one\ntw\xff",
            "a.txt:2: byte 7 of the file is not utf-8: convert the file or name its encoding with --encoding",
        ),
        (
            b"ab\0",
            "a.txt: character 3 is NUL: is it a binary file, or UTF-16 that --encoding should name?",
        ),
        (b" \n\t\n", "a.txt: has no text: remove the file or fill it"),
        (b"", "a.txt: has no text: remove the file or fill it"),
        (
            b"\xff\xfea\0b",
            "a.txt:1: byte 3 of the file is not utf-16-le: convert the file or name its encoding with --encoding",
        ),
    ],
)
def test_broken_documents(data, text):
    assert message("a.txt", data) == text
    assert skipped("a.txt", data) == ([], [text])


def test_broken_lines_are_passed_over_one_by_one():
    assert skipped("a.txt", b"one\ntw\xfc\nthr\0ee\nfour\n", lines=True) == (
        ["one", "four"],
        [
            "a.txt:2: byte 3 of the line is not utf-8: convert the file or name its encoding with --encoding",
            "a.txt:3: character 4 is NUL: is it a binary file, or UTF-16 that --encoding should name?",
        ],
    )


def test_broken_lines_of_utf16_are_passed_over_too():
    data = b"\xff\xfe" + "one\n".encode("utf-16-le") + b"\x00\xdc\n\0" + "Ċ \u0a0a\nthree".encode("utf-16-le")
    assert skipped("a.txt", data, lines=True) == (
        ["one", "Ċ \u0a0a", "three"],
        ["a.txt:2: byte 1 of the line is not utf-16-le: convert the file or name its encoding with --encoding"],
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_names_that_want_a_mark_work_without_one(encoding):
    data = "one\nzwei ü\n".encode({"utf-8-sig": "utf-8"}.get(encoding, f"{encoding}-le"))
    assert [entry.content for entry in read("a.txt", data, encoding=encoding, lines=True)] == ["one", "zwei ü"]


def test_broken_archives_say_so():
    packed = gzip.compress(b'{"text": "one"}\n' * 1000)
    text = "a.jsonl.gz: cannot be unpacked, it is broken or cut off: make the .gz file again"
    assert message("a.jsonl.gz", packed[:-20]) == text
    assert message("a.jsonl.gz", b"not packed") == text
    assert message("a.jsonl.gz", packed[:30] + b"\0" * 20 + packed[50:], on_error="skip") == text


# JSON lines


def test_fields_beside_text_and_id_are_meta():
    line = '{"id": 7, "title": "T", "text": "one", "tags": ["x", {"y": null}], "n": 1.5}\n'
    assert read("a.jsonl", line) == [Entry("7", "one", {"title": "T", "tags": ["x", {"y": None}], "n": 1.5})]


@pytest.mark.parametrize(
    ("record", "options", "entry"),
    [
        ({"text": "t", "content": "c"}, {}, Entry("a.ndjson:1", "t", {"content": "c"})),
        ({"_id": "k", "title": "T", "content": "c"}, {}, Entry("k", "c", {"title": "T"})),
        ({"key": "k", "body": "b", "name": "n"}, {}, Entry("k", "b", {"name": "n"})),
        ({"id": "k", "sentence": "s", "n": 1}, {}, Entry("k", "s", {"n": 1})),
        ({"id": "k", "text": "t", "abstract": "s"}, {"text_field": "abstract"}, Entry("k", "s", {"text": "t"})),
        ({"id": "k", "url": "u", "text": "t"}, {"id_field": "url"}, Entry("u", "t", {"id": "k"})),
        ({"id": "k", "text": "t"}, {"id_field": "text"}, Entry("t", "t", {"id": "k"})),
    ],
)
def test_field_rules(record, options, entry):
    assert read("a.ndjson", json.dumps(record), **options) == [entry]


NAMED = "; name one with --text-field"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("{'text': 'x'}", "broken JSON (expecting property name enclosed in double quotes, column 2): repair the line"),
        ('{"text": "x"', "broken JSON (expecting ',' delimiter, column 13): repair the line"),
        ('{"text": "x", "n": NaN}', "broken JSON (NaN is not JSON): repair the line"),
        ('{"text": "x", "n": 1e999}', "broken JSON (1e999 is too large): repair the line"),
        ("[" * 100_000, "broken JSON (nested too deeply): repair the line"),
        ('["x"]', 'is a list, not an object: write each line as {"id": …, "text": …}'),
        ('"x"', 'is text, not an object: write each line as {"id": …, "text": …}'),
        ("{}", f"no field 'text': it has no fields{NAMED}"),
        ('{"id": "k", "sentence": "x"}', f"no field 'text': its fields are id, sentence{NAMED}"),
        ('{"text": "x"}', "no field 'id': its fields are text; name one with --id-field"),
        ('{"id": 1, "text": ["x"]}', "field 'text' is a list, not text: name another with --text-field"),
        ('{"id": 1, "text": null}', "field 'text' is null, not text: name another with --text-field"),
        ('{"id": 1, "text": 5}', "field 'text' is a number, not text: name another with --text-field"),
        ('{"id": 1, "text": {}}', "field 'text' is an object, not text: name another with --text-field"),
        ('{"id": 1, "text": " \\n"}', "field 'text' is empty: remove the entry or fill it"),
        ('{"id": 1.5, "text": "x"}', "id field 'id' is a number: give text or a whole number"),
        ('{"id": true, "text": "x"}', "id field 'id' is true or false: give text or a whole number"),
        ('{"id": "", "text": "x"}', "id field 'id' is empty: fill it or name another with --id-field"),
        (
            '{"id": 1, "text": "a\\u0000b"}',
            "character 2 is NUL: is it a binary file, or UTF-16 that --encoding should name?",
        ),
        ('{"id": 1, "text": "x", "m": [{"\\ud83d": 1}]}', "character 1 is half of a surrogate pair: repair the text"),
        (b'{"id": 1, "text": "\xff"}', None),
    ],
)
def test_broken_json_lines(line, text):
    text = text or "byte 20 of the line is not utf-8: convert the file or name its encoding with --encoding"
    line = line.encode() if isinstance(line, str) else line
    data = b'\n{"id": "a", "text": "one"}\n' + line + b'\n{"id": "b", "text": "\\ud83d\\ude00"}\n'
    assert message("a.jsonl", data) == f"a.jsonl:3: {text}"
    assert skipped("a.jsonl", data) == (["one", "😀"], [f"a.jsonl:3: {text}"])


def test_a_first_line_without_a_text_field_stops_even_when_skipping():
    data = '{"id": "k", "title": "x", "abstract": "y"}\n{"id": "l", "text": "y"}\n'
    assert message("a.jsonl", data, on_error="skip") == (
        f"a.jsonl:1: no field 'text': its fields are id, title, abstract{NAMED}"
    )


def test_a_named_field_may_be_missing_in_some_lines():
    data = '{"id": "k", "title": "x"}\n{"id": "l", "abstract": "y"}\n'
    text = f"a.jsonl:1: no field 'abstract': its fields are id, title{NAMED}"
    assert skipped("a.jsonl", data, text_field="abstract") == (["y"], [text])


storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
texts = storable.filter(str.strip)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(texts, st.dictionaries(storable.map("m".__add__), st.none() | st.integers() | texts)), min_size=1
    )
)
def test_json_lines_round_trip(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("json") / "a.jsonl"
    lines = (json.dumps({"text": text, "id": n, **meta}, ensure_ascii=n % 2 > 0) for n, (text, meta) in enumerate(rows))
    path.write_text("\n".join(lines), encoding="utf-8", newline="")
    assert list(Source((path,))) == [Entry(str(n), text, meta) for n, (text, meta) in enumerate(rows)]


# tables


@pytest.mark.parametrize(
    ("suffix", "separator"),
    [(".csv", ","), (".tsv", "\t"), (".csv.tsv", "\t"), (".tsv.csv", ","), (".csv", ";"), (".csv", "\t")],
)
def test_tables(suffix, separator):
    data = '\n_id,text,n\nk,"one, ""two""\nthree",1\n\nl,four,\n'.replace(",", separator)
    two = f'one{separator} "two"\nthree'
    wanted = [Entry("k", two, {"n": "1"}), Entry("l", "four", {"n": ""})]
    assert read(f"a{suffix}", data) == wanted
    assert read(f"a{suffix}.gz", gzip.compress(b"\xef\xbb\xbf" + data.encode())) == wanted


@pytest.mark.parametrize(
    ("header", "row", "entry"),
    [
        ("text;title, long;id", "a,b;t;k", Entry("k", "a,b", {"title, long": "t"})),
        ('id,"a;b;c;d",text', "k,x;y,one;two", Entry("k", "one;two", {"a;b;c;d": "x;y"})),
        ("id,text;n", "k,one", Entry("k", "one")),
        ("text", "one; two", Entry("a.csv:2", "one; two")),
    ],
)
def test_columns_are_parted_by_what_parts_most_names_outside_quotes(header, row, entry):
    """As many commas as others: commas."""
    assert read("a.csv", f"{header}\n{row}\n") == [entry]


def test_a_row_without_an_id_is_known_by_its_first_line():
    assert read("a.csv", 'sentence\n"one\ntwo"\nthree\n') == [
        Entry("a.csv:2", "one\ntwo"),
        Entry("a.csv:4", "three"),
    ]


def test_a_column_without_a_name_is_called_by_its_number():
    assert read("a.csv", ",text\n0,one\n") == [Entry("a.csv:2", "one", {"column 1": "0"})]


def test_large_fields_are_welcome():
    text = "word " * 100_000
    assert read("a.csv", f"id,text\nk,{text}\n") == [Entry("k", text)]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (b"k", "row of 1 columns under a header of 2: quote values that hold the separator"),
        (b"k,x,y", "row of 3 columns under a header of 2: quote values that hold the separator"),
        (b"k, ", "field 'text' is empty: remove the entry or fill it"),
        (b",x", "id field 'id' is empty: fill it or name another with --id-field"),
        (b"k,a\0", "character 2 is NUL: is it a binary file, or UTF-16 that --encoding should name?"),
        (b'k,"x"y', "broken row (',' expected after '\"'): close every quote, double the quotes inside quotes"),
        (
            b'k,"\xfc\nx"',
            "byte 4 of the line is not utf-8: convert the file or name its encoding with --encoding",
        ),
    ],
)
def test_broken_rows(row, text):
    data = b'id,text\na,"one\n"\n' + row + b"\nb,two\n"
    assert message("a.csv", data) == f"a.csv:4: {text}"
    assert skipped("a.csv", data) == (["one\n", "two"], [f"a.csv:4: {text}"])


def test_carriage_returns_alone_are_told():
    text = "a.csv:1: broken row (a carriage return without a newline): convert the ends of its lines"
    assert message("a.csv", "id,text\ra,one\rb,two\r") == text


def test_an_open_quote_is_told_by_its_row():
    text = "a.csv:3: broken row (unexpected end of data): close every quote, double the quotes inside quotes"
    assert skipped("a.csv", 'text\none\n"two\nthree\n') == (["one"], [text])


@pytest.mark.parametrize(
    ("data", "options", "text"),
    [
        ("id,text,text\n", {}, "two columns are called 'text': rename one"),
        ("id,title,label\n", {}, f"no field 'text': its fields are id, title, label{NAMED}"),
        ("id,text\n", {"text_field": "body"}, f"no field 'body': its fields are id, text{NAMED}"),
        ("id,text\n", {"id_field": "url"}, "no field 'url': its fields are id, text; name one with --id-field"),
        (
            '"id"x,text\n',
            {},
            "broken row (',' expected after '\"'): close every quote, double the quotes inside quotes",
        ),
    ],
)
def test_broken_headers_stop_even_when_skipping(data, options, text):
    assert message("a.csv", data + "k,one,two\n", **options) == f"a.csv:1: {text}"
    assert message("a.csv", data + "k,one,two\n", on_error="skip", **options) == f"a.csv:1: {text}"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(texts, storable), min_size=1), st.sampled_from([".csv", ".tsv"]))
def test_tables_round_trip(tmp_path_factory, rows, suffix):
    path = tmp_path_factory.mktemp("csv") / f"a{suffix}"
    out = io.StringIO()
    writer = csv.writer(out, "excel-tab" if suffix == ".tsv" else "excel", quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "id", "other"), *((text, n, other) for n, (text, other) in enumerate(rows))])
    path.write_bytes(out.getvalue().encode())
    assert list(Source((path,))) == [Entry(str(n), text, {"other": other}) for n, (text, other) in enumerate(rows)]
