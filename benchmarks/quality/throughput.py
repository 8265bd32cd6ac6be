"""How fast a trained model encodes on one core, torch not imported: `python -m benchmarks.quality.throughput`.

Texts of AG News (some 40 words) and 384-d embeddings of MiniLM, to 128 bits, 2,048 at a time as `Engine.add` does. The
model is learned in this process with few steps, which its speed does not depend on, and timed in a fresh one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.quality.results import write
from benchmarks.quality.tasks import TEXTS, VECTORS
from hashret.hasher import Hasher
from hashret.settings import Settings

BATCH, TURNS, BITS = 2048, 5, 128
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
TASKS = {"AG News texts": TEXTS["agnews20k"], "MiniLM embeddings, 384-d": VECTORS["minilm"]}


def rate(contents: object, action: Callable[[object], object]) -> float:
    """Entries a second: the median of some turns over all of them."""
    times = []
    for _ in range(TURNS):
        start = time.perf_counter()
        for first in range(0, len(contents), BATCH):
            action(contents[first : first + BATCH])
        times.append(time.perf_counter() - start)
    return len(contents) / median(times)


def measure(name: str, model: str) -> dict[str, float]:
    """In the fresh process: entries a second of each part of encoding."""
    hasher = Hasher.load(model)
    contents = TASKS[name]().database.contents
    hasher.encode(contents[:BATCH])
    found = {
        "encode": rate(contents, hasher.encode),
        "features alone": rate(contents, hasher.transform),
    }
    rows = hasher.rows(contents[:BATCH])
    some = contents[:BATCH]
    found["network alone"] = rate(some, lambda _: hasher.weights.logits(rows))
    if "torch" in sys.modules:
        raise RuntimeError("encoding imported torch")
    return found


def fresh(name: str) -> dict[str, float]:
    """Learn a model, and measure it in a process of one thread."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        Hasher.fit(TASKS[name]().database.contents, Settings(bits=BITS, steps=20)).save(path)
        alone = {**os.environ, **dict.fromkeys(THREADS, "1"), "TOKENIZERS_PARALLELISM": "false"}
        command = [sys.executable, "-m", "benchmarks.quality.throughput", "--measure", name, str(path)]
        run = subprocess.run(command, capture_output=True, text=True, check=True, env=alone)
    found: dict[str, float] = json.loads(run.stdout)
    return found


def main() -> None:
    """Measure everything in processes of their own, or be such a process."""
    parser = argparse.ArgumentParser(description="Entries encoded a second on one core")
    parser.add_argument("--measure", nargs=2, metavar=("TASK", "MODEL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(*options.measure)))
        return
    found = {name: fresh(name) for name in TASKS}
    parts = list(next(iter(found.values())))
    lines = [f"| entries a second, one core, {BITS} bits | {' | '.join(parts)} |", "|---" * (len(parts) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(f'{rates[part]:,.0f}' for part in parts)} |" for name, rates in found.items()]
    write("throughput", "\n".join(lines))


if __name__ == "__main__":
    main()
