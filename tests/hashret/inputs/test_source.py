"""Entries and sources: digests, folders, stdin, duplicates, and what holds across files."""

import gzip
import hashlib
import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from hashret.inputs import Entry, ReadOptions, Source
from indexer.errors import InvalidInput, NotFound
from tests.hashret.inputs.reading import message, read, write

KNOWN = ".jsonl, .ndjson, .csv, .tsv, .txt, .md (also with .gz), .pdf, .parquet, .png, .jpg, .jpeg, .npy or .npz"


def give_stdin(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data.encode() if isinstance(data, str) else data)))


# Entry


def test_entries_are_equal_by_key_content_and_meta():
    assert Entry("a", "x", {"n": 1}) == Entry("a", "x", {"n": 1})
    assert Entry("a", "x") != Entry("a", "x", {"n": 1})
    assert Entry("a", np.float32([1, 2])) == Entry("a", np.float32([1, 2]))
    assert Entry("a", np.float32([1, 2])) != Entry("a", np.float64([1, 2]))
    assert Entry("a", np.zeros((2, 1))) != Entry("a", np.zeros((1, 2)))
    assert Entry("a", "x") != Entry("a", np.zeros(1))
    assert Entry("a", "x") != "a"


def test_digests_are_pinned_because_databases_hold_them():
    text = b'text 6\nna\xc3\xafve{"a":[null],"b":1}'
    assert Entry("a", "naïve", {"b": 1, "a": [None]}).digest() == hashlib.sha256(text).digest()
    array = b"array <f4 (1, 2) 8\n\x00\x00\x80\x3f\x00\x00\x00\x40{}"
    assert Entry("a", np.float32([[1, 2]])).digest() == hashlib.sha256(array).digest()


def test_a_digest_depends_on_content_and_meta_but_not_on_key_or_order():
    base = Entry("a", "x", {"p": 1, "q": 2}).digest()
    assert base == Entry("b", "x", {"q": 2, "p": 1}).digest()
    others = [Entry("a", "y", {"p": 1, "q": 2}), Entry("a", "x", {"p": 1}), Entry("a", 'x{"p":1,"q":2}')]
    assert base not in [other.digest() for other in others]
    assert len(base) == 32


def test_a_digest_is_the_same_for_every_layout_of_an_array():
    rows = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert Entry("a", rows).digest() == Entry("a", np.asfortranarray(rows)).digest()
    assert Entry("a", rows).digest() == Entry("a", rows.astype(">f4")).digest()
    assert Entry("a", rows).digest() != Entry("a", rows.reshape(3, 2)).digest()
    assert Entry("a", rows).digest() != Entry("a", rows.view(np.int32)).digest()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Entry("", "x"), "key is '': give a text that is not empty"),
        (lambda: Entry(3, "x"), "key is 3: give a text that is not empty"),
        (lambda: Entry("a", [1.0]), "entry 'a': content is of type list: give a str or a numpy array"),
        (
            lambda: Entry("a", "x", {"n": float("nan")}).digest(),
            "entry 'a': cannot be stored: Out of range float values are not JSON compliant",
        ),
        (
            lambda: Entry("a", "x", {"n": {1}}).digest(),
            "entry 'a': cannot be stored: Object of type set is not JSON serializable",
        ),
        (
            lambda: Entry("a", "\ud800").digest(),
            "entry 'a': cannot be stored: 'utf-8' codec can't encode character '\\ud800' in position 0: "
            "surrogates not allowed",
        ),
        (
            lambda: Entry("a", np.array([None])).digest(),
            "entry 'a': cannot be stored: the array holds Python objects",
        ),
        (lambda: ReadOptions(encoding="utf-9"), "encoding is 'utf-9': give a name that Python knows, as utf-8"),
        (lambda: ReadOptions(encoding="hex"), "encoding is 'hex': give a name that Python knows, as utf-8"),
        *(
            (
                lambda name=name: ReadOptions(encoding=name),
                f"encoding is {name!r}: it has no lines as ASCII has; convert the files to utf-8",
            )
            for name in ("cp500", "undefined", "punycode", "IDNA")
        ),
        (lambda: ReadOptions(on_error="stop"), "on_error is 'stop': give fail or skip"),
    ],
)
def test_bad_entries_and_options_say_so(make, text):
    with pytest.raises(InvalidInput) as caught:
        make()
    assert str(caught.value).split(": nan")[0] == text


# folders and paths


def test_a_folder_is_read_sorted_with_paths_below_it_as_keys():
    for name in ("docs/b.txt", "docs/a.md", "docs/sub/c.TXT", "docs/sub/.hidden.txt", "docs/.git/d.txt", "docs/e.doc"):
        write(name, f"text of {name}")
    assert read("docs") == [
        Entry("a.md", "text of docs/a.md", {"path": "docs/a.md"}),
        Entry("b.txt", "text of docs/b.txt", {"path": "docs/b.txt"}),
        Entry("sub/c.TXT", "text of docs/sub/c.TXT", {"path": "docs/sub/c.TXT"}),
    ]


def test_a_single_file_is_known_by_its_path_as_given():
    write("docs/b.txt", "one")
    assert read("docs/b.txt", str(Path("docs/b.txt").resolve())) == [
        Entry("docs/b.txt", "one", {"path": "docs/b.txt"}),
        Entry(Path("docs/b.txt").resolve().as_posix(), "one", {"path": Path("docs/b.txt").resolve().as_posix()}),
    ]


def test_links_that_loop_do_not_hang():
    write("docs/a.txt", "one")
    os.symlink("..", "docs/up")
    os.symlink("self.txt", "docs/self.txt")
    source = Source(("docs",), ReadOptions(on_error="skip"))
    assert [entry.key for entry in source] == ["a.txt"]
    assert [str(problem) for problem in source.problems] == [
        "docs/self.txt: is a broken link or no regular file: remove it"
    ]


def test_a_pipe_in_a_folder_is_not_waited_for():
    write("docs/a.txt", "one")
    os.mkfifo("docs/b.txt")
    assert message("docs") == "docs/b.txt: is a broken link or no regular file: remove it"


def test_a_name_that_is_not_utf8_is_reported():
    write("docs/a.txt", "one")
    Path(os.fsdecode(b"docs/\xff.txt")).write_text("two")
    for path in ("docs", "docs/\udcff.txt"):
        assert message(path) == "docs/\\udcff.txt: name of the file is not UTF-8: rename it"


def test_paths_that_cannot_be_read_say_what_is_wrong():
    write("paper.doc", "x")
    write("void/paper.doc", "x")
    write("void/.a.txt", "x")
    assert message("no.txt", error=NotFound) == "no.txt: no such file or folder: check the path"
    assert message("no.txt", error=NotFound, on_error="skip") == "no.txt: no such file or folder: check the path"
    assert message("paper.doc") == f"paper.doc: unknown type of file: give {KNOWN}, or a folder of them"
    assert message("void") == f"void: nothing to read in this folder: it needs files of type {KNOWN}"


def test_no_permission_is_told_for_files_and_tables(monkeypatch):
    write("a.txt", "one")
    write("a.jsonl", '{"text": "one"}\n')
    write("docs/in/b.txt", "two")

    def refuse(self, *_):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    assert message("a.txt") == "a.txt: no permission to read it: change its mode or its owner"
    assert message("a.jsonl", on_error="skip") == "a.jsonl: no permission to read it: change its mode or its owner"
    monkeypatch.setattr(os, "scandir", refuse)
    assert message("docs").endswith("docs: folder cannot be opened: change its mode")


def test_a_file_that_vanishes_is_not_found(monkeypatch):
    write("a.jsonl", '{"text": "one"}\n')
    source = iter(Source(("a.jsonl",)))
    os.rename("a.jsonl", "b.jsonl")
    monkeypatch.setattr(Path, "exists", lambda self: True)
    with pytest.raises(NotFound, match=r"^a\.jsonl: no such file or folder: check the path$"):
        next(source)


# across files


def test_a_key_used_twice_names_both_places():
    write("a.jsonl", '{"id": "x", "text": "one"}\n\n{"id": "y", "text": "two"}\n')
    write("b.csv", "id,text\nz,three\ny,four\nw,five\n")
    assert message("a.jsonl", "b.csv") == ("b.csv:3: id 'y' was used before, at a.jsonl:3: give every entry its own id")
    source = Source(("a.jsonl", "b.csv"), ReadOptions(on_error="skip"))
    assert [entry.content for entry in source] == ["one", "two", "three", "five"]
    assert source.skipped == 1


def test_two_folders_with_the_same_names_collide():
    write("x/a.txt", "one")
    write("y/a.txt", "two")
    assert message("x", "y") == "y/a.txt: id 'a.txt' was used before, at x/a.txt: give every entry its own id"


def test_kinds_do_not_mix_even_when_skipping():
    write("a.txt", "one")
    np.save("b.npy", np.ones((2, 3)))
    text = (
        "b.npy: is a matrix, but a.txt is text: give one kind at a time, of a folder by --glob '**/*.txt' or '**/*.npy'"
    )
    assert message("a.txt", "b.npy") == text
    assert message("a.txt", "b.npy", on_error="skip") == text


def test_vectors_of_another_length_are_refused_even_when_skipping():
    np.save("a.npy", np.ones((2, 3)))
    np.save("b.npy", np.ones((2, 4)))
    text = "b.npy row 0: has 4 numbers, but a.npy row 0 has 3: give one length at a time"
    assert message("a.npy", "b.npy") == text
    assert message("a.npy", "b.npy", on_error="skip") == text


def test_a_source_reads_afresh_each_time_and_counts_from_zero():
    write("a.jsonl", '{"text": "one"}\n{"text": 2}\n')
    source = Source(("a.jsonl",), ReadOptions(on_error="skip"))
    assert [entry.content for entry in source] == ["one"]
    assert source.skipped == 1
    write("a.jsonl", '{"text": "one"}\n{"text": "two"}\n')
    assert [entry.content for entry in source] == ["one", "two"]
    assert (source.skipped, source.problems) == (0, [])


def test_only_the_first_hundred_problems_are_kept():
    write("a.jsonl", '{"text": "one"}\n' + '{"text": 2}\n' * 150)
    source = Source(("a.jsonl",), ReadOptions(on_error="skip"))
    assert len(list(source)) == 1
    assert (source.skipped, len(source.problems)) == (150, 100)
    assert str(source.problems[99]).startswith("a.jsonl:101: ")


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.npy"])
def test_files_without_entries_say_so(name):
    write("a.jsonl", "\n")
    write("a.csv", "id,text\n")
    np.save("a.npy", np.ones((0, 3)))
    assert message(name) == f"{name}: has no entries: leave it out or fill it"
    assert read(name, on_error="skip") == []


# stdin


def test_stdin_is_one_text_a_line_and_can_be_read_again(monkeypatch):
    give_stdin(monkeypatch, "first\n\n  second {\r\nthird")
    source = Source(("-",))
    for _ in range(2):
        assert list(source) == [
            Entry("stdin:1", "first"),
            Entry("stdin:3", "  second {"),
            Entry("stdin:4", "third"),
        ]


def test_stdin_is_json_lines_if_it_looks_so_or_a_field_is_named(monkeypatch):
    record = '{"id": "a", "text": "one", "n": 1}\n'
    give_stdin(monkeypatch, "\n" + record)
    assert read("-") == [Entry("a", "one", {"n": 1})]
    give_stdin(monkeypatch, record)
    assert read("-", lines=True) == [Entry("stdin:1", record.rstrip())]
    give_stdin(monkeypatch, "plain\n")
    assert message("-", text_field="text") == ("stdin:1: broken JSON (expecting value, column 1): repair the line")


def test_empty_stdin_says_so(monkeypatch):
    give_stdin(monkeypatch, "")
    assert message("-") == "stdin: has no entries: leave it out or fill it"


def test_long_stdin_waits_on_disk(monkeypatch):
    monkeypatch.setattr("hashret.inputs.source._STDIN_IN_MEMORY", 10)
    give_stdin(monkeypatch, "one\n" * 100)
    source = Source(("-",))
    assert len(list(source)) == len(list(source)) == 100
    assert source._stdin._rolled


def test_reading_is_lazy():
    write("a.jsonl", '{"text": "one"}\nbroken\n')
    assert next(iter(Source(("a.jsonl",)))).content == "one"


def test_a_packed_file_gives_the_same_entries():
    lines = "".join(json.dumps({"id": f"d{n}", "text": f"word {n}"}) + "\n" for n in range(1000))
    write("a.jsonl", lines)
    write("b.jsonl.gz", gzip.compress(lines.encode()))
    assert read("a.jsonl") == read("b.jsonl.gz")
