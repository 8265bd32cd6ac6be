"""The command that finds near duplicates in a file, or between two: dedup."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from hashret.shell import output
from hashret.shell.completion import Database
from hashret.shell.notes import note
from hashret.shell.options import DB, examples, open_engine, output_options
from indexer.errors import InvalidInput

if TYPE_CHECKING:
    from hashret.duplicates.dedup import Found
    from hashret.results import Hit, Pair


@click.command(
    epilog=examples(
        "hashret dedup docs.db  # duplicates, and what to keep for them",
        "hashret dedup docs.db --keep longest -o clean.jsonl  # the cleaned corpus",
        "hashret dedup docs.db --target 100 --ids  # the keys to remove to keep 100",
        "hashret dedup docs.db --against notes.db  # entries that are in another file as well",
    )
)
@DB
@click.option(
    "-r", "--radius", type=click.IntRange(0),
    help="Codes may differ in so many bits [one in five, of codes alone one in 20; fewer where an entry has over 300 "
    "neighbours so].",
)  # fmt: skip
@click.option(
    "--similar", type=click.FloatRange(0, 1),
    help="Least cosine of words, or of stored vectors; 0: codes decide [texts 0.65, embeddings 0.9, images 0.98; 0 "
    "with --target or of codes alone].",
)  # fmt: skip
@click.option(
    "--keep", default="first", show_default=True, type=click.Choice(("first", "longest")),
    help="Of each group: the entry stored first, or the longest text.",
)  # fmt: skip
@click.option("--target", type=click.IntRange(1), help="Keep so many entries: the closest duplicates go first.")
@click.option(
    "--against", metavar="DB", type=Database(),
    help="Find entries that have a near duplicate in this file instead: test texts among those of training.",
)  # fmt: skip
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False), help="Write what is kept to this .jsonl, which index reads again."
)
@click.option("--least", type=click.IntRange(1), help="Print the so many pairs that are least alike, in place of all.")
@output_options("json", "csv", "tsv", "ids")
def dedup(db: str, against: str | None, out: str | None, least: int | None, form: str | None, **limits: Any) -> None:
    """Find near duplicates in DB: groups, the entry to keep of each, and how like it the others are.

    DB itself is not changed: --out writes what is kept, and --ids prints the keys of the others.
    """
    from hashret.exchange.export import writable, write_entries

    if out:
        writable(out)
    if against and (limits.pop("keep") != "first" or limits.pop("target") is not None):
        raise InvalidInput("--keep and --target choose among the entries of one file: leave them out with --against")
    with open_engine(db) as engine, open_engine(against) if against else nullcontext() as other:
        with output.progress() as show:
            limits["progress"] = show
            found: Found = engine.dedup(**limits) if other is None else engine.leaks(other, **limits)
        if out:
            write_entries(out, found.rows())
        pairs = found.least(least or 1)
        _print(found, pairs if least else None, form)
        note(_summary(found, pairs, against))
    if not len(found):
        sys.exit(1)


def _print(found: Found, pairs: list[Pair] | None, form: str | None) -> None:
    """Pairs, or else every duplicate: of one file by groups, of two by entry."""
    from hashret.duplicates.dedup import Duplicates

    if pairs is None and isinstance(found, Duplicates):
        groups = enumerate(found.groups(), 1)
        output.write(
            [_row(number, group.kept, copy) for number, group in groups for copy in group.copies], form, "kept"
        )
    else:
        output.write([asdict(pair) for pair in (found.pairs() if pairs is None else pairs)], form)


def _row(group: int, kept: Hit, copy: Hit) -> dict[str, Any]:
    """A duplicate, and what is kept for it."""
    return {
        "group": group,
        "kept": kept.key,
        "key": copy.key,
        "distance": copy.distance,
        "similarity": copy.score,
        "content": copy.content,
        "meta": copy.meta,
    }


def _summary(found: Found, pairs: list[Pair], against: str | None) -> str:
    """How many, within what limits, and the pair that is least alike."""
    limits = f"within {found.radius} bits" + (f" and of cosine {found.similar:.2f} or more" if found.similar else "")
    verb = f"are in {against} as well" if against else "are duplicates"
    line = f"{len(found):,} of {len(found.ids):,} entries ({found.ratio:.1%}) {verb}, {limits}"
    if pairs:
        one = pairs[0]
        line += f"; least alike: {one.key} and {one.other}, {one.distance} bits, {one.similarity:.3f}"
    return line
