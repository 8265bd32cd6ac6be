"""A few keys and fields of a file, read at a glance: for completion in a shell, and for what was meant by a wrong key.

Nothing here raises, waits for a lock, or writes: where a file cannot be read, is none of ours, or takes longer than
asked, there is nothing to offer. SQLAlchemy is not imported, which would take longer than the reading.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any

MOST = 200  # keys, fields or values
LOOKED_AT = 1000  # entries whose meta is read
LAST = "\U0010ffff"  # after every other character
FIELDS = (
    "SELECT DISTINCT field.key FROM (SELECT meta FROM entries WHERE meta IS NOT NULL {limit}) AS entry, "
    "json_each(entry.meta) AS field WHERE substr(field.key, 1, length(?1)) = ?1 ORDER BY 1 LIMIT ?2"
)
VALUES = (
    "SELECT DISTINCT CASE WHEN field.type IN ('true', 'false') THEN field.type ELSE CAST(field.atom AS TEXT) END AS v "
    f"FROM (SELECT meta FROM entries WHERE meta IS NOT NULL LIMIT {LOOKED_AT}) AS entry, "
    "json_each(entry.meta) AS field WHERE field.key = ?1 AND field.atom IS NOT NULL "
    "AND substr(v, 1, length(?2)) = ?2 ORDER BY 1 LIMIT ?3"
)


def keys(path: str, start: str = "") -> list[str]:
    """The first keys, ascending, that begin so."""
    sql = "SELECT key FROM entries WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"
    return _read(path, sql, (start, start + LAST, MOST))


def fields(path: str, start: str = "", *, every: bool = False) -> list[str]:
    """Names of top-level fields of meta that begin so, of the first entries or of every one."""
    limit = "" if every else f"LIMIT {LOOKED_AT}"
    return _read(path, FIELDS.format(limit=limit), (start, MOST), seconds=5 if every else 1)


def values(path: str, field: str, start: str = "") -> list[str]:
    """Values, as texts, of a field of meta of the first entries."""
    return _read(path, VALUES, (field, start, MOST))


def like_key(path: str, key: str) -> list[str]:
    """Keys that begin or end as this one, which may be mistyped in one place: a pass over the index of keys."""
    half = max(1, len(key) // 2)
    sql = (
        "SELECT key FROM entries WHERE (substr(key, 1, ?1) = ?2 OR substr(key, -?1) = ?3) "
        "AND length(key) BETWEEN ?4 AND ?5 LIMIT 2000"
    )
    return _read(path, sql, (half, key[:half], key[-half:], len(key) - 3, len(key) + 3))


def _read(path: str, sql: str, values: tuple[Any, ...], seconds: float = 1) -> list[Any]:
    """The first column of the rows; none where anything goes wrong or it takes longer."""
    if not Path(path).is_file():
        return []
    # A reader of a file that nobody has open would leave an empty log behind, but for this promise of no writer.
    alone = "" if Path(f"{path}-wal").exists() else "&immutable=1"
    uri = f"{Path(path).absolute().as_uri()}?mode=ro{alone}"
    end = monotonic() + seconds
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=0.1)) as connection:
            connection.set_progress_handler(lambda: monotonic() > end, 10_000)
            return [row[0] for row in connection.execute(sql, values)]
    except (sqlite3.Error, OSError, ValueError):
        return []
