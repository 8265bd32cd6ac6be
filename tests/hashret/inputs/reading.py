"""Files written and read, and what is said of those that cannot be."""

from pathlib import Path

import pytest

from hashret.inputs import ReadOptions, Source
from indexer.errors import InvalidInput


def read(*paths, **options):
    return list(Source(paths, ReadOptions(**options)))


def message(*paths, error=InvalidInput, **options):
    with pytest.raises(error) as caught:
        read(*paths, **options)
    return str(caught.value)


def write(path, data):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
