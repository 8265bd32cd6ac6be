"""The tables of a hashret file, and how one is made, opened and upgraded.

Seven tables of plain rows that a person can read with `sqlite3`:

entries   id, key, digest (SHA-256 of the content), content (text), meta (JSON)
buckets   model, entry, code: which code a model gave an entry; the index over (model, code) finds a bucket
vectors   entry, vector: optional features, float16 or int8, see `indexer.vectors`
models    id, digest, bits, settings (JSON), weights (safetensors), created (UTC)
facts     name, value: revision, entries, last_id, model (the one in use), beside, encoded and last_model (see
          `indexer.succession`), and what other layers note
fields    name, kind, value, entry: an index over those fields of meta that were chosen
segments  model, number, revision, size, ids, codes: a cache of `buckets`, packed 65,536 entries a row

The file says that it is ours by `PRAGMA application_id` and which format it has by `PRAGMA user_version`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
)
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import StaticPool

from indexer.errors import Corrupt, HashretError, InvalidInput, Mismatch, NotFound

MEMORY = ":memory:"
PRAGMAS = (
    "busy_timeout = 30000",
    "synchronous = NORMAL",
    "temp_store = MEMORY",
    "cache_size = -65536",  # kB: the indexes of a first load of a million entries fit
)
TRIES = 5  # to begin: SQLite gives up after ten seconds in which others were always quicker
WAL = "journal_mode = WAL"  # lasts in the file, so only a new one is told: others may not be ours
TABLES = "SELECT count(*) FROM sqlite_schema"
APPLICATION = int.from_bytes(b"HSHR")

metadata = MetaData()
entries = Table(
    "entries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False),
    Column("digest", LargeBinary),
    Column("content", Text),
    Column("meta", Text),
)
buckets = Table(
    "buckets",
    metadata,
    Column("model", Integer, primary_key=True, autoincrement=False),
    Column("entry", Integer, primary_key=True, autoincrement=False),
    Column("code", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
vectors = Table(
    "vectors",
    metadata,
    Column("entry", Integer, primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)
models = Table(
    "models",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", Text),
    Column("bits", Integer, nullable=False),
    Column("settings", Text),
    Column("weights", LargeBinary),
    Column("created", Text, nullable=False),
)
facts = Table(
    "facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
segments = Table(
    "segments",
    metadata,
    Column("model", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("ids", LargeBinary, nullable=False),
    Column("codes", LargeBinary, nullable=False),
)
by_key = Index("entries_by_key", entries.c.key, unique=True)
by_code = Index("buckets_by_code", buckets.c.model, buckets.c.code)


def _version_1(connection: Connection) -> None:
    """The first format."""
    metadata.create_all(connection)


def _version_2(connection: Connection) -> None:
    """Fields of meta that have an index, one row a value; see `indexer.selection`. Vectors may be int8."""
    connection.exec_driver_sql(
        "CREATE TABLE fields (name TEXT NOT NULL, kind TEXT NOT NULL, value NOT NULL, entry INTEGER NOT NULL,"
        " PRIMARY KEY (name, kind, value, entry)) WITHOUT ROWID"
    )
    connection.exec_driver_sql("CREATE INDEX fields_by_entry ON fields (entry)")


UPGRADES: tuple[Callable[[Connection], None], ...] = (_version_1, _version_2)  # append only; the n-th makes format n


def create(path: str, fill: Callable[[Connection], None]) -> Engine:
    """A new file, or a database in memory, with tables that `fill` gives their first rows, in one transaction.

    Raises `InvalidInput` if the file exists.
    """
    there = InvalidInput(f"{path}: exists already: add to it, or choose another name")
    if holds(path):
        raise there
    if path != MEMORY and not Path(path).absolute().parent.is_dir():
        raise NotFound(f"{path}: its folder is not there: make it first")
    engine = _connect(path, WAL)
    try:
        with mapped(path), writing(engine) as connection:
            if connection.exec_driver_sql(TABLES).scalar_one():  # another process was quicker
                raise there
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION}")
            _upgrade(connection, 0)
            fill(connection)
    except BaseException:
        engine.dispose()
        raise
    return engine


def holds(path: str) -> bool:
    """Whether a file is there that holds anything: a creation that was killed leaves a database without a table."""
    if path == MEMORY or not Path(path).exists():
        return False
    try:
        with closing(sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=rw", uri=True)) as connection:
            return bool(connection.execute(TABLES).fetchone()[0])
    except sqlite3.Error:
        return True


def open_file(path: str) -> Engine:
    """An existing file, upgraded to this format.

    Raises `NotFound`, `InvalidInput` for a file that is not ours, `Corrupt`, or `Mismatch` for a newer format.
    """
    if path == MEMORY:
        raise InvalidInput(":memory: is always new: create it")
    if not Path(path).is_file():
        raise NotFound(f"{path}: no such file: create it first, as by `hashret index`")
    engine = _connect(path)
    try:
        with mapped(path):
            with engine.begin() as connection:
                found = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
                version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
                tables = connection.exec_driver_sql(TABLES).scalar_one()
            if not tables:
                raise NotFound(f"{path}: is empty: create it first, as by `hashret index`")
            if found != APPLICATION:
                raise InvalidInput(f"{path}: is a database of something else: choose another name")
            if version > len(UPGRADES):
                raise Mismatch(f"{path}: has format {version}, this hashret reads up to {len(UPGRADES)}: upgrade it")
            if version < len(UPGRADES):
                with writing(engine) as connection:  # another process may have upgraded it meanwhile
                    _upgrade(connection, connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    except BaseException:
        engine.dispose()
        raise
    return engine


def refuse_closed(path: str) -> NoReturn:
    """Tell who uses a file that was closed."""
    raise HashretError(f"{path}: was closed: open it again")


def refuse_forked(path: str) -> NoReturn:
    """Tell who uses a file that the parent of this process opened."""
    raise HashretError(f"{path}: was opened before this process was forked: open it again")


def close(engine: Engine, path: str, refuse: Callable[[str], NoReturn] = refuse_closed) -> None:
    """Let go of the file; without more ado the engine would open it again for whoever goes on."""
    event.listen(engine, "do_connect", lambda *_: refuse(path))
    engine.dispose()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that holds the write lock from its start; rolled back whole by any exception."""
    with engine.connect() as plain:
        connection = plain.execution_options(hashret_begin="BEGIN IMMEDIATE")
        with connection.begin():
            yield connection


@contextmanager
def mapped(path: str) -> Iterator[None]:
    """Errors of the database as ours, with the file they are about."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{path}: {error.object!r} holds what UTF-8 cannot write: give another text") from error
    except UnicodeDecodeError as error:
        raise Corrupt(f"{path}: the database is damaged ({error}): restore it from a copy") from error
    except DBAPIError as error:
        text = str(error.orig)
        if "not a database" in text:
            raise InvalidInput(f"{path}: is no database: choose another name") from error
        if any(word in text for word in ("malformed", "corrupt", "Could not decode")):
            raise Corrupt(f"{path}: the database is damaged ({text}): restore it from a copy") from error
        if "unable to open" in text:
            here = "where it may be written, and open it once" if Path(f"{path}-wal").exists() else "to another folder"
            raise HashretError(f"{path}: cannot be opened ({text}): copy it, with all beside it, {here}") from error
        if "readonly" in text:
            raise HashretError(f"{path}: cannot be written to: change the mode of it and its folder") from error
        if "locked" in text or "locking" in text:
            raise HashretError(f"{path}: another process is writing to it: try again") from error
        raise HashretError(f"{path}: {text}") from error


def _upgrade(connection: Connection, version: int) -> None:
    """Bring a file of this format to the newest."""
    for step in UPGRADES[version:]:
        step(connection)
    connection.exec_driver_sql(f"PRAGMA user_version = {len(UPGRADES)}")


def reading(path: str) -> tuple[str, dict[str, str]]:
    """Where and how SQLite opens a file to read it: a URI without its query, and the query.

    SQLite wants to write beside a file that it reads. Where nobody may, it takes our word that nobody will, unless the
    log of a writer is there, https://www.sqlite.org/wal.html#readonly.
    """
    place = Path(path).absolute()
    still = not _writable(place) and not Path(f"{place}-wal").exists()
    return place.as_uri(), {"mode": "ro", **({"immutable": "1"} if still else {})}


def _writable(place: Path) -> bool:
    """Whether this process may write to a file, if it is there, and beside it."""
    return os.access(place.parent, os.W_OK) and (os.access(place, os.W_OK) or not place.exists())


class _SameFile:
    """Whether a name is still that of the file that was opened by it: what is written to another would be lost."""

    def __init__(self, path: str) -> None:
        self._path, self._place = path, Path(path).absolute()
        self._number: tuple[int, int] | None = None

    def remember(self) -> None:
        """Take the file for the right one, unless one is known."""
        if self._number is None and self._path != MEMORY:
            self._number = self._now()

    def check(self, *_: object) -> None:
        """Raise `Mismatch` if it is another, or gone."""
        if self._number is not None and self._now() != self._number:
            raise Mismatch(f"{self._path}: was deleted or replaced since it was opened: open it again")

    def _now(self) -> tuple[int, int]:
        """What tells a file from another; of one that is not there nothing."""
        try:
            stat = self._place.stat()
        except OSError:
            return 0, 0
        return stat.st_dev, stat.st_ino


def _connect(path: str, *pragmas: str) -> Engine:
    """An engine whose connections begin transactions when we say so, not when the driver thinks fit."""
    options: dict[str, Any] = {}
    url = URL.create("sqlite", database=path)
    if path == MEMORY:
        options = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    elif not _writable(Path(path).absolute()):
        place, query = reading(path)
        url = URL.create("sqlite", database=place, query={**query, "uri": "true"})
    engine = create_engine(url, **options)
    same = _SameFile(path)
    event.listen(engine, "do_connect", same.check)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: object) -> None:
        same.remember()
        connection.isolation_level = None
        for pragma in PRAGMAS + pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        words = connection.get_execution_options().get("hashret_begin", "BEGIN")
        if words != "BEGIN":
            same.check()
        for left in range(TRIES - 1, -1, -1):
            try:
                connection.exec_driver_sql(words)
                return
            except OperationalError as error:
                if not left or "locking protocol" not in str(error.orig):
                    raise

    return engine
