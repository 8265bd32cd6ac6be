"""Seconds that show the benchmark of near duplicates to be whole: `python -m benchmarks.dedup.smoke`.

Every method that is installed, but for that which needs embeddings, runs on planted docstrings of Python; hashret must
find most of the weakest edits at high precision, and of a few thousand codes keep what going through
them one by one keeps.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from benchmarks.dedup import methods, million, planted, run, tables
from benchmarks.quality import tasks
from hashret import Engine, Entry, Settings

SLOW = ("semhash MiniLM", "hashret 128")
LEAST = 0.8  # precision, and recall of typos


def texts() -> list[str]:
    """Some docstrings, none like another."""
    found = [text for text in tasks.docstrings().database.contents if isinstance(text, str) and len(text) > 200]
    return planted.apart([text[:400] for text in found[:1500]])


def likes(some: list[str]) -> dict[str, list[str]]:
    """Words that begin the same, where there is no GloVe."""
    words = sorted({word for text in some for word in planted.words_of(text) if len(word) > 5})
    return {one: [two] for one, two in pairwise(words) if one[:5] == two[:5]}


def main() -> None:
    """Run all; exit with a message if an answer is wrong."""
    some = texts()
    truth = planted.plant(some, likes(some), 30)
    with tempfile.TemporaryDirectory() as name:
        folder = run.RESULTS = million.RESULTS = Path(name) / "dedup"
        folder.mkdir()
        entries = [Entry(str(place), text, {}) for place, text in enumerate(truth.texts)]
        Engine.fit(str(folder / "hashret-64.db"), entries, Settings(bits=64, steps=100)).close()
        run.compare("test", truth, [each for each in methods.METHODS if each not in SLOW], folder)
        measured = million.measure(20_000, 3, folder)
        run.store("million", measured)
        tables.main()
        print(run.RESULTS.with_suffix(".md").read_text())
        ours = next(row for row in run.stored("test") if row["method"] == "hashret 64" and row["default"])
    found = tables.precision(ours), ours["right"][0] / ours["planted"][0]
    if min(found) < LEAST or measured[0]["wrong"]:
        sys.exit(f"precision {found[0]:.2f}, recall of typos {found[1]:.2f}, {measured[0]['wrong']} entries wrong")


if __name__ == "__main__":
    main()
