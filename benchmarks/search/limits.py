"""What the machine allows: `python -m benchmarks.search.limits [--n 10000000]`.

scan      bytes a second that our linear scan compares, beside the speed at which one core reads memory
threads   queries a second with one and with two threads that call the index at once, each call on one thread
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Barrier

import numpy as np

from benchmarks.search import alone, data, store
from benchmarks.search.peers.ours import filled, warm
from benchmarks.search.questions import Question
from indexer import Index
from indexer.bits import Codes
from indexer.kernels.search import SCAN
from indexer.multi import Multi

MODULE, BITS, TURNS = "benchmarks.search.limits", 64, 9
READ = 1 << 29  # bytes, well above any cache
QUESTIONS = ("r3", "k10")


RADIUS = 12  # bits that a scan looks within: hardly a uniform code is so near, so that reading is what is timed


def scan(index: Index, query: Codes) -> object:
    """One linear scan over all codes, which the planner would not choose for so small a radius."""
    table = index._memory.current()
    return table.ask(query, 0, RADIUS, SCAN) if isinstance(table, Multi) else table.within(query, RADIUS)


def readers() -> dict[str, Callable[[np.ndarray], object]]:
    """Ways to read every word of an array once."""
    found: dict[str, Callable[[np.ndarray], object]] = {"NumPy sum": np.sum, "NumPy xor": np.bitwise_xor.reduce}
    if find_spec("numba"):
        import numba

        @numba.njit
        def folded(array: np.ndarray) -> int:
            """The xor of a uint64 array."""
            out = np.uint64(0)
            for place in range(len(array)):
                out ^= array[place]
            return out

        found["numba xor"] = folded
    return found


def bandwidth() -> store.Row:
    """Gigabytes a second of the fastest of some reads of half a gigabyte, and what made it."""
    array, ways = np.ones(READ // 8, dtype=np.uint64), readers()
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(TURNS + 1):  # a first turn compiles
        for name, read in ways.items():
            times[name].append(alone.seconds(partial(read, array)))
    best = min(times, key=lambda name: min(times[name]))
    return {"what": "read", "by": best, "bytes": READ, "gb_s": round(READ / min(times[best]) / 1e9, 2)}


def scanned(index: Index, queries: Codes) -> store.Row:
    """Gigabytes of codes a second of the median and of the best scan of some."""
    times = [alone.seconds(partial(scan, index, query[None])) for query in queries[: 3 * TURNS]]
    size = len(index) * BITS // 8
    figures = {"gb_s": round(size / median(times) / 1e9, 2), "best_gb_s": round(size / min(times) / 1e9, 2)}
    return {"what": "scan", "by": "scan", "n": len(index), "bytes": size, **figures}


def threads(index: Index, queries: Codes, question: Question, seconds: float = 3.0) -> store.Row:
    """Queries a second of batches, by one thread and by two; the best of three turns of each, taken in turn."""

    def ask() -> object:
        if question.way == "r":
            return index.within(queries, question.size)
        return index.search(queries, question.size)

    ask()
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(3):
        for workers, found in rates.items():
            found.append(rate(ask, workers, seconds) * len(queries))
    one, two = (max(found) for found in rates.values())
    about = {"what": "threads", "question": str(question), "n": len(index), "batch": len(queries)}
    return {**about, "one_q_s": round(one), "two_q_s": round(two), "gain": round(two / one, 3)}


def rate(ask: Callable[[], object], workers: int, seconds: float) -> float:
    """Calls a second of so many threads that call for so long, start together, and finish what they began."""
    together = Barrier(workers)

    def work() -> tuple[int, float]:
        together.wait()
        start, calls = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            ask()
            calls += 1
        return calls, time.perf_counter() - start

    with ThreadPoolExecutor(workers) as pool:
        done = [job.result() for job in [pool.submit(work) for _ in range(workers)]]
    return sum(calls / took for calls, took in done)


def measure(n: int, among: int, seconds: float = 3.0) -> list[store.Row]:
    """Every row: a scan of n uniform codes, threads over `among` clustered ones."""
    rows = [bandwidth()]
    with TemporaryDirectory() as folder:
        codes, queries = data.codes("uniform", BITS, n)
        with filled(Path(folder) / "scan.db", codes) as index:
            del codes
            rows.append(scanned(warm(index), queries))
        codes, queries = data.codes("clustered", BITS, among)
        with filled(Path(folder) / "threads.db", codes) as index:
            warm(index)
            rows += [threads(index, queries, Question.parse(text), seconds) for text in QUESTIONS]
    return rows


def main() -> None:
    """Measure and store."""
    alone.one_thread(MODULE)
    parser = argparse.ArgumentParser(description="Measure what the machine allows")
    parser.add_argument("--n", type=int, default=10_000_000, help="codes that are scanned [10000000]")
    parser.add_argument("--among", type=int, default=1_000_000, help="codes that threads search [1000000]")
    options = parser.parse_args()
    rows = measure(options.n, options.among)
    store.append("limits", [{**row, "run": store.stamp()} for row in rows])
    for row in rows:
        print(row)


if __name__ == "__main__":
    main()
