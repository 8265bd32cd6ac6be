"""Wall time of whole processes, as a ratio to the imports that any of them needs.

    python benchmarks/start.py [DB] [--runs 9]

DB is an index of texts, by default demo.db, which `hashret demo` makes if it is not there.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).parent / "results"
BASE = [sys.executable, "-c", "import numpy, sqlalchemy, click"]
HASHRET = [sys.executable, "-c", "from hashret.cli import main; main()"]


def seconds(command: list[str]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Time the commands by turns and print medians."""
    parser = argparse.ArgumentParser(description="Start-up time of the command line")
    parser.add_argument("db", nargs="?", default="demo.db")
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    if not Path(options.db).exists():
        subprocess.run([*HASHRET, "demo", options.db], check=True, stdout=subprocess.DEVNULL)
    commands = {
        "import numpy, sqlalchemy, click": BASE,
        "hashret --help": [*HASHRET, "--help"],
        "hashret query, 10 nearest": [*HASHRET, "query", options.db, "copy a whole directory tree"],
        "hashret query, no rerank": [*HASHRET, "query", options.db, "copy a whole directory tree", "--no-rerank"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(options.runs):
        for name, command in commands.items():
            times[name].append(seconds(command))
    base = median(times["import numpy, sqlalchemy, click"])
    lines = ["| process | seconds (median) | ratio |", "|---|---|---|"]
    lines += [f"| {name} | {median(found):.2f} | {median(found) / base:.2f} |" for name, found in times.items()]
    (RESULTS / "start.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
