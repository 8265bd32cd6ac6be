"""Which files of a folder are read by --glob, and how far a source says it is."""

import gzip
import io
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pytest
from PIL import Image
from pyarrow import parquet

from hashret.inputs import ReadOptions, Source
from indexer.errors import InvalidInput
from tests.hashret.inputs.reading import message
from tests.hashret.inputs.test_pdf import pdf


def write(*names, data=b"text"):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(data)


def keys(*paths, **options):
    return [entry.key for entry in Source(paths, ReadOptions(**options))]


NAMES = ("a.md", "b.txt", "sub/c.md", "sub/deep/d.md", "sub/x[1].md", "sub/.e.md", "sub/deep/notes-2024.txt")


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["*.md"], ["a.md"]),
        (["**/*.md"], ["a.md", "sub/c.md", "sub/deep/d.md", "sub/x[1].md"]),
        (["sub/*"], ["sub/c.md", "sub/x[1].md"]),
        (["sub/**"], ["sub/c.md", "sub/deep/d.md", "sub/deep/notes-2024.txt", "sub/x[1].md"]),
        (["./sub/**/?.md"], ["sub/c.md", "sub/deep/d.md"]),
        (["**/deep/*.txt", "?.txt"], ["b.txt", "sub/deep/notes-2024.txt"]),
        (["**/[ab].*"], ["a.md", "b.txt"]),
        (["**/[!a-b].md"], ["sub/c.md", "sub/deep/d.md"]),
        (["**/x[[]1].md"], ["sub/x[1].md"]),
        (["**/*-20[0-9][0-9].txt"], ["sub/deep/notes-2024.txt"]),
    ],
)
def test_a_pattern_chooses_by_the_whole_path_below_the_folder(patterns, found):
    write(*(f"docs/{name}" for name in NAMES))
    assert sorted(keys("docs", glob=tuple(patterns))) == found


def test_patterns_are_for_folders_and_not_for_files_given_beside_them():
    write("docs/a.md", "docs/b.txt", "c.txt")
    assert keys("docs", "c.txt", glob=("*.md",)) == ["a.md", "c.txt"]
    assert message("c.txt", glob=("*.md",)) == "--glob *.md: none of the paths is a folder: give one"
    with pytest.raises(InvalidInput, match=r"^glob is '\*\.md': give a tuple of patterns$"):
        ReadOptions(glob="*.md")


def test_no_match_says_what_was_there():
    write("docs/sub/a.md", "docs/sub/b.md", "docs/c.txt.gz", "docs/d.rst", "docs/Makefile", "docs/.hidden.md")
    advice = "patterns are for the whole path below the folder, as **/*.md"
    assert message("docs", glob=("*.md", "*.rst")) == (
        "docs: no file of a known type matches --glob *.md, *.rst: "
        f"there are 2 .md, 1 .rst, 1 .txt.gz, 1 no ending; {advice}"
    )
    write(*(f"docs/x.{letter}" for letter in "efghijklm"))
    assert message("docs", glob=("*.md",)) == (
        "docs: no file of a known type matches --glob *.md: "
        f"there are 2 .md, 1 .e, 1 .f, 1 .g, 1 .h, 1 .i, 1 .j, 1 .k and 5 other types; {advice}"
    )
    Path("void").mkdir()
    assert message("void", glob=("*.md",)) == (
        f"void: no file of a known type matches --glob *.md: there are no files; {advice}"
    )


# how far


def guesses(*paths, **options):
    """What a source expects after each entry of its first reading and of its second."""
    source = Source(paths, ReadOptions(**options))
    return [source.expected() for _ in source], [source.expected() for _ in source]


def test_files_that_are_one_entry_are_counted():
    write(*(f"docs/{n}.txt" for n in range(150)))
    assert guesses("docs") == ([150] * 150, [150] * 150)
    for n in range(3):
        Image.new("L", (2, 2)).save(f"{n}.png")
    assert guesses("0.png", "1.png", "2.png")[0] == [3, 3, 3]


def lines(count):
    return b"".join(b'{"id": %d, "text": "word"}\n' % (n + 1000) for n in range(count))


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.csv", "a.parquet", "a.npy", "a.pdf"])
def test_rows_are_judged_by_the_share_that_was_read(name):
    write("a.jsonl", data=lines(300))
    write("a.jsonl.gz", data=gzip.compress(lines(300)))
    write("a.csv", data=b"id,text\n" + b"".join(b"%d,word\n" % (n + 1000) for n in range(300)))
    parquet.write_table(arrow.table({"text": ["word"] * 300}), "a.parquet")
    np.save("a.npy", np.ones((300, 2)))
    if name == "a.pdf":
        write("a.pdf", data=pdf(*["word"] * 300))
    first, second = guesses(name)
    assert len(first) == 300
    if not name.endswith(".gz"):  # a small one is unpacked at once
        assert all(280 <= guess <= 310 for guess in first[20:])  # a header counts as read
    assert first[-1] == 300
    assert second == [300] * 300


def test_files_of_many_rows_are_judged_by_their_bytes():
    write("a.jsonl", data=lines(100))
    write("b.jsonl", data=lines(400).replace(b'"id": 1', b'"id": 2'))
    first, _ = guesses("a.jsonl", "b.jsonl")
    assert {round(guess, -1) for guess in first[5:]} == {500}
    assert first[-1] == 500


def test_what_is_skipped_is_not_expected():
    write("a.jsonl", data=b"".join(b'{"text": "word %d"}\n{"text": 4.0000000}\n' % (n % 10) for n in range(100)))
    first, second = guesses("a.jsonl", on_error="skip")
    assert all(100 <= guess <= 110 for guess in first[10:])
    assert second == [100] * 100


def test_a_query_is_not_counted_before_it_was_read_once():
    with closing(sqlite3.connect("a.db")) as connection, connection:
        connection.execute("CREATE TABLE t (text)")
        connection.executemany("INSERT INTO t VALUES (?)", [("word",)] * 30)
    assert guesses("a.db", sql="SELECT * FROM t") == ([0] * 30, [30] * 30)


def test_stdin_is_judged_too(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"word\n" * 100)))
    assert guesses("-") == ([100] * 100, [100] * 100)
