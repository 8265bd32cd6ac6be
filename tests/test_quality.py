"""Floors under the quality of codes; no label is seen but by the metric. `make bench-quality` has the whole story."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.quality import peers, tables, tasks
from benchmarks.quality.results import RESULTS
from benchmarks.quality.scoring import found_of_ten, mean, precision_100
from hashret.evaluate import average_precision


def data_is_there() -> bool:
    try:
        tasks.folder()
    except FileNotFoundError:
        return False
    return True


@pytest.mark.parametrize(("asked", "made"), [([], ["text", "vectors", "rerank", "images"]), (["images"], ["images"])])
def test_tables_are_what_is_noted(monkeypatch, asked, made):
    written = {}
    monkeypatch.setattr(tables, "write", lambda name, text: written.update({name: text.rstrip() + "\n"}))
    monkeypatch.setattr(sys, "argv", ["tables", *asked])
    tables.main()
    assert list(written) == made
    for name, text in written.items():
        assert (RESULTS / f"{name}.md").read_text(encoding="utf-8") == text


@pytest.mark.slow
@pytest.mark.skipif(not data_is_there(), reason="no data sets: set HASHRET_DATA to their folder")
@pytest.mark.parametrize(
    ("load", "margin", "floor"),
    [(tasks.newsgroups, 0.15, 0.54), (tasks.agnews, 0.2, 0.795), (tasks.reuters, 0.03, 0.86)],
)
def test_32_bits_beat_lsa_itq_by_far(load, margin, floor):
    task = load()
    ours, theirs = (mean(task, peers.TEXTS[name](task, 32, 0), precision_100) for name in ("hashret", "LSA+ITQ"))
    assert ours >= max(theirs + margin, floor)


@pytest.mark.slow
@pytest.mark.skipif(not data_is_there(), reason="no data sets: set HASHRET_DATA to their folder")
def test_64_bits_of_embeddings_find_more_neighbours_than_itq():
    task = tasks.minilm()
    ours, theirs = (peers.VECTORS[name](task, 64, 0) for name in ("hashret", "ITQ"))
    for soft in (False, True):
        assert mean(task, ours, found_of_ten, soft=soft) > mean(task, theirs, found_of_ten, soft=soft) + 0.02


@pytest.mark.slow
def test_32_bits_of_digits_put_a_kind_together():
    task = tasks.digits()
    ours, theirs = (peers.IMAGES[name](task, 32, 0) for name in ("hashret-mlp", "ITQ"))
    assert mean(task, ours, average_precision) > max(mean(task, theirs, average_precision) + 0.1, 0.79)


@pytest.mark.slow
def test_the_smoke_run_of_the_benchmarks():
    root = Path(__file__).resolve().parents[1]
    run = subprocess.run([sys.executable, "-m", "benchmarks.quality.smoke"], cwd=root, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "fashion_sample 32 bits float-L2" in run.stdout
