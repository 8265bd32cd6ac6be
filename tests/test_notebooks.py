"""The notebooks run from above to below, and find what they tell of."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"


def cells(name: str) -> list[dict]:
    return json.loads((FOLDER / f"{name}.ipynb").read_text())["cells"]


def run(name: str, monkeypatch) -> dict:
    """The names that a notebook leaves, its cells run in order, in its folder, without Jupyter."""
    monkeypatch.chdir(FOLDER)
    names: dict = {}
    for cell in cells(name):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"{name}.ipynb {cell['id']}", "exec"), names)
    return names


@pytest.mark.slow
def test_text(monkeypatch, capsys):
    names = run("text", monkeypatch)
    assert "two at random: 3" in capsys.readouterr().out  # 30 to 39 of 64 bits
    precision = names["precision"]
    assert precision["codes"] > precision["PCA-sign"] > precision["LSH"]
    assert len(names["found"]) > 0


@pytest.mark.slow
def test_images(monkeypatch):
    names = run("images", monkeypatch)
    assert names["precision"] > 0.55
    assert names["sheet"](names["rows"]).size == (8 * 28 * 3, 8 * 28 * 3)


@pytest.mark.slow
def test_embeddings(monkeypatch):
    recalls = run("embeddings", monkeypatch)["recalls"]
    for bits in (64, 128):
        assert recalls[bits, "vectors kept"] > max(recalls[bits, "codes"], recalls[bits, "asymmetric"])
    assert recalls[128, "codes"] > recalls[64, "codes"]
    assert recalls[128, "vectors kept"] > 0.95


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs_in_the_form_that_jupyter_reads(path):
    book = json.loads(path.read_text())
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in book["cells"]}) == len(book["cells"])
    assert book["cells"][0]["cell_type"] == "markdown"
    for cell in book["cells"]:
        assert set(cell) - {"execution_count", "outputs"} == {"cell_type", "id", "metadata", "source"}
        assert cell["cell_type"] == "markdown" or (cell["outputs"], cell["execution_count"]) == ([], None)
