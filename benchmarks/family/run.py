"""Run the members of the family on two tasks: `python -m benchmarks.family.run [--members ...]`.

A run becomes a line of results/family/runs.jsonl, and one that has a line is skipped: the task's figure by Hamming
distance with ties counted fairly, the mean `Hasher.error` of the queries, which no label enters, and the seconds of
training alone on one core. The default, kind "neighbour", is the method "hashret" of benchmarks.quality.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from benchmarks.family.members import BITS, IMAGES, MEMBERS, TABLES, TEXT, Member
from benchmarks.quality import tasks
from benchmarks.quality.notes import known, note
from benchmarks.quality.results import Codes, Run, cpu_seconds
from benchmarks.quality.scoring import map_1000, mean, precision_100
from hashret.contents import Contents
from hashret.hasher import Hasher

Parts = tuple[Contents, Contents]  # database and queries
SEEDS = (0, 1, 2)
DEFAULT = "hashret"  # the method of benchmarks.quality
METRICS = {TEXT: ("P@100", precision_100), IMAGES: ("mAP@1000", map_1000)}
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
    return Run(task, DEFAULT if slug == "neighbour" else f"family-{slug}", BITS, seed)


def learn(task: tasks.Task, member: Member, run: Run) -> None:
    """Train a member, and note what it came to."""
    parts = (task.database.contents, task.queries.contents)
    if member.reads in READERS:
        parts = READERS[member.reads]()
    start = cpu_seconds()
    hasher = Hasher.fit(parts[0], member.chosen(run.seed))
    seconds = cpu_seconds() - start
    figure = mean(task, Codes.learned(hasher, *parts), METRICS[run.task][1])
    line = {"figure": round(figure, 4), "error": float(hasher.error(parts[1]).mean()), "seconds": round(seconds, 2)}
    note("family/runs", {**vars(run), **line})


def wanted(names: list[str], members: list[str]) -> Iterator[tuple[str, str]]:
    """Tasks and members in the order of the tables, each once."""
    pairs = [(name, slug) for table in TABLES.values() for slug in table.rows.values() for name in table.tasks]
    yield from ((name, slug) for name, slug in dict.fromkeys(pairs) if name in names and slug in members)


def main() -> None:
    """Every run that was asked for and has no line."""
    parser = argparse.ArgumentParser(description="Run the members of the family")
    parser.add_argument("--tasks", nargs="+", default=list(LOADERS), choices=list(LOADERS))
    parser.add_argument("--members", nargs="+", default=list(MEMBERS), choices=list(MEMBERS), metavar="MEMBER")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    options = parser.parse_args()
    for name, slug in wanted(options.tasks, options.members):
        for seed in options.seeds:
            run = named(name, slug, seed)
            if run.method != DEFAULT and not known("family/runs", **vars(run)):
                learn(LOADERS[name](), MEMBERS[slug], run)


if __name__ == "__main__":
    main()
