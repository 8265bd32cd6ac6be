"""Commands that search: query, similar."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from hashret import output
from hashret.notes import note
from hashret.options import DB, examples, open_engine, output_options, search_options
from indexer.errors import InvalidInput, hint

if TYPE_CHECKING:
    from hashret.results import Hit


@click.command(
    epilog=examples(
        'hashret query notes.db "ideas for the garden"  # a table, or JSON lines in a pipe',
        'hashret query docs.db "cheap loan" -k 3 --where topic=money --ids',
        'hashret query notes.db "ideas for the garden" -r 4  # all within 4 flipped bits',
        "hashret query photos.db ~/photos/sneaker/1.png --csv",
    )
)
@DB
@click.argument("queries", nargs=-1, metavar="[QUERY]...")
@click.option("--file", "file", type=click.Path(allow_dash=True), help="One query a line, or .npy rows.")
@search_options
@output_options("json", "csv", "tsv", "ids")
def query(db: str, queries: tuple[str, ...], file: str | None, form: str | None, **search: Any) -> None:
    """Find the entries whose codes are nearest to each QUERY: texts, or paths of images.

    A QUERY of - stands for one query a line of standard input.
    """
    if "-" in queries:
        queries, file = tuple(text for text in queries if text != "-"), file or "-"
    with open_engine(db) as engine:
        named = list(_queries(engine.hasher.kind, queries, file))
        if not named:
            raise InvalidInput("no query: give a text, --file FILE, or - for standard input")
        contents = [content for _, content in named]
        if search.pop("explain"):
            click.echo(engine.explain(contents, search["k"], search["radius"]))
            return
        conditions = search["where"]
        results = engine.query(contents, **_asked(search))
        found = _print_hits(((name, hits) for (name, _), hits in zip(named, results, strict=True)), form)
    _end(db, found, conditions)


@click.command(
    epilog=examples(
        "hashret similar notes.db garden/1.md",
        "hashret similar docs.db money/1 money/2 -k 3 --ids",
        "hashret similar notes.db garden/1.md -r 8 --explain  # how it is searched, and why",
    )
)
@DB
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@search_options
@output_options("json", "csv", "tsv", "ids")
def similar(db: str, keys: tuple[str, ...], form: str | None, **search: Any) -> None:
    """Find the entries whose codes are nearest to those of stored entries."""
    with open_engine(db) as engine:
        if search.pop("explain"):
            click.echo(engine.explain([engine.get(key).content for key in keys], search["k"], search["radius"]))
            return
        conditions = search["where"]
        asked = _asked(search)
        found = _print_hits(((key, engine.similar(key, **asked)) for key in keys), form)
    _end(db, found, conditions)


def _asked(search: dict[str, Any]) -> dict[str, Any]:
    """Search options as keywords of `Engine.query`."""
    where = {}
    for condition in search.pop("where"):
        name, equals, value = condition.partition("=")
        if not equals:
            raise InvalidInput(f"--where {condition}: write FIELD=VALUE")
        where[name] = value
    return {**search, "where": where or None}


def _queries(kind: str, queries: Iterable[str], file: str | None) -> Iterator[tuple[str, Any]]:
    """Name and content of each query."""
    from hashret.inputs import ReadOptions, Source

    lines = kind == "text"
    if lines:
        yield from ((text, text) for text in queries)
    paths = (() if lines else tuple(queries)) + ((file,) if file else ())
    if paths:
        for entry in Source(paths, ReadOptions(lines=lines)):
            yield (str(entry.content) if lines else entry.key), entry.content


def _print_hits(results: Iterable[tuple[str, list[Hit]]], form: str | None) -> int:
    """All hits as rows; their number."""
    rows = [
        {"query": name, "rank": rank, **{item.name: getattr(hit, item.name) for item in fields(hit)}}
        for name, hits in results
        for rank, hit in enumerate(hits, 1)
    ]
    output.write(rows, form, group="query")
    return len(rows)


def _end(db: str, found: int, conditions: Iterable[str]) -> None:
    """Exit code 1 if nothing was found, with a note on each field of the conditions that no entry has."""
    from indexer import samples

    if found:
        return
    there = samples.fields(db, every=True) if conditions else []
    for name in [condition.partition("=")[0] for condition in conditions]:
        if there and len(there) < samples.MOST and name not in there:
            note(f"{db}: no entry has the field {name!r}{hint(name, there)}")
    sys.exit(1)
