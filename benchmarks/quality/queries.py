"""Real queries with judgments (cranfield, cisi, npl, cacm): `python -m benchmarks.quality.queries [--seed 0]`.

A tenth of the collection, nearest by code, is ranked by word scores; beside it the same scores of every document.
tf-idf is hashret's own over every word (min_count 1: a name that occurs once is what some queries ask for); BM25 is
that of bm25s with its defaults and no stop words. Documents outside the shortlist follow by asymmetric score.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.peers.shallow import as_scipy
from benchmarks.quality.results import Codes, Run, as_signs, load, make, write
from benchmarks.quality.scoring import hamming
from benchmarks.quality.tasks import JUDGED, Judged, judged
from hashret.evaluate import ndcg_at, recall_at
from hashret.evaluate.baselines import itq
from hashret.features import Text
from hashret.hasher import Hasher
from hashret.rows import Sparse
from hashret.scores import combined
from hashret.settings import Settings
from indexer.bits import distances

Scores = NDArray[np.floating[Any]]
WIDTHS, SHARE = (64, 128), 0.1
FAR = 1e6  # below any score of a document that was shortlisted


def learn(task: Judged, bits: int, seed: int) -> Codes:
    """Codes of the documents and values of the queries, by a model of the documents."""
    hasher = Hasher.fit(task.documents, Settings(bits=bits, seed=seed))
    return Codes.learned(hasher, task.documents, task.queries)


def rows(task: Judged) -> tuple[Sparse, Sparse]:
    """Documents and queries as tf-idf rows."""
    features = Text.fit(task.documents, Settings(min_count=1))
    return features.transform(task.documents), features.transform(task.queries)


def tf_idf(documents: Sparse, queries: Sparse) -> Scores:
    """Cosines (queries, documents)."""
    return np.asarray((as_scipy(queries) @ as_scipy(documents).T).toarray())


def lsa_itq(documents: Sparse, queries: Sparse, bits: int, seed: int) -> Scores:
    """Distances (queries, documents) of ITQ's codes of principal components."""
    projection = itq(documents, bits, seed)
    return distances(projection.encode(queries), projection.encode(documents))


def bm25(task: Judged) -> Scores:
    """BM25 scores (queries, documents)."""
    import bm25s

    quiet = {"stopwords": None, "show_progress": False}
    index = bm25s.BM25()
    index.index(bm25s.tokenize(task.documents, **quiet), show_progress=False)
    return np.stack([index.get_scores(words) for words in bm25s.tokenize(task.queries, return_ids=False, **quiet)])


def shortlisted(near: Scores, scores: Scores, rest: Scores, share: float = SHARE) -> Scores:
    """Distances by which the `share` of documents of least `near` come first, by `scores`, the others by `rest`.

    Ties at the end of the shortlist go to the documents that come first, so that it is as long as it says.
    """
    count = int(share * near.shape[1])
    inside = np.zeros(near.shape, dtype=bool)
    np.put_along_axis(inside, np.argsort(near, axis=1, kind="stable")[:, :count], True, axis=1)
    return np.where(inside, -scores, FAR - rest)


def ways(task: Judged, seed: int) -> dict[str, Scores]:
    """Distances (queries, documents) of every way to rank."""
    tfidf = rows(task)
    words = {"tf-idf": tf_idf(*tfidf), "BM25": bm25(task)}
    found = {f"{name} of every document": -scores for name, scores in words.items()}
    everyone = slice(0, len(task.queries))
    for bits in WIDTHS:
        codes = load(Run(task.name, "hashret", bits, seed))[0]
        if not isinstance(codes, Codes):
            raise TypeError(f"{task.name}: no codes are stored")
        soft = codes.queries @ as_signs(codes.codes).T / np.abs(codes.queries).sum(1, keepdims=True)
        found[f"{bits}-bit codes alone, Hamming"] = far = hamming(codes, everyone)
        found[f"{bits}-bit codes alone, asymmetric"] = -soft
        found[f"{bits}-bit codes of LSA+ITQ alone, Hamming"] = lsa_itq(*tfidf, bits, seed)
        for name, scores in words.items():
            found[f"{name} of the tenth by {bits} bits, Hamming"] = shortlisted(far, scores, soft)
            found[f"{name} of the tenth by {bits} bits, asymmetric"] = shortlisted(-soft, scores, soft)
        both = combined("text", words["tf-idf"], soft)
        found[f"tf-idf + asymmetric of the tenth by {bits} bits, asymmetric"] = shortlisted(-soft, both, soft)
    return found


def table(figures: dict[str, dict[str, tuple[float, float]]]) -> str:
    """Rows of nDCG@10 and recall@100 for each way to rank, a column for each collection."""
    lines = [f"| nDCG@10 / recall@100 | {' | '.join(figures)} |", "|---" * (len(figures) + 1) + "|"]
    for way in next(iter(figures.values())):
        cells = (f"{found[way][0]:.3f} / {found[way][1]:.3f}" for found in figures.values())
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Learn what is not stored, then write the table."""
    parser = argparse.ArgumentParser(description="Real queries with judgments")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--force", action="store_true", help="learn again what is stored")
    options = parser.parse_args()
    figures: dict[str, dict[str, tuple[float, float]]] = {}
    for name in JUDGED:
        task = judged(name)
        for bits in WIDTHS:
            run = Run(name, "hashret", bits, options.seed)
            make(run, lambda task=task, bits=bits: learn(task, bits, options.seed), options.force)
        figures[name] = {
            way: (float(ndcg_at(far, task.gains, 10).mean()), float(recall_at(far, task.gains > 0, 100).mean()))
            for way, far in ways(task, options.seed).items()
        }
    write("queries", table(figures))


if __name__ == "__main__":
    main()
