"""Precision and recall on the planted set: `python -m benchmarks.dedup.run [--part test] [--methods ...] [--again]`.

Each answer of each method becomes a line of results/dedup/PART.jsonl: what it left out, and how much of that was
planted, by strength. Our usual limits were chosen on the part "train"; the table is of the part "test". Files that
methods make on the way are kept in --folder, so that a second run is short.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.dedup import planted
from benchmarks.dedup.methods import METHODS, Answer

RESULTS = Path(__file__).resolve().parents[1] / "results" / "dedup"
COPIES = {"train": 700, "test": 500}  # of each strength
Row = dict[str, Any]


def judged(truth: planted.Planted, name: str, answers: Iterable[Answer]) -> list[Row]:
    """A row an answer: `said` pairs, those `right` of each strength, and `planted` ones of each."""
    pairs = truth.pairs()
    rows = []
    for answer in answers:
        strengths = [pairs.get((min(pair), max(pair)), 0) for pair in answer.pairs]
        rows.append(
            {
                "method": name,
                "limits": answer.limits,
                "default": answer.default,
                "said": len(strengths),
                "right": [strengths.count(strength) for strength in (1, 2, 3, 4)],
                "planted": [list(pairs.values()).count(strength) for strength in (1, 2, 3, 4)],
                "texts": len(truth.texts),
                "seconds": round(answer.seconds, 2),
            }
        )
    return rows


def stored(part: str) -> list[Row]:
    """The rows of a part."""
    path = RESULTS / f"{part}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def store(part: str, rows: Iterable[Row]) -> None:
    """Write the rows of a part."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def compare(part: str, truth: planted.Planted, names: Iterable[str], folder: Path) -> None:
    """Run these methods and store what they found in place of what is stored of them."""
    for name in names:
        if missing := METHODS[name].missing():
            print(f"{name} is left out: {missing} not installed")
            continue
        rows = judged(truth, name, METHODS[name].run(truth.texts, folder))
        store(part, [row for row in stored(part) if row["method"] != name] + rows)
        print(f"{name}: {len(rows)} answers", flush=True)


def main() -> None:
    """Run what is not stored."""
    parser = argparse.ArgumentParser(description="Precision and recall on planted near duplicates")
    parser.add_argument("--part", default="test", choices=list(COPIES))
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--again", action="store_true", help="run again what is stored")
    parser.add_argument("--folder", type=Path, help="for models and embeddings")
    options = parser.parse_args()
    have = {row["method"] for row in stored(options.part)}
    names = [name for name in options.methods if options.again or name not in have]
    if not names:
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        compare(options.part, planted.agnews(options.part, COPIES[options.part]), names, folder)


if __name__ == "__main__":
    main()
