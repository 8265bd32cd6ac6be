"""Rates of the store: adding codes, loading them, and a first query by a fresh process.

    python benchmarks/store.py [--codes 1000000] [--bits 64] [--runs 3]

Codes are random bits of a fixed seed; keys are short texts. Each figure is the median of the runs, on one core.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

os.environ["OMP_NUM_THREADS"] = "1"  # before faiss is loaded, here and in the processes started below

from indexer import Index

NAMES = {
    "add": "add, one call into a new file: codes/s",
    "more": "add, one call of a tenth more: codes/s",
    "load": "load all segments: ms",
    "scan": "import, open, first k = 10: ms",
    "bucket": "import, open, first look-up by the database: ms",
    "bytes": "file: bytes an entry",
}
FRESH = """
import sys, numpy as np
from indexer import Index
with Index.open(sys.argv[1]) as index:
    code = np.frombuffer(bytes.fromhex(sys.argv[2]), dtype=np.uint8)
    found = index.search(code, 10) if sys.argv[3] == "scan" else index.within(code, 0)
assert len(found.ids)
"""


def fresh(path: str, code: np.ndarray, way: str) -> float:
    """Milliseconds of a whole process that opens the file and answers one query."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", FRESH, path, code.tobytes().hex(), way], check=True)
    return (time.perf_counter() - start) * 1e3


def run(count: int, bits: int) -> dict[str, float]:
    """One file from nothing, timed step by step."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (count + count // 10, bits // 8), dtype=np.uint8)
    keys = [f"doc/{number}" for number in range(len(codes))]
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "codes.db")
        with Index.create(path, bits) as index:
            begin = time.perf_counter()
            index.add(keys[:count], codes[:count])
            added = time.perf_counter() - begin
        size = Path(path).stat().st_size
        fresh_ms = {way: fresh(path, codes[0], way) for way in ("scan", "bucket")}
        with Index.open(path) as index:
            begin = time.perf_counter()
            index.store.segments({})
            loaded = time.perf_counter() - begin
            begin = time.perf_counter()
            index.add(keys[count:], codes[count:])
            more = time.perf_counter() - begin
    rates = {"add": count / added, "more": (len(codes) - count) / more}
    return {**rates, "load": loaded * 1e3, **fresh_ms, "bytes": size / count}


def main() -> None:
    """Run, and print medians as a table."""
    parser = argparse.ArgumentParser(description="Rates of the store")
    parser.add_argument("--codes", type=int, default=1_000_000)
    parser.add_argument("--bits", type=int, default=64)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    found = [run(options.codes, options.bits) for _ in range(options.runs)]
    lines = [f"| {options.codes:,} codes of {options.bits} bits | median |", "|---|---|"]
    lines += [f"| {name} | {median(one[key] for one in found):,.0f} |" for key, name in NAMES.items()]
    print("\n".join(lines))


if __name__ == "__main__":
    main()
