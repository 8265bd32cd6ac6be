import json
import subprocess
import sys

import numpy as np
import pytest

from tests.hashret.terminal import run


@pytest.mark.parametrize(
    ("words", "end"),
    [
        (["querry"], "Error: No such command 'querry'. Did you mean 'query'?\n"),
        (
            ["query", "d.db", "--explan"],
            "Error: No such option '--explan'. (Did you mean one of: '--explain', '--rerank'?)\n",
        ),
        (
            ["add", "d.db", "x", "--on-error", "skipp"],
            "Error: Invalid value for '--on-error': 'skipp' is not one of 'fail', 'skip'. Did you mean 'skip'?\n",
        ),
        (
            ["add", "d.db", "x", "--on-error", "other"],
            "Error: Invalid value for '--on-error': 'other' is not one of 'fail', 'skip'.\n",
        ),
        (
            ["completion", "fsh"],
            "Error: Invalid value for '{bash|zsh|fish}': 'fsh' is not one of 'bash', 'zsh', 'fish'. "
            "Did you mean 'fish'?\n",
        ),
    ],
)
def test_a_wrong_word_is_told_the_right_one(words, end):
    out, err = run(*words, code=2)
    assert out == ""
    assert err.endswith("\n\n" + end)


@pytest.mark.parametrize(
    ("words", "closed", "code", "err"),
    [
        ("info {db}", ">&-", 0, ""),
        ("query {db} moon", ">&-", 0, ""),
        ("query {db} moon", ">&- 2>&-", 0, ""),
        ("info nowhere.db", "2>&-", 2, ""),
        ("info nowhere.db", ">&-", 2, "Error: nowhere.db: no such file: create it first, as by `hashret index`\n"),
    ],
)
def test_what_is_written_to_a_closed_output_goes_nowhere(words, closed, code, err, stored):
    command = f"{sys.executable} -m hashret {words.format(db=stored)} {closed}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", err)


def test_fields_and_keys_that_were_meant(stored, tmp_path):
    assert run("query", stored, "moon", "--where", "topik=food", code=2) == (
        "",
        f"Error: {stored}: no entry has the field 'topik': did you mean 'topic'?\n",
    )
    assert run("query", stored, "moon", "--where", "topic=fod", code=1) == ("", "")
    assert run("similar", stored, "spaec/0", code=2)[1] == (
        f"Error: {stored}: no entry has the key 'spaec/0'; did you mean 'space/0'?\n"
    )
    assert run("evaluate", stored, "--label", "Topics", code=2)[1] == (
        "Error: no stored entry has the field 'Topics': their fields are topic; name one with --label; "
        "did you mean 'topic'?\n"
    )


def test_fields_of_files_that_were_meant(tmp_path):
    rows, arrays = tmp_path / "d.jsonl", tmp_path / "v.npz"
    rows.write_text(json.dumps({"ident": "a", "body_text": "moon", "year": 1}) + "\n")
    np.savez(arrays, vectors=np.zeros((2, 4), np.float32), names=np.array(["a", "b"]))
    end = f"Error: {rows}:1: no field %r: its fields are ident, body_text, year; name one with %s; did you mean %r?\n"
    db = tmp_path / "d.db"
    texts = ("body_txt", "--text-field", "body_text")
    assert run("index", db, rows, "--text-field", "body_txt", code=2)[1] == end % texts
    keys = ("idnet", "--id-field", "ident")
    assert run("index", db, rows, "--text-field", "body_text", "--id-field", "idnet", code=2)[1] == end % keys
    assert run("index", db, arrays, "--array", "vector", code=2)[1] == (
        f"Error: {arrays}: no array 'vector': there are vectors float32(2, 4), names <U1(2,); name one with --array; "
        "did you mean 'vectors'?\n"
    )
    assert not db.exists()


@pytest.mark.parametrize("columns", ["20", "60", "300"])
def test_help_fits_terminals_of_any_width(columns):
    out, err = run("query", "--help", env={"COLUMNS": columns})
    assert "--where CONDITION" in out
    assert err == ""


@pytest.mark.parametrize(
    "words", [["remove", "a.db"], ["query"], ["similar", "a.db"], ["index", "a.db"], ["denoise", "a.db", "a.png"]]
)
def test_what_is_missing_is_named(words):
    _, err = run(*words, code=2)
    last = err.splitlines()[-1]
    assert last.startswith(("Error: Missing argument '", "Error: Missing option '"))
    assert last.endswith("'.")
