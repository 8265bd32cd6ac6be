"""What storing and loading codes costs: `python benchmarks/store.py` prints a table and writes results/store.md.

Every figure is the median of three, over random 64-bit codes in a temporary folder. Searching is not measured.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from indexer import Index

BITS, TURNS = 64, 3
RESULT = Path(__file__).parent / "results" / "store.md"


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def fill(folder: str, keys: list[str], codes: np.ndarray) -> tuple[str, float]:
    """A new file with these entries, added in one call; its path, and how long the call took."""
    path = str(Path(tempfile.mkdtemp(dir=folder)) / "codes.db")
    with Index.create(path, BITS) as index:
        return path, seconds(lambda: index.add(keys, codes))


def reopened(path: str, query: np.ndarray) -> None:
    """Open a file, load all, and find the ten nearest."""
    with Index.open(path) as index:
        index.search(query, 10)


def measure(entries: int, folder: str) -> list[tuple[str, str]]:
    """The rows of the table."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (entries, BITS // 8), dtype=np.uint8)
    keys = [f"document/{number:09d}" for number in range(entries)]
    mixed = [keys[number] for number in rng.permutation(entries)]
    import faiss  # noqa: F401 - its import is not what is measured

    rows = []
    for name, given in (("in order", keys), ("shuffled", mixed)):
        path, times = "", []
        for _ in range(TURNS):
            path, took = fill(folder, given, codes)
            times.append(took)
        rows.append(
            (f"add {entries:,} entries in one call, keys {name}", f"{entries / median(times) / 1e6:.2f} M codes/s")
        )
    fresh = rng.integers(0, 256, (TURNS, 1, BITS // 8), dtype=np.uint8)
    with Index.open(path) as index:
        size = index.store.size() / entries
        actions: list[tuple[str, Callable[[int], object]]] = [
            ("update one entry", lambda turn: index.add([keys[turn * entries // TURNS]], fresh[turn])),
            ("add one entry", lambda turn: index.add([f"new {turn}"], fresh[turn])),
            ("load all segments", lambda turn: index.store.segments({})),
        ]
        for name, action in actions:
            rows.append((name, _ms([seconds(lambda turn=turn, action=action: action(turn)) for turn in range(TURNS)])))
    times = [seconds(lambda turn=turn: reopened(path, fresh[turn])) for turn in range(TURNS)]
    rows.append(("open a file and find the ten nearest, faiss imported", _ms(times)))
    rows.append((f"size of the file, codes of {BITS // 8} bytes, keys of {len(keys[0])}", f"{size:.0f} bytes an entry"))
    return rows


def _ms(times: list[float]) -> str:
    """The median of some durations."""
    return f"{median(times) * 1000:.1f} ms"


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=1_000_000, help="how many entries to store [1000000]")
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(parser.parse_args().entries, folder)
    table = "\n".join(["| what | median of 3 |", "|---|---:|", *(f"| {what} | {figure} |" for what, figure in rows)])
    print(table)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
