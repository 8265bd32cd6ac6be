"""Tie-aware P@100 of hashret's codes beside LSA + ITQ on two text sets.

    python benchmarks/codes.py [--bits 32] [--seeds 0] [--table]

A run stores every method's codes as benchmarks/results/codes/*.npz; the table is made from those files alone
(`--table` makes it without running anything) and written to benchmarks/results/codes.md. No method sees a label.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from baselines import itq
from datasets import Task, agnews, newsgroups
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import normalize

from hashret.evaluate import precision_at
from hashret.features import Sparse
from hashret.hasher import Hasher
from hashret.settings import Settings
from indexer.bits import pack, unpack

RESULTS = Path(__file__).parent / "results"
Pair = tuple[NDArray[np.float32], NDArray[np.float32]]


def lsa_itq(task: Task, bits: int, seed: int) -> Pair:
    """Latent semantic analysis to `bits` dimensions, then iterative quantization (Gong and Lazebnik 2011)."""
    svd = TruncatedSVD(bits, random_state=seed)
    points = normalize(svd.fit_transform(_scipy(task.database)))
    queries = normalize(svd.transform(_scipy(task.queries)))
    turn = itq(points, seed)
    return turn(points), turn(queries)


def hashret(task: Task, bits: int, seed: int) -> Pair:
    """The learner of this package with its default settings."""
    hasher = Hasher.fit(task.database, Settings(bits=bits, seed=seed))
    return hasher.logits(task.database), hasher.logits(task.queries)


METHODS = {"LSA + ITQ": lsa_itq, "hashret": hashret}


def run(task: Task, bits: int, seed: int) -> None:
    """Every method on one set; codes, query logits and seconds go to files."""
    (RESULTS / "codes").mkdir(parents=True, exist_ok=True)
    for name, method in METHODS.items():
        start = time.perf_counter()
        database, queries = method(task, bits, seed)
        seconds = time.perf_counter() - start
        path = RESULTS / "codes" / f"{task.name}.{bits}.{seed}.{name.replace(' ', '')}.npz"
        np.savez_compressed(path, codes=pack(database > 0), queries=queries.astype(np.float32), seconds=seconds)
        print(f"{task.name} {bits} bits seed {seed} {name}: {seconds:.1f} s", flush=True)


def table(tasks: list[Task]) -> str:
    """Markdown table of every stored result: symmetric, worst tie order, asymmetric, seconds; medians over seeds."""
    lines = ["| set | bits | method | P@100 | worst ties | asymmetric | seconds |", "|---|---|---|---|---|---|---|"]
    for task in tasks:
        found: dict[tuple[int, str], list[list[float]]] = {}
        for path in sorted((RESULTS / "codes").glob(f"{task.name}.*.npz")):
            bits, _, name = path.stem.removeprefix(f"{task.name}.").split(".")
            found.setdefault((int(bits), name), []).append(score(task, np.load(path)))
        for (bits, name), rows in sorted(found.items()):
            symmetric, worst, asymmetric, seconds = np.median(rows, axis=0)
            figures = f"{symmetric:.3f} | {worst:.3f} | {asymmetric:.3f} | {seconds:.1f}"
            lines.append(f"| {task.name} | {bits} | {name} | {figures} |")
    return "\n".join(lines)


def score(task: Task, stored: dict[str, NDArray[np.float32]]) -> list[float]:
    """The figures of one stored run."""
    signs = unpack(stored["codes"]).astype(np.float32) * 2 - 1
    logits = stored["queries"]
    hamming = -(np.where(logits > 0, 1, -1).astype(np.float32) @ signs.T)
    soft = -(np.tanh(logits) @ signs.T)
    parts = (
        precision_at(hamming, task.relevant, 100),
        precision_at(hamming, task.relevant, 100, worst=True),
        precision_at(soft, task.relevant, 100),
    )
    return [*(float(part.mean()) for part in parts), float(stored["seconds"])]


def _scipy(rows: Sparse) -> csr_matrix:
    """The same rows for scikit-learn."""
    return csr_matrix((rows.data, rows.indices, rows.indptr), shape=(len(rows), rows.width))


def main() -> None:
    """Run, then print and store the table."""
    parser = argparse.ArgumentParser(description="P@100 of hashret and LSA + ITQ")
    parser.add_argument("--bits", type=int, nargs="+", default=[32])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--table", action="store_true", help="only make the table from stored results")
    options = parser.parse_args()
    tasks = [newsgroups(), agnews()]
    for task in tasks:
        for bits in options.bits:
            for seed in () if options.table else options.seeds:
                run(task, bits, seed)
    text = table(tasks)
    (RESULTS / "codes.md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
