"""The command line: each command is one call of `Engine`, and each option is one field or one keyword.

Exit codes: 0 hits or done, 1 none found, 2 wrong usage or bad input, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

from typing import Any

import click

import hashret
from hashret.commands.decode import anomaly, denoise
from hashret.commands.dedup import dedup
from hashret.commands.exchange import export, import_codes
from hashret.commands.fields import fields
from hashret.commands.find import query, similar
from hashret.commands.judge import check, evaluate, info
from hashret.commands.reencode import reencode
from hashret.commands.report import report
from hashret.commands.serve import serve
from hashret.commands.write import add, index, remove
from indexer.errors import HashretError


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


@click.command()
@click.argument("db", required=False, type=click.Path(dir_okay=False))
@click.option("--images", is_flag=True, help="2,000 pictures of clothes in place of 10,000 Python docstrings.")
def demo(db: str | None, images: bool) -> None:
    """Build a real corpus without a download, learn its codes, store it in DB and ask it questions."""
    from hashret.demo import run

    run(db or ("demo-images.db" if images else "demo.db"), images=images)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(hashret.__version__)
def main() -> None:
    """Learn binary codes for your own texts, images or embeddings and search them exactly, in one file."""


for command in (
    index, add, query, similar, remove, dedup, info, fields, evaluate, report, reencode, anomaly, denoise, check,
    export, import_codes, serve, demo,
):  # fmt: skip
    main.add_command(command)
