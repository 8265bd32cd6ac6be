import json
import shutil

import pytest

from hashret.cli import main
from hashret.shell import environment
from tests.hashret.terminal import run


def test_every_option_has_one_variable_of_its_own_and_none_that_something_else_has():
    found = environment.variables(main.commands)
    assert not set(found) & set(environment.OTHERS)
    for name, command in main.commands.items():
        for param in command.params:
            if param.param_type_name == "option" and param.expose_value:
                own = f"HASHRET_{name}_{param.name}".upper()
                assert param.envvar[0] == own
                assert {other for other, _ in found[own]} == {name}
            else:
                assert param.envvar is None


def test_short_variables_are_of_options_that_there_are():
    names = {param.name for command in main.commands.values() for param in command.params}
    assert set(environment.SHORT) <= names


def test_the_line_goes_first_then_the_commands_variable_then_the_short_one(stored, monkeypatch):
    def count(*words):
        return len(run("query", stored, "moon", *words, "--ids")[0].split())

    assert count() == 10
    monkeypatch.setenv("HASHRET_K", "4")
    assert count() == 4
    monkeypatch.setenv("HASHRET_QUERY_K", "3")
    assert count() == 3
    assert count("-k", 2) == 2
    monkeypatch.setenv("HASHRET_QUERY_K", "")
    assert count() == 4


def test_flags_forms_and_lists(stored, monkeypatch):
    monkeypatch.setenv("HASHRET_FORM", "ids")
    monkeypatch.setenv("HASHRET_QUERY_RERANK", "0")
    monkeypatch.setenv("HASHRET_QUERY_WHERE", "topic=food")
    keys = run("query", stored, "moon", "-k", 3)[0].split()
    assert {key.split("/")[0] for key in keys} == {"food"}
    hits = [json.loads(line) for line in run("query", stored, "moon", "-k", 3, "--json")[0].splitlines()]
    assert [hit["distance"] for hit in hits] == sorted(hit["distance"] for hit in hits)
    assert json.loads(run("info", stored)[0])["entries"] == 120  # it has no form of keys only


def test_quiet_and_verbose(stored, tmp_path, monkeypatch):
    (tmp_path / "new.txt").write_text("moon")
    shutil.copy(stored, tmp_path / "d.db")
    monkeypatch.setenv("HASHRET_QUIET", "1")
    assert run("add", tmp_path / "d.db", tmp_path / "new.txt")[1] == ""
    monkeypatch.setenv("HASHRET_VERBOSE", "1")
    assert "done" in run("info", stored)[1]


def test_a_setting_of_the_environment_is_for_new_files(stored, tmp_path, monkeypatch):
    (tmp_path / "new.txt").write_text("moon rocket")
    shutil.copy(stored, tmp_path / "d.db")
    monkeypatch.setenv("HASHRET_BITS", "64")
    assert run("index", tmp_path / "d.db", tmp_path / "new.txt")[1] == "1 added, 0 updated, 0 unchanged\n"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("HASHRET_K", "many", "Error: Invalid value for '-k': 'many' is not a valid integer range. "
         "It is from the environment: HASHRET_K.\n"),
        ("HASHRET_FORM", "jsn", "Error: HASHRET_FORM is 'jsn': give json, csv, tsv, ids; did you mean 'json'?\n"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_its_variable(name, value, message, stored, monkeypatch):
    monkeypatch.setenv(name, value)
    assert run("query", stored, "moon", code=2)[1].endswith(message)
