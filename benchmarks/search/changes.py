"""An index that has changed much, beside a fresh one of the same content: `python -m benchmarks.search.changes`.

10,000 random changes, a third each of new entries, removed and updated ones, come in batches of 1 to 64, and a query
follows every batch, so that whatever is kept up in memory is kept up step by step. Answers are compared with brute
force over the codes that should be there; times, by turns, with those of an index that was filled with them at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.search import alone, data, store, timing
from benchmarks.search.peers.ours import filled, warm
from benchmarks.search.questions import Answers, Question, Truth
from indexer import Index
from indexer.bits import Codes

MODULE, BITS, LARGEST_BATCH, CHECKED = "benchmarks.search.changes", 64, 64, 200
QUESTIONS = ("r3", "k10")


class Model:
    """What an index should hold: codes by key. Ids ascend with insertion, and an update keeps its own."""

    def __init__(self, index: Index, codes: Codes, seed: int = 0) -> None:
        self.index, self.rng = index, np.random.default_rng(seed)
        self.codes = {f"entry/{number:09d}": code for number, code in enumerate(codes)}
        self.keys = list(self.codes)
        self.made = len(codes)

    def change(self, fresh: Codes) -> Callable[[], object]:
        """A call that adds, removes or updates as many entries as there are `fresh` codes; it is noted as done."""
        number = len(fresh)
        kind = ("add", "remove", "update")[self.rng.integers(3)]
        if kind == "add":
            keys = [f"entry/{self.made + place:09d}" for place in range(number)]
            self.made += number
            self.keys += keys
        else:
            places = np.sort(self.rng.choice(len(self.keys), number, replace=False))[::-1]
            keys = [self.keys[place] for place in places]
        if kind == "remove":
            for key, place in zip(keys, places, strict=True):  # from the end, so that places before stay as they are
                self.keys[place] = self.keys[-1]
                self.keys.pop()
                del self.codes[key]
            return partial(self.index.remove, keys)
        self.codes.update(zip(keys, fresh, strict=True))
        return partial(self.index.add, keys, fresh)

    def sorted(self) -> tuple[list[str], Codes]:
        """Keys and codes in the order of ids, which is that of keys here."""
        keys = sorted(self.codes)
        return keys, np.stack([self.codes[key] for key in keys])


def changed(model: Model, changes: int, queries: Codes) -> list[float]:
    """Make so many changes, with two queries after each batch; the seconds of each batch with its queries."""
    times, left = [], changes
    while left:
        number = min(left, int(model.rng.integers(1, LARGEST_BATCH + 1)))
        picked = model.rng.integers(0, len(queries), number)
        call = model.change(queries[picked] ^ np.packbits(model.rng.random((number, BITS)) < data.NOISE, axis=1))
        times.append(alone.seconds(partial(_then_ask, call, model.index, queries[picked[:1]])))
        left -= number
    return times


def _then_ask(call: Callable[[], object], index: Index, query: Codes) -> None:
    """A change, and both questions."""
    call()
    for question in map(Question.parse, QUESTIONS):
        asked(index, question, query)()


def wrong(model: Model, queries: Codes) -> int:
    """How many answers to some queries are not those of brute force, in keys and distances."""
    keys, codes = model.sorted()
    truth, count = Truth(codes, queries), 0
    for question in map(Question.parse, QUESTIONS):
        found = asked(model.index, question, queries)()
        rows = np.searchsorted(model.index.ids(keys), found.ids.reshape(-1))
        if question.way == "r":
            given = Answers.of(found.lims, rows, found.distances)
        else:
            given = Answers.rows(rows.reshape(found.ids.shape), found.distances)
        count += truth.wrong(question, given, strict=True)
    return count


def asked(index: Index, question: Question, queries: Codes) -> Callable[[], Any]:
    """The call that answers a question."""
    return partial(index.within if question.way == "r" else index.search, queries, question.size)


def compared(indexes: dict[str, Index], queries: Codes, limits: timing.Limits) -> list[store.Row]:
    """Median calls of the changed and the fresh index, by turns, and their ratio."""
    rows = []
    for question in map(Question.parse, QUESTIONS):
        singles = [query[None] for query in queries[: limits.calls]]
        timed = {
            name: timing.Timed([asked(index, question, query) for query in singles]) for name, index in indexes.items()
        }
        timing.singles(timed, limits)
        p50 = {name: alone.percentiles(one.calls)[0] for name, one in timed.items()}
        ratio = round(p50["changed"] / p50["fresh"], 3)
        rows.append({"question": str(question), "p50": p50["changed"], "fresh_p50": p50["fresh"], "ratio": ratio})
    return rows


def measure(n: int, changes: int, folder: Path, limits: timing.Limits) -> list[store.Row]:
    """Every row."""
    codes, queries = data.codes("clustered", BITS, n)
    with filled(folder / "changed.db", codes) as index:
        model = Model(warm(index), codes)
        times = changed(model, changes, queries)
        failed = wrong(model, queries[:CHECKED])
        with filled(folder / "fresh.db", model.sorted()[1]) as fresh:
            rows = compared({"changed": index, "fresh": warm(fresh)}, queries, limits)
    about = {"kind": "clustered", "bits": BITS, "n": n, "changes": changes, "wrong": failed, "checked": 2 * CHECKED}
    return [{**about, "batch_ms": round(median(times) * 1e3, 2), **row} for row in rows]


def main() -> None:
    """Measure and store."""
    alone.one_thread(MODULE)
    parser = argparse.ArgumentParser(description="Search after many changes")
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--changes", type=int, default=10_000)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        rows = measure(options.n, options.changes, Path(folder), timing.Limits())
    store.append("changes", [{**row, "run": store.stamp()} for row in rows])
    for row in rows:
        print(row)


if __name__ == "__main__":
    main()
