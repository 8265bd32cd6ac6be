"""The command that shows what there is: demo."""

from __future__ import annotations

import click

from hashret.shell.completion import Database
from hashret.shell.options import examples


@click.command(epilog=examples("hashret demo", "hashret demo clothes.db --images"))
@click.argument("db", required=False, type=Database())
@click.option("--images", is_flag=True, help="2,000 pictures of clothes in place of Python docstrings.")
def demo(db: str | None, images: bool) -> None:
    """Build a real corpus without a download, learn its codes, store it in DB and ask it questions."""
    from hashret.demo import run

    run(db or ("demo-images.db" if images else "demo.db"), images=images)
