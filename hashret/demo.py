"""The demo: a real corpus without a download, learned, stored and asked, by the same calls that any user makes.

Texts are the docstrings of Python and of the packages installed here, collected by `data/pydocs.py`; images are 2,000
pictures of Fashion-MNIST. Both lie in `data/` beside this package.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path

import click
import numpy as np

from hashret.engine import Engine
from hashret.inputs import Entry, Source
from hashret.results import Hit
from hashret.settings import Settings
from hashret.shell import output
from indexer.errors import NotFound

TOPICS = Settings(bits=128, neighbours=20, steps=800, temperature=0.3)  # docstrings have thousands of small topics
QUESTIONS = (
    "copy a whole directory tree",
    "read rows of a CSV file",
    "parse dates and times from strings",
    "compress a file with gzip",
    "eigenvalues of a symmetric matrix",
    "run a command and capture what it prints",
)


def run(path: str, *, images: bool) -> None:
    """Build the corpus, train, index, and print the answers; `path` must not exist, or is used again as it is."""
    start = time.perf_counter()
    if not Path(path).exists():
        with tempfile.TemporaryDirectory() as folder, output.progress() as show:
            entries = list(_images()) if images else Source((_collect(folder),))
            settings = Settings() if images else TOPICS
            Engine.fit(path, entries, settings, progress=show).close()
    with Engine.open(path) as engine:
        (_ask_images if images else _ask_texts)(engine)
        facts, first = engine.info(), engine.index.keys(np.array([1]))[0]
    size, bits = f"{facts['bytes'] / 1e6:.1f} MB", f"{facts['bits']}-bit codes"
    click.echo(f"{facts['entries']:,} entries, {bits}, {size} in {path}; {time.perf_counter() - start:.0f} s.")
    click.echo(f"Go on with: hashret similar {path} {first}" if images else f'Go on with: hashret query {path} "..."')


def _data(name: str) -> Path:
    """A file of the data folder, in a checkout or in an installed package."""
    home = Path(__file__).parent
    for folder in (home / "data", home.parent / "data"):
        if (folder / name).exists():
            return folder / name
    raise NotFound(f"{name}: the data of the demo is not installed: run it in a checkout")


def _collect(folder: str) -> str:
    """The docstrings as a JSONL file in this folder."""
    path = str(Path(folder) / "pydocs.jsonl")
    subprocess.run([sys.executable, str(_data("pydocs.py")), path], check=True, stderr=subprocess.DEVNULL)
    return path


def _images() -> Iterator[Entry]:
    """Each picture with its class as meta, which training never sees."""
    sample = np.load(_data("fashion_mnist_2000.npz"))
    names = [str(name) for name in sample["classes"]]
    for number, (image, label) in enumerate(zip(sample["images"], sample["labels"], strict=True)):
        yield Entry(f"{names[label].lower().replace(' ', '-')}/{number}", image, {"class": names[label]})


def _ask_texts(engine: Engine) -> None:
    """Answers to the questions, a table each."""
    for question, hits in zip(QUESTIONS, engine.query(QUESTIONS, k=4), strict=True):
        output.table(_rows(hits), question)


def _ask_images(engine: Engine) -> None:
    """Neighbours of a few pictures, and how often a neighbour is of the same class."""
    keys = engine.index.keys(np.arange(1, len(engine) + 1, dtype=np.int64))
    for key in keys[::450]:
        output.table(_rows(engine.similar(key, k=4)), f"most similar to {key}")
    asked = keys[::20]
    same = [hit.meta["class"] == engine.get(key).meta["class"] for key in asked for hit in engine.similar(key)]
    click.echo(f"{np.mean(same):.0%} of the 10 nearest of {len(asked)} pictures are of the same class (chance: 10%).")


def _rows(hits: Iterable[Hit]) -> list[output.Row]:
    """Hits as rows of a table."""
    return [{item.name: getattr(hit, item.name) for item in fields(hit) if item.name != "meta"} for hit in hits]
