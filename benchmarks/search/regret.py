"""How well the planner plans: `python -m benchmarks.search.regret [--kinds ...] [--bits ...] [--n ...]`.

Each case (codes, radius or k) is answered by probing to the end, by a scan, and as the index itself goes. Its regret is
the median time of the last over the lesser of the others: 1 where the planner is right at no cost.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from benchmarks.search import alone, data, store, timing
from indexer.bits import Codes
from indexer.calibrate import ENDLESS, calibrated
from indexer.kernels.search import MULTI, SCAN
from indexer.multi import Multi
from indexer.planner import plan_tables
from indexer.tables import Scan

MODULE = "benchmarks.search.regret"
QUESTIONS = ("r0", "r2", "r4", "r8", "r12", "r16", "r24", "k1", "k10", "k100")
CALLS = timing.Limits(calls=100, seconds=0.4)


def table_of(codes: Codes) -> tuple[Multi, float]:
    """Tables of codes, and the seconds that measuring their costs took."""
    table = Multi.of(Scan(1, np.arange(1, len(codes) + 1), codes, {}))
    calibrated(table)  # compiles
    took: list[Multi] = []
    seconds = alone.seconds(lambda: took.append(calibrated(table)))
    return took[0], seconds


def ways(table: Multi, question: str) -> dict[str, Callable[[Codes], object]]:
    """The ways to answer a question by name: "planned" is that of the index."""
    size, bits = int(question[1:]), table.width * 8
    costs = table.layout.costs.copy()
    costs[2] = ENDLESS  # never gives up
    stubborn = Multi(table.revision, table.width, table.layout._replace(costs=costs), table.by_id, {})
    k, radius = (0, size) if question[0] == "r" else (size, bits)
    probing, scan = (partial(one.ask, k=k, radius=radius, way=way) for one, way in ((stubborn, MULTI), (table, SCAN)))
    return {
        "probing": probing,
        "scan": scan,
        "planned": partial(table.search, k=k) if k else partial(table.within, radius=radius),
    }


def case(table: Multi, queries: Codes, question: str) -> store.Row:
    """The median microseconds of each way, the regret, and what the plan foretold."""
    singles = [query[None] for query in queries[: CALLS.calls]]
    timed = {
        name: timing.Timed([partial(way, query) for query in singles]) for name, way in ways(table, question).items()
    }
    timing.singles(timed, CALLS)
    p50 = {name: alone.percentiles(one.calls)[0] for name, one in timed.items()}
    regret = p50["planned"] / min(p50["probing"], p50["scan"])
    size = int(question[1:])
    assert table.costs is not None
    plan = plan_tables(table.costs, table.shape, 1, *((None, size) if question[0] == "r" else (size, None)))
    return {"question": question, **p50, "regret": round(regret, 3), "plan": plan.way, "foretold": round(plan.cost, 1)}


def measure(kinds: Sequence[str], lengths: Sequence[int], sizes: Sequence[int]) -> list[store.Row]:
    """Every case."""
    rows = []
    for kind in kinds:
        for bits in lengths:
            for n in sizes:
                codes, queries = data.codes(kind, bits, n)
                table, seconds = table_of(codes)
                about = {"kind": kind, "bits": bits, "n": n, "calibrated_ms": round(seconds * 1000, 1)}
                for question in QUESTIONS:
                    rows.append({**about, **case(table, queries, question)})
                    print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Measure and store."""
    alone.one_thread(MODULE)
    parser = argparse.ArgumentParser(description="Measure how well the planner plans")
    parser.add_argument("--kinds", nargs="+", default=["uniform", "clustered"], choices=data.KINDS)
    parser.add_argument("--bits", nargs="+", type=int, default=[32, 64, 128, 256])
    parser.add_argument("--n", nargs="+", type=int, default=[100_000, 1_000_000])
    options = parser.parse_args()
    rows = measure(options.kinds, options.bits, options.n)
    store.append("regret", [{**row, "run": store.stamp()} for row in rows])


if __name__ == "__main__":
    main()
