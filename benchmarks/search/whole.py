"""What stands around a search: `python -m benchmarks.search.whole [--n 1000000]`.

start   a fresh process that opens a file and answers its first query, beside one that only imports what it builds on
query   `Engine.query` of a query that is encoded already, to ten hits with their keys, beside the bare search and the
        reading of ten rows by Python's sqlite3, each alone
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.search import alone, data, store, timing
from benchmarks.search.peers.ours import filled, warm
from hashret.engine import Engine
from hashret.hasher import Hasher
from hashret.settings import Settings
from indexer.bits import Codes

MODULE, BITS, WIDTH, K = "benchmarks.search.whole", 64, 32, 10
IMPORTS = "import numpy, sqlalchemy, faiss"
FIRST = """
import numpy
from indexer import Index
with Index.open({path!r}) as index:
    index.{call}(numpy.frombuffer(bytes.fromhex({query!r}), dtype=numpy.uint8), {size})
"""
CALLS = {"first query, within 3 bits": ("within", 3), "first query, the 10 nearest": ("search", K)}
ROWS = f"SELECT id, key, content, meta FROM entries WHERE id IN ({', '.join('?' * K)})"


def starts(path: Path, query: Codes, runs: int) -> list[store.Row]:
    """Median seconds of fresh processes, run by turns, and their ratio to the imports alone."""
    programs = {IMPORTS: IMPORTS}
    for name, (call, size) in CALLS.items():
        programs[name] = FIRST.format(path=str(path), call=call, size=size, query=query.tobytes().hex())
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(runs):
        for name, program in programs.items():
            times[name].append(alone.seconds(partial(_run, program)))
    base = median(times[IMPORTS])
    return [
        {"what": "start", "name": name, "seconds": round(median(found), 3), "ratio": round(median(found) / base, 3)}
        for name, found in times.items()
    ]


def _run(program: str) -> None:
    """A Python program in a fresh process that finds the modules of this one."""
    found = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    subprocess.run([sys.executable, "-c", program], check=True, env=found)


def filled_engine(path: Path, codes: Codes, metas: list[dict[str, object]] | None = None) -> Engine:
    """An engine over codes that are given, not made: its model is learned from noise in a few steps, to be there."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(256, WIDTH)).astype(np.float32)
    engine = Engine.create(str(path), Hasher.fit(vectors, Settings(bits=BITS, steps=2)))
    engine.index.add([f"entry/{number:09d}" for number in range(len(codes))], codes, metas=metas)
    return engine


def queries(path: Path, codes: Codes, asked: Codes, limits: timing.Limits) -> list[store.Row]:
    """Median microseconds of the engine's whole answer, of the bare search, and of reading the rows it finds."""
    with filled_engine(path, codes) as engine, sqlite3.connect(path) as db:
        index = warm(engine.index)
        found = index.search(asked, K).ids.tolist()
        places = {query.tobytes(): ids for query, ids in zip(asked, found, strict=True)}

        def rows(query: Codes) -> object:
            return db.execute(ROWS, places[query.tobytes()]).fetchall()

        calls: dict[str, Callable[[Codes], object]] = {
            "Engine.query, encoded": partial(engine.query, k=K),
            "Index.search": partial(index.search, k=K),
            "ten rows by sqlite3": rows,
        }
        timed = {name: _timed(call, asked, limits) for name, call in calls.items()}
        timing.singles(timed, limits)
    p50 = {name: alone.percentiles(one.calls)[0] for name, one in timed.items()}
    base = p50["Index.search"] + p50["ten rows by sqlite3"]
    return [{"what": "query", "name": name, "p50": time, "ratio": round(time / base, 3)} for name, time in p50.items()]


def _timed(call: Callable[[Codes], object], asked: Codes, limits: timing.Limits) -> timing.Timed:
    """Single calls of something."""
    return timing.Timed([partial(call, query[None]) for query in asked[: limits.calls]])


def measure(n: int, runs: int, folder: Path, limits: timing.Limits) -> list[store.Row]:
    """Every row."""
    codes, asked = data.codes("clustered", BITS, n)
    filled(folder / "codes.db", codes).close()
    rows = starts(folder / "codes.db", asked[0], runs) + queries(folder / "engine.db", codes, asked, limits)
    return [{"n": n, **row} for row in rows]


def main() -> None:
    """Measure and store."""
    alone.one_thread(MODULE)
    parser = argparse.ArgumentParser(description="What stands around a search")
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=9, help="fresh processes of each kind [9]")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        rows = measure(options.n, options.runs, Path(folder), timing.Limits())
    store.append("whole", [{**row, "run": store.stamp()} for row in rows])
    for row in rows:
        print(row)


if __name__ == "__main__":
    main()
