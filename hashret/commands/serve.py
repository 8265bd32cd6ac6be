"""The command that shows a file in a browser: serve."""

from __future__ import annotations

import click

from hashret.shell.notes import note
from hashret.shell.options import DB, examples


@click.command(
    epilog=examples(
        "hashret serve docs.db  # http://127.0.0.1:8000/",
        "hashret serve photos.db --port 0 --images ~/photos  # a free port",
    )
)
@DB
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at; others than this machine's own need a token.",
)
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 for any that is free."
)
@click.option(
    "--token",
    help="Answer only those who send it [HASHRET_TOKEN; made and printed where HOST needs one].",
)
@click.option(
    "--images", type=click.Path(), metavar="FOLDER", help="Images: the folder that was indexed [as DB tells]."
)
def serve(db: str, host: str, port: int, token: str | None, images: str | None) -> None:
    """Serve a search page and a JSON API of DB, at http://127.0.0.1:8000/ until Ctrl-C; DB is only read.

    The API is described at /openapi.json. It needs the extra `server`: pip install 'hashret[server]'
    """
    from hashret.web.server import Address
    from hashret.web.server import serve as run

    run(db, Address.of(host, port, token), images, note)
