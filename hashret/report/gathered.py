"""All that a report shows, gathered before a line of it is written: figures, meanings, entries and their pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hashret.curve import Curve
from hashret.engine import Engine
from hashret.hasher import Progress, silent
from hashret.meaning.bits import Meaning
from hashret.report.pictures import Pictures
from hashret.report.survey import Survey, survey
from hashret.results import Hit
from indexer.rows import Row

ASKED, NEAREST = 6, 6  # entries whose neighbours are shown, and how many of them
_PAGE = 512  # entries read at a time


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a report shows; `survey` is None without entries.

    `entries` and `pictures` have what is shown of entries by id, `neighbours` a few entries with their nearest by id,
    `averages` two pictures a bit (see `Pictures`).
    """

    name: str
    info: dict[str, Any]
    curve: Curve
    meaning: Meaning
    survey: Survey | None
    neighbours: tuple[tuple[int, tuple[tuple[int, Hit], ...]], ...]
    entries: dict[int, Row]
    pictures: Pictures
    averages: list[tuple[str, str]]


def gather(engine: Engine, name: str, seed: int = 0, progress: Progress = silent) -> Gathered:
    """Everything about one file, of one moment."""
    index, info = engine.index, engine.info()
    ids, codes = index.entries()
    bits = engine.meaning(progress)
    figures = survey(ids, codes, seed, progress) if len(ids) else None
    asked = np.sort(np.random.default_rng(seed + 1).permutation(ids)[:ASKED])
    neighbours = tuple(_nearest(engine, int(one)) for one in asked)
    wanted = {int(one) for one in asked} | {number for _, hits in neighbours for number, _ in hits}
    wanted |= {number for bit in bits.bits for side in (bit.on, bit.off) for number in side.ids}
    wanted |= {number for bucket in (figures.largest if figures else ()) for number in bucket.ids}
    pictures = Pictures(index, engine.hasher, index.store.keeps_vectors)
    entries = {row.id: row for row in _rows(engine, wanted)}
    pictures.load(entries.values())
    averages = pictures.averages(codes)
    return Gathered(name, info, engine.curve, bits, figures, neighbours, entries, pictures, averages)


def _nearest(engine: Engine, number: int) -> tuple[int, tuple[tuple[int, Hit], ...]]:
    """An entry and the ids and hits of its nearest."""
    hits = engine.similar(engine.index.keys(np.array([number]))[0], k=NEAREST)
    return number, tuple(zip(engine.index.ids([hit.key for hit in hits]).tolist(), hits, strict=True))


def _rows(engine: Engine, ids: Iterable[int]) -> list[Row]:
    """The entries of these ids."""
    order, rows = sorted(ids), []
    for start in range(0, len(order), _PAGE):
        rows += engine.index.store.rows(np.array(order[start : start + _PAGE], dtype=np.int64))
    return rows
