"""The command line: each command is one call of `Engine`, and each option is one field or one keyword.

Exit codes: 0 hits or done, 1 none found, 2 wrong usage or bad input, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

import hashret
from hashret import output
from hashret.settings import Settings
from indexer.errors import HashretError, InvalidInput, Mismatch

if TYPE_CHECKING:
    from hashret.engine import Engine, Hit

Command = TypeVar("Command", bound=Callable[..., Any])
DB = click.argument("db", type=click.Path(dir_okay=False))
PATHS = click.argument("paths", nargs=-1, required=True, metavar="PATH...")


class _Group(click.Group):
    """Turns the errors of hashret into one line on standard error and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except HashretError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("Stopped. What was stored stays stored; the same command goes on from there.", err=True)
            ctx.exit(130)


def _options_of(kind: type, skip: tuple[str, ...] = ()) -> Callable[[Command], Command]:
    """One option a field of a dataclass, with the help text and limits of its metadata."""

    def add(command: Command) -> Command:
        for item in reversed([item for item in fields(kind) if item.name not in skip]):
            text, low, high = item.metadata["help"], item.metadata.get("low"), item.metadata.get("high")
            choices = item.metadata.get("choices")
            if choices:
                value: Any = click.Choice(choices)
            elif low is None:
                value = bool if item.type == "bool" else str
            else:
                value = (click.IntRange if "int" in str(item.type) else click.FloatRange)(low, high)
            name = "--" + item.name.replace("_", "-")
            shown = item.default not in (None, "", False)
            flag = {"is_flag": True} if item.type == "bool" else {"type": value}
            option = click.option(name, item.name, default=item.default, help=text, show_default=shown, **flag)
            command = option(command)
        return command

    return add


def _read_options(command: Command) -> Command:
    """The options of reading, from `ReadOptions`."""
    from hashret.inputs import ReadOptions

    return _options_of(ReadOptions)(command)


def _output_options(*names: str) -> Callable[[Command], Command]:
    """Flags that choose the form of the rows printed."""
    texts = {"json": "JSON lines.", "csv": "CSV with a header.", "tsv": "TSV with a header.", "ids": "Keys only."}

    def add(command: Command) -> Command:
        for name in reversed(names):
            command = click.option(f"--{name}", "form", flag_value=name, help=texts[name])(command)
        return command

    return add


def _search_options(command: Command) -> Command:
    """Options that every search has."""
    for option in reversed(
        (
            click.option("-k", default=10, show_default=True, type=click.IntRange(1), help="How many to find."),
            click.option(
                "-r", "--radius", type=click.IntRange(0), help="All within so many flipped bits; 0: the same code."
            ),
            click.option(
                "--where", multiple=True, metavar="FIELD=VALUE", help="Only entries whose meta has this value."
            ),
            click.option(
                "--rerank/--no-rerank", default=True, show_default=True, help="Order by the real-valued query."
            ),
            click.option("--explain", is_flag=True, help="Print how the search is done, why, and how long it takes."),
        )
    ):
        command = option(command)
    return command


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(hashret.__version__)
def main() -> None:
    """Learn binary codes for your own texts, images or embeddings and search them exactly, in one file."""


@main.command()
@DB
@PATHS
@_read_options
@_options_of(Settings)
@click.option("--store-vectors", is_flag=True, help="Images, embeddings: keep float16 vectors to rerank with.")
def index(db: str, paths: tuple[str, ...], store_vectors: bool, **options: Any) -> None:
    """Train if DB has no model, then encode and store PATH...; run it again after changes.

    PATH is a folder, a file (.txt .md .jsonl .csv .tsv .png .jpg .npy .npz) or - for lines of standard input.
    """
    from hashret.engine import Engine

    chosen = {item.name: options.pop(item.name) for item in fields(Settings)}
    settings = Settings(**chosen)
    source = _source(paths, options)
    with output.progress() as show:
        if Path(db).exists():
            with Engine.open(db) as engine:
                _same_settings(db, engine.hasher.settings, chosen)
                counts = engine.add(source, show)
        else:
            with Engine.fit(db, source, settings, vectors=store_vectors, progress=show) as engine:
                counts = engine.counts
    _report(counts, source)


@main.command()
@DB
@PATHS
@_read_options
def add(db: str, paths: tuple[str, ...], **options: Any) -> None:
    """Encode and store PATH... with the model that DB has; what is unchanged is skipped."""
    source = _source(paths, options)
    with _open(db) as engine, output.progress() as show:
        _report(engine.add(source, show), source)


@main.command()
@DB
@click.argument("queries", nargs=-1, metavar="[QUERY]...")
@click.option("--file", "file", type=click.Path(allow_dash=True), help="One query a line, or .npy rows.")
@_search_options
@_output_options("json", "csv", "tsv", "ids")
def query(db: str, queries: tuple[str, ...], file: str | None, form: str | None, **search: Any) -> None:
    """Find the entries whose codes are nearest to each QUERY: texts, or paths of images.

    A QUERY of - stands for one query a line of standard input.
    """
    if "-" in queries:
        queries, file = tuple(text for text in queries if text != "-"), file or "-"
    with _open(db) as engine:
        named = list(_queries(engine.hasher.kind, queries, file))
        if not named:
            raise InvalidInput("no query: give a text, --file FILE, or - for standard input")
        contents = [content for _, content in named]
        if search.pop("explain"):
            click.echo(engine.explain(contents, search["k"], search["radius"]))
            return
        results = engine.query(contents, **_asked(search))
        _print_hits(((name, hits) for (name, _), hits in zip(named, results, strict=True)), form)


@main.command()
@DB
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@_search_options
@_output_options("json", "csv", "tsv", "ids")
def similar(db: str, keys: tuple[str, ...], form: str | None, **search: Any) -> None:
    """Find the entries whose codes are nearest to those of stored entries."""
    with _open(db) as engine:
        if search.pop("explain"):
            click.echo(engine.explain([engine.get(key).content for key in keys], search["k"], search["radius"]))
            return
        asked = _asked(search)
        _print_hits(((key, engine.similar(key, **asked)) for key in keys), form)


@main.command()
@DB
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
def remove(db: str, keys: tuple[str, ...]) -> None:
    """Remove entries by key; if one of them is not there, none is removed."""
    with _open(db) as engine:
        count = engine.remove(keys)
    click.echo(f"{count:,} removed", err=True)


@main.command()
@DB
@_output_options("json", "csv", "tsv")
def info(db: str, form: str | None) -> None:
    """Show what DB holds: entries, model, codes, buckets and bytes."""
    with _open(db) as engine:
        facts = engine.info()
    one = form or not sys.stdout.isatty()
    output.write([facts] if one else [{"fact": name, "value": value} for name, value in facts.items()], form)


@main.command()
@DB
@click.argument("judged", required=False, type=click.Path())
@click.option("--label", metavar="FIELD", help="Relevant is what has the same value of this field.")
@click.option("--qrels", metavar="FILE", help="Grades: query, 0, key, grade, as TREC has them.")
@click.option("--queries", metavar="FILE", help="Texts for --qrels: .jsonl with ids, or .tsv of id and text.")
@click.option(
    "-k", multiple=True, default=[10], show_default=True, type=click.IntRange(1), help="Metrics of the first k."
)
@click.option("-r", "--radius", multiple=True, type=click.IntRange(0), help="Metrics within so many bits [0 2 4 8 16].")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Draws queries and baselines.")
@click.option("--sample", default=1000, show_default=True, type=click.IntRange(1), help="At most so many queries.")
@_output_options("json", "csv", "tsv")
def evaluate(db: str, judged: str | None, form: str | None, **asked: Any) -> None:
    """Judge the codes of DB beside exact float search and other codes (LSH, PCA, ITQ) of as many bits.

    JUDGED is a folder in the form of BEIR, or with --label a file of queries that have this field. With --label alone
    stored entries are the queries. With none of these the codes should find the neighbours by exact cosine.
    """
    from hashret.evaluate import Judgements, Options
    from hashret.evaluate import evaluate as run
    from hashret.evaluate.tables import tables

    judgements = Judgements(judged, *(asked.pop(name) for name in ("label", "qrels", "queries")))
    with _open(db) as engine, output.progress() as show:
        report = run(engine, judgements, Options(**asked), show)
    if form or not sys.stdout.isatty():
        output.write(report.rows(), form)
    else:
        for title, rows in tables(report, shutil.get_terminal_size().columns):
            output.table(rows, title)
    for note in report.notes:
        click.echo(note, err=True)


@main.command()
@DB
@click.option(
    "--sample", default=32, show_default=True, type=click.IntRange(1), help="Answers to prove by brute force."
)
def check(db: str, sample: int) -> None:
    """Prove a sample of answers by brute force, and the caches against the rows of DB."""
    with _open(db) as engine:
        report = engine.check(sample)
    for line in report.checks:
        click.echo(f"ok: {line}")
    for line in report.problems:
        click.echo(f"wrong: {line}", err=True)
    if not report.ok:
        sys.exit(1)


@main.command()
@click.argument("db", required=False, type=click.Path(dir_okay=False))
@click.option("--images", is_flag=True, help="2,000 pictures of clothes in place of 10,000 Python docstrings.")
def demo(db: str | None, images: bool) -> None:
    """Build a real corpus without a download, learn its codes, store it in DB and ask it questions."""
    from hashret.demo import run

    run(db or ("demo-images.db" if images else "demo.db"), images=images)


def _same_settings(db: str, trained: Settings, chosen: dict[str, Any]) -> None:
    """Raise `Mismatch` if a setting was asked for that DB's model was not trained with."""
    context = click.get_current_context()
    for name, value in chosen.items():
        asked = context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if asked and value != getattr(trained, name):
            there = getattr(trained, name)
            raise Mismatch(f"{db}: its model was trained with {name} {there}, not {value}: index into a new file")


def _open(db: str) -> Engine:
    """The engine of an existing file."""
    from hashret.engine import Engine

    return Engine.open(db)


def _source(paths: tuple[str, ...], options: dict[str, Any]) -> Any:
    """The entries of the paths."""
    from hashret.inputs import ReadOptions, Source

    return Source(paths, ReadOptions(**options))


def _report(counts: Any, source: Any) -> None:
    """What was stored, and what was passed over, on standard error."""
    line = f"{counts.added:,} added, {counts.updated:,} updated, {counts.unchanged:,} unchanged"
    click.echo(line + (f", {source.skipped:,} skipped" if source.skipped else ""), err=True)
    for problem in source.problems[:10]:
        click.echo(f"skipped: {problem}", err=True)


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
