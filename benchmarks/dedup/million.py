"""A million entries in one run: `python -m benchmarks.dedup.million [--n 1000000] [--radius 3]`.

Clustered codes as in benchmarks.search.data are stored in a file under a model of embeddings. A fresh process opens it,
finds the duplicates, and writes what is kept, as `hashret dedup FILE -r 3 -o kept.jsonl` does; so for nineteen of
twenty entries to keep, by --target, and for a tenth of them against the file.
Going through the entries one by one says what is right.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.dedup.run import RESULTS
from benchmarks.search import data
from hashret import Engine, Hasher, Settings
from hashret.exchange.export import write_entries

BITS = 64
TASKS = ("dedup", "target", "against")


def fill(path: Path, hasher: Hasher, codes: data.Codes) -> None:
    """A file of these codes."""
    with Engine.create(str(path), hasher) as engine:
        engine.index.add([f"entry/{number}" for number in range(len(codes))], codes)


def child(task: str, folder: Path, radius: int) -> dict[str, Any]:
    """One task, timed; its memory is the largest of this process."""
    start = time.perf_counter()
    with Engine.open(str(folder / "all.db")) as engine:
        opened = time.perf_counter() - start
        if task == "against":
            with Engine.open(str(folder / "part.db")) as part:
                found = part.leaks(engine, radius)
        else:
            target = len(engine) * 19 // 20 if task == "target" else None
            found = engine.dedup(radius, target=target)
        taken = time.perf_counter() - start
        kept = write_entries(folder / "kept.jsonl", found.rows())
        if task == "dedup":
            np.save(folder / "kept.npy", found.kept)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    whole, used = time.perf_counter() - start, time.process_time()
    return {
        "task": task,
        "entries": len(found.ids),
        "kept": kept,
        "open": round(opened, 1),
        "found": round(taken, 1),
        "written": round(whole, 1),
        "processor": round(used, 1),
        "peak_mb": round(peak),
    }


def wrong(codes: data.Codes, kept: Any, radius: int) -> tuple[int, int]:
    """How many pairs there are, and for how many entries going through them one by one keeps another."""
    from hashret import Index

    with Index.create(":memory:", BITS) as index:
        index.add([str(number) for number in range(len(codes))], codes)
        parts = [(chunk.left - 1, chunk.right - 1) for chunk in index.pairs(radius)]
    left, right = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
    order = np.argsort(right, kind="stable")
    earlier, ends = left[order], np.cumsum(np.bincount(right, minlength=len(codes)))
    heads = np.arange(len(codes))
    for one, near in enumerate(np.split(earlier, ends[:-1])):
        heads[one] = min((other for other in near.tolist() if heads[other] == other), default=one)
    return len(left), int(np.count_nonzero(heads + 1 != kept))


def measure(n: int, radius: int, folder: Path) -> list[dict[str, Any]]:
    """Every task, each in a process of its own."""
    vectors = np.random.default_rng(0).normal(size=(500, 64)).astype(np.float32)
    hasher = Hasher.fit(vectors, Settings(bits=BITS, steps=20))
    codes = data.codes("clustered", BITS, n)[0]
    fill(folder / "all.db", hasher, codes)
    fill(folder / "part.db", hasher, codes[::10])
    rows = []
    for task in TASKS:
        words = [sys.executable, "-m", "benchmarks.dedup.million", "--child", task, str(folder)]
        done = subprocess.run([*words, "--radius", str(radius)], check=True, capture_output=True, text=True)
        rows.append({"n": n, "radius": radius, **json.loads(done.stdout.splitlines()[-1])})
        print(rows[-1], flush=True)
    rows[0]["pairs"], rows[0]["wrong"] = wrong(codes, np.load(folder / "kept.npy"), radius)
    return rows


def main() -> None:
    """Measure and store."""
    parser = argparse.ArgumentParser(description="A million entries in one run")
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--radius", type=int, default=3)
    parser.add_argument("--child", nargs=2, metavar=("TASK", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.child[0], Path(options.child[1]), options.radius)))
        return
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(options.n, options.radius, Path(folder))
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "million.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
