"""Data sets of the quality benchmarks: database rows, query rows, and who is relevant to whom.

Found through HASHRET_DATA or in ../shared/data beside the checkout; `folder` raises `FileNotFoundError` otherwise.
Labels are used to judge and for nothing else.
"""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashret.features import Sparse, Text
from hashret.settings import Settings


@dataclass(frozen=True)
class Task:
    """Unit-length tf-idf rows of database and queries, and relevance bool (queries, database)."""

    name: str
    database: Sparse
    queries: Sparse
    relevant: NDArray[np.bool_]


def folder() -> Path:
    """The folder of the data sets."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    found = Path(os.environ.get("HASHRET_DATA", beside))
    if not found.is_dir():
        raise FileNotFoundError(f"{found}: no data sets there; set HASHRET_DATA to their folder")
    return found


def newsgroups() -> Task:
    """20 Newsgroups, 10,000 words, published tf-idf: 10,257 train posts, 3,405 test posts as queries."""
    arrays = np.load(folder() / "20newsgroups_bow10k" / "tfidf.npz")
    relevant = arrays["test_labels"][:, None] == arrays["train_labels"]
    return Task("20newsgroups_bow10k", _csr(arrays, "train").unit(), _csr(arrays, "test").unit(), relevant)


def agnews() -> Task:
    """AG News, 11,967 texts as database, every second text of the official test set (3,800) as a query."""
    with gzip.open(folder() / "agnews20k" / "agnews.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    parts = {part: [row for row in rows if row["split"] == part] for part in ("train", "test")}
    parts["test"] = parts["test"][::2]
    texts = {part: [f"{row['title']} {row['text']}".strip() for row in parts[part]] for part in parts}
    labels = {part: np.array([row["label"] for row in parts[part]]) for part in parts}
    features = Text.fit(texts["train"], Settings(words=10_000))
    relevant = labels["test"][:, None] == labels["train"]
    return Task("agnews20k", features.transform(texts["train"]), features.transform(texts["test"]), relevant)


def _csr(arrays: dict[str, NDArray[np.generic]], part: str) -> Sparse:
    """One part of a stored CSR matrix."""
    indptr, indices = arrays[f"{part}_indptr"].astype(np.int64), arrays[f"{part}_indices"].astype(np.int32)
    return Sparse(indptr, indices, arrays[f"{part}_data"].astype(np.float32), len(arrays["vocab"]))
