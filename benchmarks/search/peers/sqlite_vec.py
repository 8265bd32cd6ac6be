"""sqlite-vec: bit vectors in SQLite, scanned in C. pysqlite3 stands in where Python's sqlite3 loads no extensions."""

from __future__ import annotations

import sqlite3
from functools import partial
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from benchmarks.search.peers.peer import Call, Peer
from benchmarks.search.questions import Answers, Question
from indexer.bits import Codes

WITHIN = (
    "SELECT id, vec_distance_hamming(vec_bit(code), vec_bit(?1)) AS far FROM codes WHERE far <= ?2 ORDER BY far, id"
)
NEAREST = "SELECT rowid, distance FROM codes WHERE code MATCH vec_bit(?1) AND k = ?2 ORDER BY distance"


class SqliteVec(Peer):
    """A virtual table `vec0` for the k nearest; within a radius a plain table and `vec_distance_hamming`."""

    library = "sqlite-vec"
    most = 1_000_000

    @classmethod
    def missing(cls) -> str | None:
        """Extras of this package."""
        if not find_spec("sqlite_vec"):
            return "sqlite-vec is not installed: pip install 'hashret[bench]'"
        return None if _driver() else "this Python's sqlite3 loads no extensions: install pysqlite3-binary"

    @classmethod
    def key(cls, question: Question, bits: int, n: int) -> tuple[int, ...] | None:
        """A table for each of the two ways of asking."""
        return (int(question.way == "k"),)

    def __init__(self, codes: Codes, key: tuple[int, ...]) -> None:
        import sqlite_vec

        self.db = _driver().connect(":memory:")
        self.db.enable_load_extension(True)
        sqlite_vec.load(self.db)
        virtual = f"CREATE VIRTUAL TABLE codes USING vec0(code bit[{codes.shape[1] * 8}])"
        self.db.execute(virtual if key[0] else "CREATE TABLE codes(id INTEGER PRIMARY KEY, code BLOB)")
        insert = f"INSERT INTO codes({'rowid' if key[0] else 'id'}, code) VALUES (?, {'vec_bit(?)' if key[0] else '?'})"
        with self.db:
            self.db.executemany(insert, ((number, code.tobytes()) for number, code in enumerate(codes)))

    def given(self, queries: Codes) -> list[bytes]:
        """As BLOBs."""
        return [query.tobytes() for query in queries]

    def call(self, question: Question, queries: list[bytes], single: bool) -> Call:
        """A statement for each query."""
        return partial(_each, self.db, WITHIN if question.way == "r" else NEAREST, question.size, queries)

    def read(self, question: Question, raw: Any) -> Answers:
        """Rows."""
        return Answers.lists(raw).ordered()

    def close(self) -> None:
        """Close the database."""
        self.db.close()


def _each(db: Any, statement: str, size: int, queries: list[bytes]) -> list[list[tuple[int, int]]]:
    """The rows of each query."""
    return [db.execute(statement, (query, size)).fetchall() for query in queries]


def _driver() -> ModuleType | None:
    """A module of Python's database interface that loads extensions."""
    if hasattr(sqlite3.Connection, "enable_load_extension"):
        return sqlite3
    if not find_spec("pysqlite3"):
        return None
    import pysqlite3

    return pysqlite3
