"""Every command shows examples in its help, and each of them does what it says."""

from pathlib import Path

import pytest

from hashret import demo
from hashret.cli import main
from hashret.settings import Settings
from hashret.shell.options import example_lines
from tests import examples
from tests.hashret.conftest import FAST

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


def shorten_demo(monkeypatch):
    """The demo of 600 docstrings, and of all pictures, hardly trained."""
    collect = demo._collect

    def part(folder):
        path = Path(collect(folder))
        path.write_text("\n".join(path.read_text().splitlines()[:600]) + "\n")
        return str(path)

    monkeypatch.setattr(demo, "_collect", part)
    monkeypatch.setattr(demo, "TOPICS", FAST)
    monkeypatch.setattr(demo, "Settings", lambda: Settings(bits=32, steps=10, batch=32))


def slow(name):
    return pytest.param(name, marks=pytest.mark.slow)


@pytest.mark.parametrize("name", [slow(name) if name in ("demo", "hashret", "index") else name for name in ALL])
def test_examples_run(name, prepared, tmp_path, monkeypatch):
    if name == "demo":
        shorten_demo(monkeypatch)
    examples.copy(prepared, tmp_path, databases=name not in ("hashret", "index"))
    for line in example_lines(ALL[name]):
        code, shown = examples.run(line, tmp_path)
        assert code == 0, (line, shown)
