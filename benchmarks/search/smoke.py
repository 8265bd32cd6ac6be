"""A minute that shows the search benchmark to be whole: `python -m benchmarks.search.smoke`.

Every method that is installed answers every question over a few thousand codes of each kind; every measure runs on
little; the tables are made. Any answer of an exact method that differs from brute force ends this with a message.
Results go to a temporary folder.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.quality import results, tasks
from benchmarks.search import alone, changes, data, limits, pairs, peers, regret, store, tables, timing, whole
from benchmarks.search.cell import Bench, Cell
from benchmarks.search.questions import ALL

MODULE, BITS, N, LEARNED = "benchmarks.search.smoke", 64, 3000, 1800
SOON = timing.Limits(calls=20, seconds=0.1, batch_seconds=0.2)
LEAST_RECALL = 0.03  # chance finds the hundred nearest of 3,000 so often


def grid(cells: list[Cell]) -> list[store.Row]:
    """Every question of some cells, put to every method; stored."""
    rows = []
    for cell in cells:
        bench = Bench(cell, SOON)
        for question in ALL:
            found = bench.rows(question, [name for name in peers.METHODS if cell.asks(name, question)])
            store.append(str(cell), found)
            rows += found
        bench.close()
    return rows


def measures(folder: Path) -> list[store.Row]:
    """Every measure on little; stored."""
    codes = data.codes("clustered", BITS, N)[0]
    about = {"kind": "clustered", "bits": BITS, "n": N, "radius": 3}
    methods = [name for name in pairs.METHODS if peers.METHODS[name].missing() is None]
    found = {
        "pairs": [{**about, **pairs.measure(name, codes, 3)} for name in methods],
        "limits": limits.measure(N, N, seconds=0.1),
        "changes": changes.measure(N, 300, folder, SOON),
        "whole": whole.measure(N, 1, folder, SOON),
        "regret": regret.measure(["clustered"], [BITS], [N]),
    }
    for name, rows in found.items():
        store.append(name, [{**row, "run": store.stamp()} for row in rows])
    return [row for rows in found.values() for row in rows]


def wrong(rows: list[store.Row]) -> list[str]:
    """What is not as it should be."""
    found = []
    for row in rows:
        name = f"{row.get('kind')} {row.get('bits')} bits {row.get('question', 'pairs')} {row.get('method', 'changes')}"
        if row.get("wrong"):
            found.append(f"{name}: {row['wrong']} wrong")
        if row.get("recall", 1.0) < LEAST_RECALL:
            found.append(f"{name}: recall {row['recall']:.3f}")
    return found


def main() -> None:
    """Run all; exit with a message if an answer was wrong."""
    alone.one_thread(MODULE)
    for name, method in peers.METHODS.items():
        if why := method.missing():
            print(f"{name} is left out: {why}")
    data.learned = partial(data.learned, task=tasks.pixels, steps=20)
    with tempfile.TemporaryDirectory() as folder:
        results.RESULTS = store.RESULTS = Path(folder)
        rows = grid([Cell("uniform", BITS, N), Cell("clustered", 32, N), Cell("clustered", 256, N)])
        rows += grid([Cell("learned", BITS, LEARNED)]) + measures(Path(folder))
        tables.main()
    if failed := wrong(rows):
        sys.exit("\n".join(failed))
    print(f"{len(rows)} rows, every answer right")


if __name__ == "__main__":
    main()
