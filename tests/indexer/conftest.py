import sqlite3
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from indexer import Index
from indexer.rows import Model
from tests.indexer.directly import quickly

WIDTHS = (8, 16, 24, 32, 64, 128, 256)


def random_codes(count, bits, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, bits // 8), dtype=np.uint8)


def clustered_codes(count, bits, seed=0):
    """Copies of a few centres with 4 % of their bits flipped: many ties, duplicates and near codes."""
    rng = np.random.default_rng(seed)
    centres = random_codes(max(1, count // 20), bits, seed)
    flips = np.packbits(rng.random((count, bits)) < 0.04, axis=1)
    return centres[rng.integers(0, len(centres), count)] ^ flips


def names(count, first=0):
    return [f"k{number}" for number in range(first, first + count)]


def rows_of(index):
    """Ids and codes as they lie in the rows: what brute force goes by."""
    return index.store.rows_of_codes()


def python(source, *arguments):
    """Run a script in a fresh process; its output. A failed assertion there fails here."""
    done = subprocess.run([sys.executable, "-c", source, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def file_rows(path):
    connection = sqlite3.connect(path)
    rows = {
        table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
        for table in ("entries", "buckets", "vectors", "models", "facts", "segments")
    }
    connection.close()
    return rows


def change(path, statement, *values):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement, values)
    connection.close()


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "codes.db")


@pytest.fixture
def filled(path):
    """A file with 200 clustered codes of 64 bits, keys k0 to k199, and what is in it."""
    codes = clustered_codes(200, 64, seed=1)
    with Index.create(path) as index:
        ids = index.add(names(200), codes)
    return SimpleNamespace(path=path, ids=ids, codes=codes)


def succeeded(index, bits, codes, digest="digest"):
    """The index by another model that has taken over, with these codes for all entries."""
    succession, store = index.store.succession, index.store
    number = succession.begin(Model(0, bits, digest, "settings", b"weights"))
    lacking = succession.lacking(0, 10**6)
    assert succession.put(number, [one.id for one in lacking], [one.digest for one in lacking], codes)
    assert succession.promote(number)
    return Index(store.of(number))


@pytest.fixture
def index(path):
    """An open file whose radii up to 16 are answered directly."""
    with Index.create(path) as index:
        index.add(names(300), clustered_codes(300, 64))
        index.warm()
        quickly(index)
        yield index
