"""What `Engine.query` finds of embeddings: `python -m benchmarks.quality.engine [--bits 64 128 256] [--seeds 0 1 2]`.

Recall@10 by codes alone, by the finer score, and by vectors kept as int8 and as float16, of which the share that is
read for a query is counted. What is noted is not run again.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from statistics import median
from typing import Any

import numpy as np

from benchmarks.quality.notes import known, note, notes
from benchmarks.quality.notes import table as markdown
from benchmarks.quality.results import write
from benchmarks.quality.tasks import TEN, VECTORS, Task
from hashret.engine import Engine
from hashret.hasher import Hasher
from hashret.inputs import Entry
from hashret.settings import Settings
from indexer.bits import Ids

NAME, WIDTHS = "quality/engine", (64, 128, 256)
HEAD = ["recall@10 of `Engine.query`", "codes", "finer score", "int8", "float16", "read", "ms", "ms without vectors"]


def filled(hasher: Hasher, task: Task, vectors: bool | str) -> Engine:
    """An engine in memory over the database, its keys the numbers of its rows."""
    engine = Engine.create(":memory:", hasher, vectors=vectors)
    engine.add(Entry(str(number), row) for number, row in enumerate(np.asarray(task.database.rows)))
    engine.index.warm()
    return engine


def asked(engine: Engine, task: Task, *, rerank: bool = True) -> tuple[float, float, float]:
    """Recall@10, the share of the vectors that is read, and milliseconds, of one query at a time."""
    read, store, vectors = [0], engine.index.store, engine.index.store.vectors

    def counted(ids: Ids) -> Any:
        read[0] += len(ids)
        return vectors(ids)

    vars(store)["vectors"] = counted
    found, times = [], []
    for row in np.asarray(task.queries.rows):
        start = time.perf_counter()
        hits = engine.query(row[None], TEN, rerank=rerank)[0]
        times.append(1000 * (time.perf_counter() - start))
        found.append([int(hit.key) for hit in hits])
    right = [task.relevant(slice(number, number + 1))[0][hits].sum() for number, hits in enumerate(found)]
    recall = float(np.minimum(right, TEN).mean()) / TEN
    return recall, read[0] / len(found) / len(task.database), median(times)


def measure(task: Task, bits: int, seed: int) -> None:
    """One model, and files of it with and without vectors."""
    hasher = Hasher.fit(np.asarray(task.database.rows), Settings(bits=bits, seed=seed))
    line: dict[str, Any] = {"task": task.name, "bits": bits, "seed": seed}
    with filled(hasher, task, vectors=False) as engine:
        line["codes"], (line["finer"], _, line["bare"]) = asked(engine, task, rerank=False)[0], asked(engine, task)
    for form in ("float16", "int8"):
        with filled(hasher, task, form) as engine:
            line[form], line["read"], line["ms"] = asked(engine, task)
    note(NAME, {name: round(value, 4) if isinstance(value, float) else value for name, value in line.items()})


def table() -> str:
    """A row for each task and width, medians of the seeds that are noted."""
    found = defaultdict(list)
    for line in notes(NAME):
        values = [line[name] for name in ("codes", "finer", "int8", "float16", "read", "ms", "bare")]
        found[line["task"], line["bits"]].append(values)
    rows = []
    for (task, bits), values in sorted(found.items()):
        *recalls, read, slow, bare = np.median(values, axis=0)
        cells = [*(f"{recall:.3f}".lstrip("0") for recall in recalls), f"{read:.2%}", f"{slow:.1f}", f"{bare:.1f}"]
        rows.append([f"{task}, {bits} bits", *cells])
    return markdown(HEAD, rows)


def main() -> None:
    """Every width and seed that is not noted."""
    parser = argparse.ArgumentParser(description="What Engine.query finds of embeddings")
    parser.add_argument("--bits", nargs="+", type=int, default=WIDTHS)
    parser.add_argument("--seeds", nargs="+", type=int, default=range(5))
    parser.add_argument("--force", action="store_true", help="run again what is noted")
    options = parser.parse_args()
    for load in VECTORS.values():
        task = load()
        for bits, seed in ((bits, seed) for bits in options.bits for seed in options.seeds):
            if options.force or not known(NAME, task=task.name, bits=bits, seed=seed):
                measure(task, bits, seed)
    write("engine", table())


if __name__ == "__main__":
    main()
