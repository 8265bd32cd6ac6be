import pytest

from hashret.shell import output
from indexer.errors import InvalidInput

ROWS = [
    {"query": "q", "key": "a", "score": 0.5, "content": "two\nlines", "meta": {"x": 1}},
    {"query": "r", "key": "b", "score": 1.0, "content": "tab\there", "meta": {}},
]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (None, '{"query": "q", "key": "a"}\n'),  # not on a terminal
        ("json", '{"query": "q", "key": "a"}\n'),
        ("csv", "query,key\nq,a\n"),
        ("tsv", "query\tkey\nq\ta\n"),
        ("ids", "a\n"),
    ],
)
def test_forms(form, text, capsys):
    output.write([{"query": "q", "key": "a"}], form)
    assert capsys.readouterr().out == text


@pytest.mark.parametrize("form", [None, "json", "csv", "tsv", "ids", "table"])
def test_no_rows_print_nothing(form, capsys):
    output.write([], form)
    assert capsys.readouterr().out == ""


def test_csv_keeps_lines_and_writes_meta_as_json(capsys):
    output.write(ROWS, "csv")
    assert capsys.readouterr().out == (
        'query,key,score,content,meta\nq,a,0.5,"two\nlines","{""x"": 1}"\nr,b,1.0,tab\there,{}\n'
    )


def test_a_table_for_each_query_with_one_line_a_hit(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    output.write(ROWS, "table", group="query")
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "q"
    assert lines[4] == '│ a   │ 0.500 │ two lines │ {"x": 1} │'
    assert lines[6] == "r"
    assert lines[10] == "│ b   │ 1.000 │ tab here │"  # a column of nothing is left out


def test_texts_share_what_the_other_columns_leave():
    rows = [{"key": "k" * 50, "content": "c" * 500, "meta": {"m": "m" * 500}}]
    # 100 - 1 - 3 * 3 characters for cells; 40 for the key; 50 by two parts to one
    assert output._widths(rows, ["key", "content", "meta"], 100) == {"key": 40, "content": 33, "meta": 16}


def test_counts_tell_what_is_known():
    assert output.counted(1200, 0, None) == "1,200"
    assert output.counted(1200, 5000, 3411.6) == "1,200/5,000 3,412/s"
    assert output.counted(3, 20, 0.25) == "3/20 0.2/s"


def test_progress_is_silent_where_there_is_no_terminal(capsys):
    with output.progress() as show:
        show("stage", 1, 2)
    assert capsys.readouterr() == ("", "")


def test_a_narrow_terminal_shows_numbers_whole_and_a_piece_of_each_text(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    row = {"rank": 1, "key": "k" * 50, "distance": 22, "score": 0.4981, "content": "c" * 200}
    output.write([row], "table")
    lines = capsys.readouterr().out.splitlines()
    assert {len(line) for line in lines} == {80}
    assert lines[1] == f"┃ rank ┃ key{' ' * 20} ┃ distance ┃ score ┃ content{' ' * 17} ┃"
    assert lines[3] == f"│    1 │ {'k' * 22}… │       22 │ 0.498 │ {'c' * 23}… │"


def test_a_path_that_the_key_tells_is_left_out_of_tables_only(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    rows = [{"key": "a/b.md", "meta": {"path": "/home/notes/a/b.md"}}]
    output.write(rows, "table")
    assert "meta" not in capsys.readouterr().out
    output.write([{"key": "b", "meta": {"path": "/elsewhere", "x": 1}}], "table")
    assert '{"path": "/elsewhere", "x": 1}' in capsys.readouterr().out
    output.write(rows, "json")
    assert capsys.readouterr().out == '{"key": "a/b.md", "meta": {"path": "/home/notes/a/b.md"}}\n'


@pytest.mark.parametrize("key", ["a\nb", "a\r\nb", "a\n", "a\r"])
def test_keys_with_line_breaks_are_not_listed_a_line_each(key, capsys):
    with pytest.raises(InvalidInput) as caught:
        output.write([{"key": "fine"}, {"key": key}], "ids")
    assert str(caught.value) == f"key {key!r} has a line break: use --json in place of --ids"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("form", ["csv", "tsv", "table", "json"])
def test_meta_is_readable_in_every_form(form, capsys):
    output.write([{"key": "a", "meta": {"author": "Jürgen Müller"}}], form)
    assert "Jürgen" in capsys.readouterr().out
