"""Time exact Hamming search and its peers: `python -m benchmarks.search.run [--kinds ...] [--bits ...] [--n ...]`.

Each cell of the grid (a kind of codes, their length and number) is a process of one thread. Every question is put to
all methods by turns: single calls, then batches of 1,000. What is stored is not run again (`--again` does), so that
this can be stopped and called again; what is left of a question is run beside FAISS's flat scan, our yardstick.
"""

from __future__ import annotations

import argparse
import sys
from itertools import product

from benchmarks.search import alone, data, peers, questions, store, timing
from benchmarks.search.cell import Bench, Cell
from benchmarks.search.questions import Question

SIZES, LARGE, LARGE_BITS = (100_000, 1_000_000), 10_000_000, (64,)
WIDTHS = (32, 64, 128, 256)


def cells(options: argparse.Namespace) -> list[Cell]:
    """The grid: ten million codes of 64 bits alone, and only with --large."""
    sizes = options.n or (*SIZES, *((LARGE,) if options.large else ()))
    found = []
    for kind, n, bits in product(options.kinds, sizes, options.bits or WIDTHS):
        large = n >= LARGE and not options.bits and bits not in LARGE_BITS
        if not large and not (kind == "learned" and n > SIZES[0]):
            found.append(Cell(kind, bits, n))
    return found


def lacking(cell: Cell, question: Question, options: argparse.Namespace) -> list[str]:
    """Methods that have no stored answer to a question of a cell, and the yardstick if there are any."""
    have = {row["method"] for row in store.read(str(cell)) if row["question"] == str(question)}
    able = [name for name in options.methods if cell.asks(name, question)]
    left = able if options.again else [name for name in able if name not in have]
    return [peers.YARDSTICK, *(name for name in left if name != peers.YARDSTICK)] if left else []


def run(cell: Cell, options: argparse.Namespace) -> int:
    """Measure one cell here and store it; how many answers of exact methods were wrong."""
    left = {question: lacking(cell, question, options) for question in map(Question.parse, options.questions)}
    if not any(left.values()):
        return 0
    bench, wrong = Bench(cell, timing.Limits(options.calls, options.seconds, 2 * options.seconds)), 0
    for question in (question for question, names in left.items() if names):
        rows = bench.rows(question, left[question])
        store.append(str(cell), rows)
        wrong += sum(row.get("wrong", 0) for row in rows)
        for row in rows:
            print(_line(row), flush=True)
    bench.close()
    return wrong


def _line(row: store.Row) -> str:
    """A row for a person who waits."""
    right = f"recall {row['recall']:.3f}" if "recall" in row else f"{row['wrong']} of {row['checked']} wrong"
    figures = f"p50 {row['p50']:,.1f} p99 {row['p99']:,.1f} batch {row['batch']:,.2f} us"
    return f"{row['kind']} {row['bits']} bits {row['n']:,} {row['question']} {row['method']}: {figures}, {right}"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(description="Time exact Hamming search and its peers")
    asked = [str(question) for question in questions.ALL]
    found.add_argument("--kinds", nargs="+", default=list(data.KINDS), choices=data.KINDS)
    found.add_argument("--bits", nargs="+", type=int, help=f"lengths of codes {list(WIDTHS)}")
    found.add_argument("--n", nargs="+", type=int, help=f"numbers of codes {list(SIZES)}")
    found.add_argument("--large", action="store_true", help="ten million codes of 64 bits too")
    found.add_argument("--methods", nargs="+", default=list(peers.METHODS), choices=list(peers.METHODS))
    found.add_argument("--questions", nargs="+", default=asked, choices=asked)
    found.add_argument("--calls", type=int, default=300, help="single calls of each method at most [300]")
    found.add_argument("--seconds", type=float, default=3.0, help="and seconds of them at most, twice for batches [3]")
    found.add_argument("--again", action="store_true", help="run again what is stored")
    found.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # in this process, not one for each cell
    return found


def main() -> None:
    """Every cell in a process of its own, or the cells asked for in this one."""
    options = parser().parse_args()
    if options.here:
        sys.exit(1 if sum(run(cell, options) for cell in cells(options)) else 0)
    for name, why in ((name, peers.METHODS[name].missing()) for name in options.methods):
        if why:
            print(f"{name} is left out: {why}")
    failed = []
    for cell in cells(options):
        if not any(lacking(cell, question, options) for question in map(Question.parse, options.questions)):
            continue
        picked = ["--kinds", cell.kind, "--bits", str(cell.bits), "--n", str(cell.n)]
        done = alone.fresh("benchmarks.search.run", *sys.argv[1:], *picked, "--here", capture=False)
        if done.returncode:
            failed.append(str(cell))
    if failed:
        sys.exit(f"wrong answers or a failure in {', '.join(failed)}")


if __name__ == "__main__":
    main()
