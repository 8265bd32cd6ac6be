"""The page: sections in a frame, written beside its place and moved there, so that half a report never lies about."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from hashret.engine import Engine
from hashret.hasher import Progress, silent
from hashret.report.atlas import atlas
from hashret.report.figures import buckets, distances, quality, summary
from hashret.report.gathered import Gathered, gather
from hashret.report.markup import Html, element, escaped, joined
from hashret.report.sections import model, neighbours, training
from indexer.errors import InvalidInput

HERE = Path(__file__).parent
SECTIONS = (summary, quality, distances, buckets, neighbours, training, model, atlas)
KINDS = {"text": "texts", "image": "images", "vector": "embeddings", "matrix": "rows of a matrix"}
START = b"<!doctype html>"


def write_report(engine: Engine, path: str, seed: int = 0, progress: Progress = silent) -> int:
    """Write the report of an open file to `path`; its bytes. The same file gives the same report.

    Raises `InvalidInput` if there is no such folder, or if something else than a page lies there.
    """
    place = Path(path)
    if not place.parent.is_dir():
        raise InvalidInput(f"{path}: there is no folder {place.parent}: make it first")
    if place.is_dir():
        raise InvalidInput(f"{path}: is a folder: give the name of a file in it")
    if place.exists() and not _is_page(place):
        raise InvalidInput(f"{path}: is there and is no report: give another name")
    text = page(gather(engine, Path(engine.index.store.path).name, seed, progress))
    part = place.with_name(place.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(place)
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return len(text.encode())


def page(found: Gathered) -> str:
    """The whole report as HTML."""
    parts = [part for part in (make(found) for make in SECTIONS) if part is not None]
    info = found.info
    held = f"{info['entries']:,} {KINDS[info['kind']]}, {info['bits']}-bit codes, model {info['model'][:12]}"
    frame = Template((HERE / "page.html").read_text(encoding="utf-8"))
    return frame.substitute(
        title=escaped(found.name),
        held=escaped(held),
        style=(HERE / "page.css").read_text(encoding="utf-8"),
        links=_links(parts),
        body=joined(*parts),
    )


def _links(parts: list[Html]) -> Html:
    """Where the sections are."""
    found = [re.match(r'<section id="([^"]+)"><h2>([^<]+)</h2>', part) for part in parts]
    return element("ul", *(element("li", element("a", Html(one[2]), href=f"#{one[1]}")) for one in found if one))


def _is_page(place: Path) -> bool:
    """Whether a file is a page, or empty."""
    with place.open("rb") as file:
        return file.read(len(START)).lower() in (START, b"")
