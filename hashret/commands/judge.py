"""Commands that tell how good or sound a file is: info, evaluate, check."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import click

from hashret.shell import output
from hashret.shell.notes import note
from hashret.shell.options import DB, MODEL, examples, open_any, open_engine, output_options


@click.command(
    epilog=examples(
        "hashret info docs.db",
        "hashret info docs.db --json",
    )
)
@DB
@output_options("json", "csv", "tsv")
def info(db: str, form: str | None) -> None:
    """Show what DB holds: entries, model, codes, buckets and bytes."""
    with open_any(db) as engine:
        facts = engine.info()
    if form or not sys.stdout.isatty():
        output.write([facts], form)
        return
    models = facts.pop("models", [])
    output.write([{"fact": name, "value": value} for name, value in facts.items()], form)
    if models:
        output.table([one | {"digest": one["digest"][:12]} for one in models], "models")


@click.command(
    epilog=examples(
        "hashret evaluate docs.db --label topic  # stored entries ask for their own topic",
        "hashret evaluate docs.db new.jsonl --label topic -k 5  # so do queries of your own",
        "hashret evaluate docs.db --csv  # beside the neighbours by exact cosine",
    )
)
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
@MODEL
@output_options("json", "csv", "tsv")
def evaluate(db: str, judged: str | None, model: str | None, form: str | None, **asked: Any) -> None:
    """Judge the codes of DB beside exact float search and other codes (LSH, PCA, ITQ) of as many bits.

    JUDGED is a folder in the form of BEIR, or with --label a file of queries that have this field. With --label alone
    stored entries are the queries. With none of these the codes should find the neighbours by exact cosine.
    """
    from hashret.evaluate import Judgements, Options
    from hashret.evaluate import evaluate as run
    from hashret.evaluate.tables import tables

    judgements = Judgements(judged, *(asked.pop(name) for name in ("label", "qrels", "queries")))
    with open_engine(db, model) as engine, output.progress() as show:
        report = run(engine, judgements, Options(**asked), show)
    if form or not sys.stdout.isatty():
        output.write(report.rows(), form)
    else:
        for title, rows in tables(report, shutil.get_terminal_size().columns):
            output.table(rows, title)
    for line in report.notes:
        note(line)


@click.command(
    epilog=examples(
        "hashret check docs.db",
        "hashret check docs.db --sample 200  # more answers to prove",
    )
)
@DB
@click.option(
    "--sample", default=32, show_default=True, type=click.IntRange(1), help="Answers to prove by brute force."
)
@MODEL
def check(db: str, sample: int, model: str | None) -> None:
    """Prove a sample of answers by brute force, and the caches against the rows of DB."""
    with open_any(db, model) as engine:
        report = engine.check(sample)
    for line in report.checks:
        click.echo(f"ok: {line}")
    for line in report.problems:
        click.echo(f"wrong: {line}", err=True)
    if not report.ok:
        sys.exit(1)
