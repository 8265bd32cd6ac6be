"""Rows to and from the database by few large statements: the hot paths of the store, and the facts.

A million rows cost .45 s where the database cuts them out of one value, .8 s as tuples to the driver, 4 s as Core
inserts of dicts; reading them row by row through SQLAlchemy costs 14 s, whole .4 s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from indexer.bits import Codes
from indexer.errors import Corrupt

MANY = 10_000  # bound values a statement; SQLite allows 32,766
CHUNK = 1_000_000  # codes a statement: SQLite's longest value is a billion bytes


def fact(connection: Connection, name: str) -> str | None:
    """A fact by name."""
    row = connection.exec_driver_sql("SELECT value FROM facts WHERE name = ?", (name,)).first()
    return None if row is None else str(row[0])


def fact_number(connection: Connection, name: str) -> int:
    """A fact that is a whole number."""
    text = fact(connection, name) or "0"
    try:
        return int(text)
    except ValueError as error:
        raise Corrupt(f"the database is damaged ({name} is {text!r}): restore it from a copy") from error


def set_facts(connection: Connection, values: Mapping[str, object]) -> None:
    """Write facts."""
    rows = [(name, str(value)) for name, value in values.items()]
    connection.exec_driver_sql("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", rows)


def insert_codes(connection: Connection, model: int, ids: list[int], codes: Codes) -> None:
    """Insert buckets by one statement whose rows the database cuts out of two values: .45 s a million, not 1.6."""
    width = codes.shape[1]
    sql = (
        "INSERT INTO buckets (model, entry, code)"
        f" SELECT ?, value, substr(?, key * {width} + 1, {width}) FROM json_each(?)"
    )
    for start in range(0, len(ids), CHUNK):
        part = slice(start, start + CHUNK)
        connection.exec_driver_sql(sql, (model, codes[part].tobytes(), json.dumps(ids[part])))


def insert_rows(connection: Connection, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """Insert columns of equal length as rows, by one statement for all."""
    rows = list(zip(*columns.values(), strict=True))
    if rows:
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)


def select_many(connection: Connection, sql: str, values: Sequence[Any]) -> list[Any]:
    """All rows of a statement whose `IN ({})` is to be filled with these values, however many."""
    found: list[Any] = []
    for start in range(0, len(values), MANY):
        part = tuple(values[start : start + MANY])
        found += connection.exec_driver_sql(sql.format(",".join("?" * len(part))), part).all()
    return found


def ids_of(connection: Connection, keys: Sequence[str]) -> dict[str, int]:
    """The id of each key that is there."""
    found = select_many(connection, "SELECT key, id FROM entries WHERE key IN ({})", keys)
    return dict(tuple(row) for row in found)


def blobs(codes: Codes) -> list[bytes]:
    """Each code as bytes."""
    width, whole = codes.shape[1], codes.tobytes()
    return [whole[start : start + width] for start in range(0, len(whole), width)]
