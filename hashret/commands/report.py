"""The command that writes a page about a file: report."""

from __future__ import annotations

import click

from hashret.shell import output
from hashret.shell.notes import note
from hashret.shell.options import DB, examples, open_engine


@click.command(
    epilog=examples(
        "hashret report docs.db",
        "hashret report photos.db -o photos.html  # with a gallery",
    )
)
@DB
@click.option(
    "-o", "--out", default="report.html", show_default=True, type=click.Path(dir_okay=False), help="File to write."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Draws pairs and examples.")
def report(db: str, out: str, seed: int) -> None:
    """Write one HTML file that shows how good the codes of DB are and what their bits mean.

    It holds all that it shows, for a phone or a desk, light or dark: balance, correlation, buckets, distances and the
    hits of each radius, neighbours, the curve of training, and an atlas of all bits.
    """
    from hashret.report import write_report

    with open_engine(db) as engine, output.progress() as show:
        size = write_report(engine, out, seed, show)
    note(f"{out}: {size / 1e6:.1f} MB")
