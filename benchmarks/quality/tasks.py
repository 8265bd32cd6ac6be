"""Data sets of the quality benchmarks: a database, queries, and who is relevant to whom.

Found through HASHRET_DATA or in ../shared/data beside the checkout; `folder` raises `FileNotFoundError` otherwise.
Labels judge. Only peers that choose an epoch by labels are handed any, and those of `validation` at that.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashret.contents import Contents
from hashret.features import Text
from hashret.rows import Rows, Sparse
from hashret.settings import Settings

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
TEN = 10  # neighbours that are asked for
ROUNDING = 1e-6  # of a cosine of float32
DATA = Path(__file__).resolve().parents[2] / "data"  # what this repository carries


@dataclass(frozen=True)
class Part:
    """Entries as hashret is given them (`contents`), as its peers are (`rows`), and their labels bool (n, classes)."""

    contents: Contents
    rows: Rows
    labels: Bools

    def __len__(self) -> int:
        return len(self.contents)


@dataclass(frozen=True)
class Task:
    """`relevant` tells for a block of queries who is: a slice of them -> bool (block, n); `validation` for peers."""

    name: str
    database: Part
    queries: Part
    relevant: Callable[[slice], Bools]
    validation: Part | None = None


def folder() -> Path:
    """The folder of the data sets."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    found = Path(os.environ.get("HASHRET_DATA", beside))
    if not found.is_dir():
        raise FileNotFoundError(f"{found}: no data sets there; set HASHRET_DATA to their folder")
    return found


def newsgroups() -> Task:
    """20 Newsgroups, 10,000 words, published tf-idf: 10,257 train posts, 3,405 test posts as queries."""
    arrays = np.load(folder() / "20newsgroups_bow10k" / "tfidf.npz")
    parts = {}
    for part in ("train", "val", "test"):
        rows = _csr(arrays, part).unit()
        parts[part] = Part(rows, rows, one_hot(arrays[f"{part}_labels"]))
    return labelled("20newsgroups_bow10k", parts["train"], parts["test"], parts["val"])


def reuters() -> Task:
    """Reuters-21578, 10,000 words, 20 topics, several a story: 7,875 train stories, 984 test stories as queries."""
    arrays = np.load(folder() / "reuters21578" / "bow10k_20labels.npz")
    counts = {part: _csr(arrays, part) for part in ("train", "val", "test")}
    documents = np.bincount(counts["train"].indices, minlength=counts["train"].width)
    idf = np.log((1 + len(counts["train"])) / (1 + documents)) + 1
    parts = {}
    for part, rows in counts.items():
        weighted = replace(rows, data=((1 + np.log(rows.data)) * idf[rows.indices]).astype(np.float32)).unit()
        parts[part] = Part(weighted, weighted, arrays[f"{part}_labels"].astype(bool))
    return labelled("reuters21578", parts["train"], parts["test"], parts["val"])


def agnews() -> Task:
    """AG News as strings: 11,967 texts as database, every second text of the official test set (3,800) as a query."""
    rows = _lines("agnews20k/agnews.jsonl.gz")
    train, test = ([row for row in rows if row["split"] == part] for part in ("train", "test"))
    texts = [[f"{row['title']} {row['text']}".strip() for row in part] for part in (train, test[::2], test[1::2])]
    labels = [one_hot(np.array([row["label"] for row in part])) for part in (train, test[::2], test[1::2])]
    features = Text.fit(texts[0], Settings(words=10_000))
    parts = [Part(text, features.transform(text), label) for text, label in zip(texts, labels, strict=True)]
    return labelled("agnews20k", *parts)


def minilm() -> Task:
    """MiniLM embeddings of 20 Newsgroups, 384-d: 11,314 train posts, every fourth of 7,532 test posts as a query."""
    arrays = np.load(folder() / "20newsgroups" / "minilm_l6_v2.npz")
    rows, test = arrays["emb"].astype(np.float32), arrays["is_test"].astype(bool)
    return nearest("minilm", rows[~test], rows[test][::4])


def glove() -> Task:
    """GloVe word vectors, 50-d: 100,000 words, 1,000 others as queries."""
    arrays = np.load(folder() / "glove50" / "glove50.npz")
    return nearest("glove50", arrays["base"].astype(np.float32), arrays["queries"].astype(np.float32))


def fashion() -> Task:
    """Fashion-MNIST: 60,000 train images of 28 x 28, 10,000 test images as queries."""
    arrays = np.load(folder() / "fashion_mnist" / "fashion_mnist.npz")
    parts = []
    for part in ("train", "test"):
        images = arrays[f"x_{part}"]
        pixels = images.reshape(len(images), -1).astype(np.float32) / 255
        parts.append(Part(images, pixels, one_hot(arrays[f"y_{part}"])))
    return labelled("fashion_mnist", *parts)


def digits() -> Task:
    """Digits written by 13 people, 8 x 8, that scikit-learn carries: 1,347 in the database, every fourth a query."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = np.rint(pixels * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8)
    whole = Part(images, (pixels / 16).astype(np.float32), one_hot(labels))
    asked = np.arange(len(images)) % 4 == 0
    return labelled("digits", some(whole, np.flatnonzero(~asked)), some(whole, np.flatnonzero(asked)))


def docstrings() -> Task:
    """Docstrings of the packages installed here, without their names: every tenth asks for others of its package."""
    spec = importlib.util.spec_from_file_location("pydocs", DATA / "pydocs.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"{DATA / 'pydocs.py'}: not there")
    module = importlib.util.module_from_spec(spec)
    sys.modules["pydocs"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    entries = [entry for entry in module.collect() if entry["library"] != "python"]
    texts = [entry["text"].partition("\n")[2].strip() for entry in entries]
    _, libraries = np.unique([entry["library"] for entry in entries], return_inverse=True)
    labels = one_hot(libraries)
    asked = np.arange(len(texts)) % 10 == 0
    near, queries = ([text for text, mine in zip(texts, side, strict=True) if mine] for side in (~asked, asked))
    features = Text.fit(near, Settings(words=10_000))
    database = Part(near, features.transform(near), labels[~asked])
    return labelled("docstrings", database, Part(queries, features.transform(queries), labels[asked]))


def fashion_sample() -> Task:
    """The 2,000 images of Fashion-MNIST in this repository, every tenth a query."""
    arrays = np.load(DATA / "fashion_mnist_2000.npz")
    pixels = arrays["images"].reshape(2000, -1).astype(np.float32) / 255
    whole = Part(arrays["images"], pixels, one_hot(arrays["labels"]))
    asked = np.arange(2000) % 10 == 0
    return labelled("fashion_sample", some(whole, np.flatnonzero(~asked)), some(whole, np.flatnonzero(asked)))


def pixels() -> Task:
    """The same images as vectors: who are the ten of largest cosine?"""
    task = fashion_sample()
    return nearest("pixels", np.asarray(task.database.rows), np.asarray(task.queries.rows))


@dataclass(frozen=True)
class Judged:
    """Texts with real queries and their judgments, float (queries, documents): 0 for what is not relevant."""

    name: str
    documents: list[str]
    queries: list[str]
    gains: NDArray[np.float64]


def judged(name: str) -> Judged:
    """One of cranfield, cisi, npl, cacm; queries without any relevant document are left out."""
    corpus = {row["_id"]: f"{row.get('title', '')} {row['text']}".strip() for row in _lines(f"{name}/corpus.jsonl.gz")}
    asked = {row["_id"]: row["text"] for row in _lines(f"{name}/queries.jsonl.gz")}
    columns, rows = ({key: place for place, key in enumerate(keys)} for keys in (corpus, asked))
    gains = np.zeros((len(asked), len(corpus)))
    for line in (folder() / name / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, score = line.split("\t")
        gains[rows[query], columns[document]] = max(0.0, float(score))
    kept = np.flatnonzero(gains.any(axis=1))
    queries = list(asked.values())
    return Judged(name, list(corpus.values()), [queries[number] for number in kept], gains[kept])


@cache
def posts(strip: tuple[str, ...]) -> dict[str, tuple[list[str], NDArray[np.int64]]]:
    """Texts and groups of 20 Newsgroups by date, "train" and "test", without `strip`: header, footer, quoting."""
    from sklearn.datasets import _twenty_newsgroups as cleaner

    out = {}
    rows = _lines("20newsgroups/20news-bydate.jsonl.gz")
    for part in ("train", "test"):
        some = [row for row in rows if row["split"] == part]
        texts = [row["text"] for row in some]
        for what in strip:
            clean = getattr(cleaner, f"strip_newsgroup_{what}")
            texts = [clean(text) for text in texts]
        out[part] = (texts, np.array([row["label"] for row in some]))
    return out


def one_hot(labels: NDArray[Any]) -> Bools:
    """Class numbers (n,) as bool (n, classes)."""
    hot: Bools = labels[:, None] == np.arange(labels.max() + 1)
    return hot


def some(part: Part, rows: NDArray[np.int64]) -> Part:
    """These entries of a part."""
    return Part(_take(part.contents, rows), _take(part.rows, rows), part.labels[rows])


def _take(contents: Contents, rows: NDArray[np.int64]) -> Any:
    """These entries."""
    if isinstance(contents, Sparse):
        return contents.take(rows)
    return contents[rows] if isinstance(contents, np.ndarray) else [contents[row] for row in rows]


def labelled(name: str, database: Part, queries: Part, validation: Part | None = None) -> Task:
    """Relevant: shares a label."""
    theirs = database.labels.astype(np.float32).T

    def relevant(block: slice) -> Bools:
        return np.asarray(queries.labels[block].astype(np.float32) @ theirs > 0)

    return Task(name, database, queries, relevant, validation)


def nearest(name: str, database: Floats, queries: Floats) -> Task:
    """Relevant: among the ten of largest cosine, or equal to the tenth of these, as copies of a post are."""
    near, asked = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (database, queries))
    none = np.zeros((len(near), 0), dtype=bool)

    def relevant(block: slice) -> Bools:
        scores = asked[block] @ near.T
        return np.asarray(scores >= np.partition(scores, -TEN, axis=1)[:, -TEN, None] - ROUNDING)

    return Task(name, Part(near, near, none), Part(asked, asked, none[: len(asked)]), relevant)


def _lines(path: str) -> list[dict[str, Any]]:
    """The objects of a gzipped JSONL file."""
    with gzip.open(folder() / path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _csr(arrays: Any, part: str) -> Sparse:
    """One part of a stored CSR matrix."""
    indptr, indices = arrays[f"{part}_indptr"].astype(np.int64), arrays[f"{part}_indices"].astype(np.int32)
    return Sparse(indptr, indices, arrays[f"{part}_data"].astype(np.float32), len(arrays["vocab"]))


TEXTS = {"20newsgroups_bow10k": newsgroups, "reuters21578": reuters, "agnews20k": agnews}
VECTORS = {"minilm": minilm, "glove50": glove}
IMAGES = {"fashion_mnist": fashion, "digits": digits}
JUDGED: Sequence[str] = ("cranfield", "cisi", "npl", "cacm")
