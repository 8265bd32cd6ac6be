"""The data that comes with hashret: the corpus of Python's documentation and the sample of images."""

import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

DATA = Path(__file__).parent.parent / "data"


def load_pydocs():
    spec = importlib.util.spec_from_file_location("pydocs", DATA / "pydocs.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["pydocs"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


pydocs = load_pydocs()


@pytest.fixture(scope="module")
def corpus():
    return {entry["id"]: entry for entry in pydocs.collect()}


def test_the_corpus_is_of_the_promised_size(corpus):
    assert 10_000 <= len(corpus) <= 15_000
    sizes = Counter(entry["library"] for entry in corpus.values())
    assert sizes.pop("python") > 5_000
    assert max(sizes.values()) == pydocs.LIBRARY_CAP
    assert {"numpy", "torch", "sqlalchemy", "click", "rich", "pillow"} <= set(sizes)


def test_every_entry_has_the_same_fields_and_begins_with_its_name(corpus):
    for name, entry in corpus.items():
        assert list(entry) == ["id", "text", "module", "kind", "library"]
        assert entry["text"].startswith(f"{name}\n\n")
        assert entry["kind"] in ("module", "class", "function", "method")
        assert name == entry["module"] or name.startswith(entry["module"] + ".")


def test_no_text_comes_twice_and_no_name_is_private(corpus):
    bodies = [entry["text"].split("\n\n", 1)[1] for entry in corpus.values()]
    assert len(set(bodies)) == len(bodies)
    assert not [name for name in corpus if any(part.startswith("_") for part in name.split("."))]


@pytest.mark.parametrize(
    ("name", "kind", "library", "beginning"),
    [
        ("shutil", "module", "python", "Utility functions for copying and archiving files and directory trees."),
        ("shutil.copytree", "function", "python", "Recursively copy a directory tree"),
        ("json.dumps", "function", "python", "Serialize ``obj`` to a JSON formatted ``str``."),
        ("json.JSONEncoder.iterencode", "method", "python", "Encode the given object and yield each string"),
        ("math.gcd", "function", "python", "Greatest Common Divisor."),
        ("itertools.chain", "class", "python", "chain(*iterables)"),
        ("builtins.list.append", "method", "python", "Append object to the end of the list."),
        ("os.listdir", "function", "python", "Return a list containing the names of the files"),
        ("datetime.datetime.isoformat", "method", "python", ""),
        ("numpy.mean", "function", "numpy", "Compute the arithmetic mean along the specified axis."),
        ("torch.nn.Linear", "class", "torch", ""),
        ("sqlalchemy.orm.Session", "class", "sqlalchemy", "Manages persistence operations for ORM-mapped objects."),
        ("click.Command", "class", "click", ""),
    ],
)
def test_known_entries_have_their_text_kind_and_library(corpus, name, kind, library, beginning):
    entry = corpus[name]
    assert (entry["kind"], entry["library"]) == (kind, library)
    assert entry["text"].startswith(f"{name}\n\n{beginning}")


def test_the_order_is_the_same_each_time():
    first, second = (list(pydocs.library(pydocs.Collector(), "click")) for _ in range(2))
    assert first == second
    assert len(first) > 100


def test_names_from_private_modules_get_their_shortest_public_name(tmp_path):
    inner = tmp_path / "pack" / "_inside"
    inner.mkdir(parents=True)
    doc = '"""A sentence that is long enough to be kept."""'
    (tmp_path / "pack" / "__init__.py").write_text("from ._inside import *\nfrom json import dumps\n")
    (inner / "__init__.py").write_text("from .deep import Thing, _hidden\n")
    body = f"class Thing:\n    def use(self):\n        {doc.replace('A', 'Another', 1)}\n    {doc}\n    x = 1\n"
    (inner / "deep.py").write_text(f"class Thing:\n    {doc}\n{body.split(chr(10), 1)[1]}def _hidden():\n    {doc}\n")
    found = list(pydocs.Collector().from_sources(pydocs.Sources([tmp_path]), ["pack"], "pack"))
    assert [(entry["id"], entry["kind"], entry["module"]) for entry in found] == [
        ("pack.Thing", "class", "pack"),
        ("pack.Thing.use", "method", "pack"),
    ]


def test_without_hashret_all_that_is_installed_is_taken():
    everything = pydocs.needed("no-such-distribution")
    assert everything == sorted(everything)
    assert {"numpy", "pytest", "click"} <= set(everything)
    assert "pytest" not in pydocs.needed()


def test_the_program_writes_json_lines_and_counts(tmp_path, capsys, monkeypatch):
    entry = {"id": "a.b", "text": "a.b\n\nWhat b is.", "module": "a", "kind": "function", "library": "lib"}
    monkeypatch.setattr(pydocs, "collect", lambda: iter([entry]))
    pydocs.main(str(tmp_path / "out.jsonl"))
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()] == [entry]
    assert capsys.readouterr().err == "     1  lib\n     1  in all\n"


def test_the_sample_holds_two_hundred_images_of_each_class():
    path = DATA / "fashion_mnist_2000.npz"
    assert path.stat().st_size < 1_500_000
    with np.load(path, allow_pickle=False) as sample:
        images, labels, classes = sample["images"], sample["labels"], sample["classes"]
    assert (images.shape, images.dtype) == ((2000, 28, 28), np.uint8)
    assert np.bincount(labels).tolist() == [200] * 10
    assert classes.tolist()[0::9] == ["T-shirt/top", "Ankle boot"]
    assert len(np.unique(images.reshape(2000, -1), axis=0)) == 2000
    # Trousers are tall and narrow, bags fill their frame: the labels belong to the images.
    assert images[labels == 1, :, :6].mean() < 10 < images[labels == 8, :, :6].mean()


def test_the_licence_lies_beside_the_sample():
    text = (DATA / "FASHION-MNIST-LICENSE.txt").read_text(encoding="utf-8")
    assert text.startswith("The MIT License (MIT) Copyright © [2017] Zalando SE, https://tech.zalando.com\n")
    assert "WITHOUT WARRANTY OF ANY KIND" in text
