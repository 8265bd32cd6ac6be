"""Every command shows examples in its help, and each of them does what it says."""

import pytest

from hashret.cli import main
from hashret.options import example_lines
from tests import examples

ALL = {"hashret": main, **main.commands}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    examples.prepare(folder)
    examples.index(folder)
    return folder


@pytest.mark.parametrize("name", ALL)
def test_every_command_shows_examples(name):
    lines = example_lines(ALL[name])
    assert 2 <= len(lines) <= 4
    for line in lines:
        assert len(line) <= 96, line
        assert f"hashret {'' if name == 'hashret' else name}" in line


def slow(name):
    return pytest.param(name, marks=pytest.mark.slow)


@pytest.mark.parametrize("name", [slow(name) if name in ("demo", "hashret", "index") else name for name in ALL])
def test_examples_run(name, prepared, tmp_path):
    examples.copy(prepared, tmp_path, databases=name not in ("hashret", "index"))
    for line in example_lines(ALL[name]):
        code, shown = examples.run(line, tmp_path)
        assert code == 0, (line, shown)
