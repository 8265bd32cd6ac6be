"""All pairs of near codes: `python -m benchmarks.search.pairs [--kinds ...] [--n 1000000] [--radius 3] [--large]`.

Each method joins the codes with themselves in a process of its own, whose largest memory is noted. FAISS's flat scan
would take minutes to hours: it answers a sample of the codes, and its time and pairs are multiplied up. The pairs of a
sample of codes are compared with brute force.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.search import alone, data, peers, store
from benchmarks.search.peers.ours import filled, warm
from indexer.bits import Codes, distances

MODULE = "benchmarks.search.pairs"
BITS, SAMPLE, BLOCK, PROVED = 64, 4096, 1024, 50
MOST_MEMORY = 20 << 30
Columns = tuple[NDArray[np.int64], NDArray[np.int64]]  # left < right, rows of pairs


class Join:
    """A method over codes: `chunks` is timed, what it yields is made `columns` of afterwards."""

    def __init__(self, codes: Codes, folder: Path) -> None:
        self.codes = codes

    def chunks(self, radius: int) -> Iterator[Any]:
        """All pairs, in the library's own form."""
        raise NotImplementedError

    def columns(self, chunk: Any) -> Columns:
        """The rows of a chunk's pairs."""
        raise NotImplementedError

    def count(self, chunk: Any) -> int:
        """How many pairs a chunk has."""
        return len(self.columns(chunk)[0])


class Ours(Join):
    """`Index.pairs`; building the tables is part of it, storing the codes is not."""

    def __init__(self, codes: Codes, folder: Path) -> None:
        self.index = filled(Path(tempfile.mkdtemp(dir=folder)) / "codes.db", codes)

    def chunks(self, radius: int) -> Iterator[Any]:
        """From a cold start."""
        yield from warm(self.index).pairs(radius)

    def columns(self, chunk: Any) -> Columns:
        """The first entry of a new file has id 1."""
        return chunk.left - 1, chunk.right - 1


class Hammingbird(Join):
    """`find_pairs_self_bit`, of its exact joins the one for any radius: one list of (left, right, distance)."""

    def chunks(self, radius: int) -> Iterator[Any]:
        """One chunk."""
        from hammingbird import find_pairs_self_bit

        yield find_pairs_self_bit(self.codes, radius)

    def columns(self, chunk: Any) -> Columns:
        """From the list."""
        flat = np.fromiter((place for pair in chunk for place in pair[:2]), np.int64, 2 * len(chunk)).reshape(-1, 2)
        return flat.min(1), flat.max(1)

    def count(self, chunk: Any) -> int:
        """The length of the list."""
        return len(chunk)


class Flat(Join):
    """FAISS's range searches of a sample of codes, which find each pair among them twice."""

    def __init__(self, codes: Codes, folder: Path) -> None:
        import faiss

        super().__init__(codes, folder)
        self.index = faiss.IndexBinaryFlat(codes.shape[1] * 8)
        self.index.add(codes)

    def chunks(self, radius: int) -> Iterator[Any]:
        """A block of queries at a time."""
        asked = np.linspace(0, len(self.codes) - 1, min(SAMPLE, len(self.codes)), dtype=np.int64)
        for first in range(0, len(asked), BLOCK):
            some = asked[first : first + BLOCK]
            yield some, self.index.range_search(self.codes[some], radius + 1)

    def columns(self, chunk: Any) -> Columns:
        """Each pair where its smaller row asks."""
        asked, (lims, _, rows) = chunk
        left = np.repeat(asked, np.diff(lims.astype(np.int64)))
        return left[left < rows], rows[left < rows]


METHODS: dict[str, type[Join]] = {peers.OURS: Ours, "hammingbird": Hammingbird, peers.YARDSTICK: Flat}


def measure(method: str, codes: Codes, radius: int, proved: bool = True) -> store.Row:
    """Seconds, pairs and peak megabytes of one method, here; `proved` also compares a sample, untimed."""
    with tempfile.TemporaryDirectory() as folder:
        join, before = METHODS[method](codes, Path(folder)), _peak()
        start, count = time.perf_counter(), 0
        for chunk in join.chunks(radius):
            count += join.count(chunk)
            chunk = None  # a list of millions is let go before the next is made
        seconds = time.perf_counter() - start
        row: store.Row = {"method": method, "seconds": round(seconds, 3), "pairs": count}
        row |= {"peak_mb": _peak(), "before_mb": before}
        if method == peers.YARDSTICK and len(codes) > SAMPLE:
            share = len(codes) / SAMPLE
            return {**row, "seconds": round(seconds * share, 1), "pairs": round(count * share), "sample": SAMPLE}
        return {**row, "wrong": prove(join, codes, radius)} if proved else row


def prove(join: Join, codes: Codes, radius: int) -> int:
    """For how many of some codes the partners are not those that brute force finds."""
    asked = np.linspace(0, len(codes) - 1, min(PROVED, len(codes)), dtype=np.int64)
    partners: dict[int, list[int]] = {row: [] for row in asked.tolist()}
    for chunk in join.chunks(radius):
        left, right = join.columns(chunk)
        for mine, theirs in ((left, right), (right, left)):
            for place in np.flatnonzero(np.isin(mine, asked)):
                partners[int(mine[place])].append(int(theirs[place]))
    near = {row: np.flatnonzero(distances(codes[row : row + 1], codes)[0] <= radius) for row in partners}
    return sum(sorted(found) != near[row][near[row] != row].tolist() for row, found in partners.items())


def _peak() -> int:
    """The largest memory this process has had, in megabytes."""
    return round(
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 * (1 if sys.platform == "linux" else 1 / 1024)
    )


def in_a_process(method: str, path: Path, options: argparse.Namespace) -> store.Row:
    """A method measured in a fresh process, or why it failed there."""
    arguments = ["--child", method, str(path), "--radius", str(options.radius)]
    done = alone.fresh(MODULE, *arguments)
    failed: store.Row = {"method": method, "failed": f"exit status {done.returncode}"}
    return failed if done.returncode else json.loads(done.stdout)


def child(method: str, path: str, radius: int) -> None:
    """Be that process; memory is bounded, so that a method that needs more fails alone."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    codes = np.load(path)
    print(json.dumps(measure(method, codes, radius, proved=len(codes) <= 1_000_000)))


def main() -> None:
    """Measure what is not stored, in turn."""
    parser = argparse.ArgumentParser(description="Time self-joins")
    parser.add_argument("--kinds", nargs="+", default=["clustered", "uniform"], choices=data.KINDS)
    parser.add_argument("--n", nargs="+", type=int, default=[1_000_000])
    parser.add_argument("--large", action="store_true", help="ten million codes too")
    parser.add_argument("--radius", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--again", action="store_true", help="run again what is stored")
    parser.add_argument("--child", nargs=2, metavar=("METHOD", "CODES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child, options.radius)
        return
    for kind in options.kinds:
        for n in [*options.n, *([10_000_000] if options.large else [])]:
            compare(kind, n, options)


def compare(kind: str, n: int, options: argparse.Namespace) -> None:
    """Every method on the same codes."""
    about = {"kind": kind, "bits": BITS, "n": n, "radius": options.radius}
    have = {row["method"] for row in store.read("pairs") if about.items() <= row.items()}
    left = [name for name in options.methods if options.again or name not in have]
    left = [name for name in left if peers.METHODS[name].missing() is None]
    if not left:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "codes.npy"
        np.save(path, data.codes(kind, BITS, n)[0])
        for name in left:
            row = {**about, **in_a_process(name, path, options), "library": peers.METHODS[name].library}
            store.append("pairs", [row])
            print(row, flush=True)


if __name__ == "__main__":
    main()
