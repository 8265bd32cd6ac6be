import pytest
from click.testing import CliRunner

from hashret import demo
from hashret.cli import main
from hashret.inputs import Source
from hashret.settings import Settings
from tests.hashret.conftest import FAST


def test_texts(tmp_path, monkeypatch):
    """The demo's own path on a part of its corpus: the 600 first docstrings, quickly trained."""
    corpus = list(Source((demo._collect(str(tmp_path)),)))
    assert len(corpus) >= 10_000
    monkeypatch.setattr(demo, "_collect", lambda folder: str(tmp_path / "part.jsonl"))
    lines = (tmp_path / "pydocs.jsonl").read_text().splitlines()[:600]
    (tmp_path / "part.jsonl").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(demo, "TOPICS", FAST)
    result = CliRunner().invoke(main, ["demo", str(tmp_path / "d.db")])
    assert result.exit_code == 0, result.exception
    for question in demo.QUESTIONS:
        assert question in result.output
    assert "600 entries, 32-bit codes, " in result.output
    again = CliRunner().invoke(main, ["demo", str(tmp_path / "d.db")])
    assert again.output.split("MB")[0] == result.output.split("MB")[0]


@pytest.mark.slow
def test_images(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "Settings", lambda: Settings(bits=32, steps=100, batch=128))
    result = CliRunner().invoke(main, ["demo", str(tmp_path / "d.db"), "--images"])
    assert result.exit_code == 0, result.exception
    line = next(line for line in result.output.splitlines() if "of the same class" in line)
    assert int(line.split("%")[0]) >= 60
    command = result.output.splitlines()[-1].removeprefix("Go on with: hashret ").split()
    assert CliRunner().invoke(main, [*command, "--ids"]).exit_code == 0
