import json
import shutil

import numpy as np
import pytest
from PIL import Image

from hashret.engine import Engine
from tests.hashret.terminal import run


def pictures(folder, count):
    """Images of 9 x 9 pixels with a bright left or right side, and one that is dark."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number in range(count):
        pixels = rng.integers(0, 30, (9, 9), dtype=np.uint8)
        pixels[:, slice(0, 4) if number % 2 else slice(4, 9)] += 200
        Image.fromarray(pixels).save(folder / f"{number}.png")
    Image.fromarray(np.eye(9, dtype=np.uint8) * 255).save(folder / "odd.png")
    return folder


def test_anomaly_finds_what_is_unlike_the_training_data(tmp_path, stored):
    (tmp_path / "new.jsonl").write_text(
        '{"id": "usual", "text": "moon rocket orbit launch"}\n{"id": "odd", "text": "moon bread goal bank flour"}\n'
    )
    out, _ = run("anomaly", stored, tmp_path / "new.jsonl")
    found = [json.loads(line) for line in out.splitlines()]
    assert [(one["key"], one["quantile"]) for one in found] == [("odd", 1.0)]
    assert list(found[0]) == ["key", "error", "quantile", "content", "meta"]
    shown = run("anomaly", stored, "-k", 2, "--quantile", 0)[0]
    with Engine.open(stored) as engine:
        assert [json.loads(line)["key"] for line in shown.splitlines()] == [one.key for one in engine.anomalies(k=2)]
    (tmp_path / "usual.txt").write_text("moon rocket orbit launch")
    assert run("anomaly", stored, tmp_path / "usual.txt", "--quantile", 1, code=1)[0] == ""


def test_denoise_writes_images_and_tells_the_gain(tmp_path):
    db, folder = tmp_path / "p.db", pictures(tmp_path / "pics", 40)
    options = ("--kind", "denoising", "--corruption", "gaussian", "--noise", 0.3, "--hidden", "32", "--image-size", 9)
    run("index", db, folder, *options, "--bits", 16, "--steps", 300, "--batch", 16)
    out, _ = run("denoise", db, folder / "3.png", folder / "4.png", "-o", tmp_path / "out", "--noise", 0.3)
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["path"] for row in rows] == [str(tmp_path / "out" / name) for name in ("3.png", "4.png")]
    for row in rows:
        assert row["gained"] == pytest.approx(row["after"] - row["before"])
        assert row["gained"] > 3
        with Image.open(row["path"]) as image:
            back = np.asarray(image).astype(float) / 255
        with Image.open(row["key"]) as image:
            clean = np.asarray(image).astype(float) / 255
        assert -10 * np.log10(((back - clean) ** 2).mean()) == pytest.approx(row["after"], abs=0.1)
    out, _ = run("denoise", db, folder / "3.png", "-o", tmp_path / "out")
    assert json.loads(out)["gained"] is None
    shutil.copy(folder / "3.png", tmp_path / "3.png")
    _, err = run("denoise", db, folder / "3.png", tmp_path / "3.png", "-o", tmp_path / "out", code=2)
    path = tmp_path / "out" / "3.png"
    assert err == f"Error: {tmp_path / '3.png'}: another image is written as {path}: give each a name of its own\n"


def test_denoise_is_for_images(stored, tmp_path):
    (tmp_path / "a.txt").write_text("moon")
    _, err = run("denoise", stored, tmp_path / "a.txt", "-o", tmp_path, code=2)
    assert err == "Error: only images are denoised: the model encodes text\n"


def test_denoise_takes_images_and_stays_in_its_folder(tmp_path, monkeypatch):
    db, folder = tmp_path / "p.db", pictures(tmp_path / "pics", 40)
    run("index", db, folder, "--kind", "plain", "--image-size", 9, "--bits", 16, "--steps", 5, "--batch", 16)
    (tmp_path / "a.txt").write_text("moon")
    np.save(tmp_path / "a.npy", np.zeros((2, 9), np.float32))
    for name, key in (("a.txt", "a.txt"), ("a.npy", "a.npy:0")):
        _, err = run("denoise", db, tmp_path / name, "-o", tmp_path / "out", code=2)
        assert err.endswith(f"{key}: is no image: give .png or .jpg files\n")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    run("denoise", db, "../pics/3.png", "-o", "out")
    assert [str(path) for path in (tmp_path / "here").rglob("*.png")] == [str(tmp_path / "here" / "out" / "3.png")]


def test_denoise_writes_over_nothing_but_what_it_wrote(tmp_path, monkeypatch):
    db, folder = tmp_path / "p.db", pictures(tmp_path / "pics", 40)
    run("index", db, folder, "--kind", "plain", "--image-size", 9, "--bits", 16, "--steps", 5, "--batch", 16)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.chdir(folder)
    _, err = run("denoise", db, "3.png", "-o", ".", code=2)
    assert err == "Error: 3.png: is there and was not written by hashret: give another folder\n"
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "4.png").write_text("no picture")
    _, err = run("denoise", db, "4.png", "-o", tmp_path / "out", code=2)
    assert err == f"Error: {tmp_path}/out/4.png: is there and was not written by hashret: give another folder\n"
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    run("denoise", db, "3.png", "-o", tmp_path / "out")
    first = (tmp_path / "out" / "3.png").read_bytes()
    run("denoise", db, "3.png", "-o", tmp_path / "out", "--noise", 0.5)
    assert (tmp_path / "out" / "3.png").read_bytes() != first
