"""Commands that search: query, similar."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from os.path import exists, isfile
from typing import TYPE_CHECKING, Any

import click

from hashret.commands import why
from hashret.shell import output
from hashret.shell.notes import note
from hashret.shell.options import DB, EMBED, each_key, examples, open_any, output_options, search_options
from indexer.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from hashret.codefile import CodeFile
    from hashret.engine import Engine
    from hashret.hasher import Hasher
    from hashret.results import Hit

FILES = (".png", ".jpg", ".jpeg", ".npy", ".npz")


@click.command(
    epilog=examples(
        'hashret query notes.db "ideas for the garden"  # a table, or JSON lines in a pipe',
        'hashret query docs.db "cheap loan" -k 3 --where topic=money --ids',
        'hashret query notes.db "ideas for the garden" -r 4  # all within 4 flipped bits',
        "hashret query docs.db loan --where topic!=travel --why  # what bits mean",
    )
)
@DB
@click.argument("queries", nargs=-1, metavar="[QUERY]...")
@click.option("--file", "file", type=click.Path(allow_dash=True), help="One query a line, or .npy rows.")
@search_options
@EMBED
@output_options("json", "csv", "tsv", "ids")
def query(db: str, queries: tuple[str, ...], file: str | None, form: str | None, **search: Any) -> None:
    """Find the entries whose codes are nearest to each QUERY: texts, or paths of images.

    A QUERY of - stands for one query a line of standard input. Of ready-made codes it is a code in hexadecimal, and
    FILE .npy or .npz of codes.
    """
    if "-" in queries and file:
        raise InvalidInput(f"- is standard input, and --file is {file}: give one of them")
    if "-" in queries:
        queries, file = tuple(text for text in queries if text != "-"), "-"
    with open_any(db, search.pop("model"), search.pop("embed")) as engine:
        names, contents = _asked_for(engine, queries, file)
        if not names:
            raise InvalidInput("no query: give a text, --file FILE, or - for standard input")
        told, explained, asked = search.pop("explain"), search.pop("why"), _asked(engine, search)
        if told:
            click.echo(engine.explain(contents, **asked))
            return
        results = engine.query(contents, **asked)
        _tell_unknown(engine, names, contents)
        if explained:
            found = zip(names, contents, results, strict=True)
            _print_whys([(name, hits, _known(engine).why(content, hits)) for name, content, hits in found], form)
        else:
            _print_hits(zip(names, results, strict=True), form)


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
    """Find the entries whose codes are nearest to those of stored entries.

    A KEY of - stands for one key a line of standard input.
    """
    with open_any(db, search.pop("model")) as engine:
        keys = tuple(each_key(keys))
        told, explained, asked = search.pop("explain"), search.pop("why"), _asked(engine, search)
        if told:
            click.echo("\n".join(str(engine.explain_similar(key, **asked)) for key in keys))
            return
        found = [(key, engine.similar(key, **asked)) for key in keys]
        if explained:
            _print_whys([(key, hits, _known(engine).why_similar(key, hits)) for key, hits in found], form)
        else:
            _print_hits(found, form)


def _known(engine: Engine | CodeFile) -> Engine:
    """The engine, if a model made its codes: others mean nothing that is known."""
    from hashret.engine import Engine

    if not isinstance(engine, Engine):
        raise InvalidInput("--why tells what the bits of a model mean, and these codes have none: leave it out")
    return engine


def _asked(engine: Engine | CodeFile, search: dict[str, Any]) -> dict[str, Any]:
    """Search options as keywords of `Engine.query`."""
    from hashret.searching import conditions

    return {**search, "where": conditions(engine.index, search["where"])}


def _asked_for(engine: Engine | CodeFile, queries: tuple[str, ...], file: str | None) -> tuple[list[str], Any]:
    """Names of the queries, and their contents; of a file without a model their codes."""
    if engine.kind == "codes":
        from hashret.exchange.ready import asked_codes

        return asked_codes(queries, file, engine.index.bits)
    lines = _are_words(_known(engine).hasher, queries, file)
    for name in () if lines else queries:
        if not exists(name):
            raise NotFound(f"{name}: no such file: entries are of kind {engine.kind}, and a query is a file of one")
    named = list(_queries(lines, queries, file))
    return [name for name, _ in named], [content for _, content in named]


def _tell_unknown(engine: Engine | CodeFile, names: list[str], contents: Any) -> None:
    """Tell of queries of which the model knows no word: their answers would look like any others."""
    from hashret.rows import Sparse

    if engine.kind != "text":
        return
    rows = _known(engine).hasher.rows(contents, query=True)
    if isinstance(rows, Sparse):
        for name, start, end in zip(names, rows.indptr, rows.indptr[1:], strict=False):
            if start == end:
                note(f"the model knows no word of {name!r}: what is nearest means nothing")


def _are_words(hasher: Hasher, queries: Iterable[str], file: str | None) -> bool:
    """Whether queries are texts; where a function embeds them, unless one is a file of an image or of vectors."""
    if hasher.embed is None:
        return hasher.kind == "text"
    return not any(name.lower().endswith(FILES) and isfile(name) for name in (*queries, file or ""))


def _queries(lines: bool, queries: Iterable[str], file: str | None) -> Iterator[tuple[str, Any]]:
    """Name and content of each query: a text, or what a path leads to."""
    from hashret.inputs import ReadOptions, Source

    if lines:
        yield from ((text, text) for text in queries)
    paths = (() if lines else tuple(queries)) + ((file,) if file else ())
    if paths:
        for entry in Source(paths, ReadOptions(lines=lines)):
            yield (str(entry.content) if lines else entry.key), entry.content


def _print_hits(results: Iterable[tuple[str, list[Hit]]], form: str | None) -> None:
    """All hits as rows; exit code 1 if there are none."""
    rows = [
        {"query": name, "rank": rank, **{item.name: getattr(hit, item.name) for item in fields(hit)}}
        for name, hits in results
        for rank, hit in enumerate(hits, 1)
    ]
    output.write(rows, form, group="query")
    if not rows:
        sys.exit(1)


def _print_whys(results: Sequence[why.Explained], form: str | None) -> None:
    """All hits with their reasons; exit code 1 if there are none."""
    if form == "table" or (form is None and sys.stdout.isatty()):
        why.tables(results)
    else:
        ranked = [
            why.row(name, rank, hit, reasons)
            for name, hits, whys in results
            for rank, (hit, reasons) in enumerate(zip(hits, whys, strict=True), 1)
        ]
        output.write(ranked, form)
    if not any(hits for _, hits, _ in results):
        sys.exit(1)
