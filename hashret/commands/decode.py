"""Commands that use the decoder: anomaly, denoise."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click

from hashret.shell import output
from hashret.shell.options import DB, examples, open_engine, output_options, read_options, source_of


@click.command(
    epilog=examples(
        "hashret anomaly docs.db --quantile 0  # the 20 worst of those stored",
        "hashret anomaly docs.db new.jsonl -k 3 --quantile 0 --json",
    )
)
@DB
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("-k", default=20, show_default=True, type=click.IntRange(1), help="At most so many, worst first.")
@click.option(
    "--quantile", default=0.99, show_default=True, type=click.FloatRange(0, 1),
    help="Only what comes back worse than this share of the training entries.",
)  # fmt: skip
@read_options
@output_options("json", "csv", "tsv")
def anomaly(db: str, paths: tuple[str, ...], k: int, quantile: float, form: str | None, **options: Any) -> None:
    """Find entries unlike those that the model of DB learned from: in PATH..., or among those stored.

    An entry is judged by how badly the model's decoder gives it back, beside the entries of its training; one of which
    the model knows no word comes first. What is new comes back worse than what was learned from, the more so the less
    that was: more than one ordinary new entry in a hundred lies beyond .99. Of texts, --kind deep keeps it near one.
    """
    with open_engine(db) as engine, output.progress() as show:
        found = engine.anomalies(source_of(paths, options) if paths else None, k=k, quantile=quantile, progress=show)
    output.write([asdict(one) for one in found], form)
    if not found:
        sys.exit(1)


@click.command(
    epilog=examples(
        "hashret denoise photos.db ~/photos/coat/1.png -o out",
        "hashret denoise photos.db ~/photos/bag/1.png ~/photos/bag/2.png -o out --noise 0.2",
    )
)
@DB
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("-o", "--out", required=True, type=click.Path(file_okay=False), help="Folder for the PNG files.")
@click.option(
    "--noise", default=0.0, type=click.FloatRange(0, 2),
    help="First add Gaussian noise of this standard deviation to clean images, and tell the PSNR gained.",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Draws the noise.")
@output_options("json", "csv", "tsv")
def denoise(db: str, images: tuple[str, ...], out: str, form: str | None, **asked: Any) -> None:
    """Write IMAGE... as the model of DB gives them back, at its size: what it never learned, as noise, is gone.

    Best of a model that was trained for it: index --kind denoising --corruption gaussian --noise 0.2 --bits 256.
    """
    from hashret.restore import restore

    with open_engine(db) as engine:
        output.write([asdict(one) for one in restore(engine.hasher, source_of(images, {}), out, **asked)], form)
