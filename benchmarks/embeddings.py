"""Share of the exact cosine top 10 found among the first 100 by code, beside PCA + ITQ.

    python benchmarks/embeddings.py [--bits 64 128] [--seed 0] [--table]

MiniLM embeddings of 20 Newsgroups, 384-d: 11,314 train posts as database, every fourth of 7,532 test posts as a query.
Codes go to benchmarks/results/codes/, the table made from them to benchmarks/results/embeddings.md. Ties at the 100th
place count by their expectation.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from baselines import Floats, itq
from datasets import folder

from hashret.evaluate import precision_at
from hashret.hasher import Hasher
from hashret.settings import Settings
from indexer.bits import pack, unpack

RESULTS = Path(__file__).parent / "results"


def pca_itq(database: Floats, queries: Floats, bits: int, seed: int) -> tuple[Floats, Floats]:
    """Principal components, then iterative quantization."""
    mean = database.mean(0)
    axes = np.linalg.svd((database - mean).T @ (database - mean))[0][:, :bits]
    points, asked = (database - mean) @ axes, (queries - mean) @ axes
    turn = itq(points, seed)
    return turn(points) / points.std(), turn(asked) / points.std()


def hashret(database: Floats, queries: Floats, bits: int, seed: int) -> tuple[Floats, Floats]:
    """The learner of this package with its default settings."""
    hasher = Hasher.fit(database, Settings(bits=bits, seed=seed))
    return hasher.logits(database), hasher.logits(queries)


def table(database: Floats, queries: Floats) -> str:
    """Markdown table of the stored runs."""
    near = np.argpartition(-(queries @ database.T), 10, axis=1)[:, :10]
    relevant = np.zeros((len(queries), len(database)), dtype=bool)
    np.put_along_axis(relevant, near, True, axis=1)
    lines = ["| MiniLM 384-d | bits | symmetric | asymmetric | seconds |", "|---|---|---|---|---|"]
    for path in sorted((RESULTS / "codes").glob("minilm.*.npz"), key=lambda path: (int(path.name.split(".")[1]), path)):
        _, bits, name, _ = path.name.split(".")
        stored = np.load(path)
        signs, logits = unpack(stored["codes"]).astype(np.float32) * 2 - 1, stored["queries"]
        hamming = -(np.where(logits > 0, 1, -1).astype(np.float32) @ signs.T)
        shares = [precision_at(part, relevant, 100).mean() * 10 for part in (hamming, -(np.tanh(logits) @ signs.T))]
        lines.append(f"| {name} | {bits} | {shares[0]:.3f} | {shares[1]:.3f} | {float(stored['seconds']):.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Run, then print and store the table."""
    parser = argparse.ArgumentParser(description="Neighbours of embeddings found by codes")
    parser.add_argument("--bits", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", action="store_true", help="only make the table from stored results")
    options = parser.parse_args()
    arrays = np.load(folder() / "20newsgroups" / "minilm_l6_v2.npz")
    rows, test = arrays["emb"].astype(np.float32), arrays["is_test"].astype(bool)
    database, queries = rows[~test], rows[test][::4]
    (RESULTS / "codes").mkdir(parents=True, exist_ok=True)
    for bits in () if options.table else options.bits:
        for name, method in (("PCA+ITQ", pca_itq), ("hashret", hashret)):
            start = time.perf_counter()
            codes, asked = method(database, queries, bits, options.seed)
            seconds = time.perf_counter() - start
            path = RESULTS / "codes" / f"minilm.{bits}.{name}.npz"
            np.savez_compressed(path, codes=pack(codes > 0), queries=asked.astype(np.float32), seconds=seconds)
    text = table(database, queries)
    (RESULTS / "embeddings.md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
