"""Run the members of the family on two tasks and keep their codes: `python -m benchmarks.family.run [--members ...]`.

A run that is stored is skipped. Beside the codes a line of results/family/runs.jsonl keeps what the codes do not tell:
the seconds of training alone, and the mean error of reconstruction of the queries. The default, kind "neighbour", is
the method "hashret" of benchmarks.quality, and taken from there if it is stored.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np

from benchmarks.family.members import BITS, IMAGES, MEMBERS, TABLES, TEXT, Member
from benchmarks.family.notes import note
from benchmarks.quality import tasks
from benchmarks.quality.results import Codes, Run, cpu_seconds, make
from hashret.features import Contents
from hashret.hasher import Hasher

Parts = tuple[Contents, Contents]  # database and queries
SEEDS = (0, 1, 2)
CLEANED = ("header", "footer", "quoting")


def counts() -> Parts:
    """How often each word is in each post of the tf-idf task, in its order."""
    arrays = np.load(tasks.folder() / TEXT / "counts.npz")
    return tasks._csr(arrays, "train"), tasks._csr(arrays, "test")


def strings() -> Parts:
    """The same posts as they were written, without headers, signatures and quotations."""
    from sklearn.datasets import _twenty_newsgroups as cleaner

    posts = {row["id"]: row["text"] for row in tasks._lines("20newsgroups/20news-bydate.jsonl.gz")}
    named = np.load(tasks.folder() / TEXT / "tfidf.npz")
    out = []
    for part in ("train", "test"):
        texts = [posts[name] for name in named[f"{part}_ids"]]
        for what in CLEANED:
            texts = [getattr(cleaner, f"strip_newsgroup_{what}")(text) for text in texts]
        out.append(texts)
    return out[0], out[1]


READERS: dict[str, Callable[[], Parts]] = {"counts": cache(counts), "strings": cache(strings)}
LOADERS = {TEXT: cache(tasks.newsgroups), IMAGES: cache(tasks.fashion)}


def named(task: str, slug: str, seed: int) -> Run:
    """The run of a member; the default's is another benchmark's."""
    return Run(task, "hashret" if slug == "neighbour" else f"family-{slug}", BITS, seed)


def learn(task: tasks.Task, member: Member, run: Run) -> Codes:
    """Train a member, note its seconds and its error, and give its codes."""
    parts = (task.database.contents, task.queries.contents)
    if member.reads in READERS:
        parts = READERS[member.reads]()
    start = cpu_seconds()
    hasher = Hasher.fit(parts[0], member.chosen(run.seed))
    seconds = cpu_seconds() - start
    note("runs", {**vars(run), "seconds": round(seconds, 2), "error": float(hasher.error(parts[1]).mean())})
    return Codes.learned(hasher, *parts)


def wanted(names: list[str], members: list[str]) -> Iterator[tuple[str, str]]:
    """Tasks and members in the order of the tables, each once."""
    pairs = [(name, slug) for table in TABLES.values() for slug in table.rows.values() for name in table.tasks]
    yield from ((name, slug) for name, slug in dict.fromkeys(pairs) if name in names and slug in members)


def main() -> None:
    """Every run that was asked for and is not stored."""
    parser = argparse.ArgumentParser(description="Run the members of the family and keep their codes")
    parser.add_argument("--tasks", nargs="+", default=list(LOADERS), choices=list(LOADERS))
    parser.add_argument("--members", nargs="+", default=list(MEMBERS), choices=list(MEMBERS), metavar="MEMBER")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    options = parser.parse_args()
    for name, slug in wanted(options.tasks, options.members):
        for seed in options.seeds:
            run = named(name, slug, seed)
            if not run.path.exists():
                make(run, partial(learn, LOADERS[name](), MEMBERS[slug], run))


if __name__ == "__main__":
    main()
