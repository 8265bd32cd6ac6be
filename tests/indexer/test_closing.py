"""Files that were closed, deleted or replaced while they are in use."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from indexer import Index
from indexer.errors import HashretError, Mismatch
from tests.indexer.conftest import random_codes


@pytest.mark.parametrize("maps", ["/proc/self/maps", "/nowhere"])
@pytest.mark.parametrize("kind", ["file", "memory"])
def test_what_was_closed_answers_nothing_and_writes_nothing(path, monkeypatch, kind, maps):
    monkeypatch.setattr("indexer.watch.MAPS", maps)
    place, code = path if kind == "file" else ":memory:", random_codes(1, 64)
    index = Index.create(place)
    index.add(["a"], code)
    index.close()
    for use in (
        lambda: index.search(code, 1),
        lambda: index.within(code, 1),
        lambda: index.bucket(code),
        lambda: index.add(["b"], code),
        lambda: index.remove(["a"]),
        lambda: index.keys([1]),
        lambda: index.store.rows(np.array([1])),
        lambda: index.store.of(1),
        lambda: len(index),
        index.check,
        index.warm,
    ):
        with pytest.raises(HashretError) as refused:
            use()
        assert str(refused.value) == f"{place}: was closed: open it again"
    index.close()
    if kind == "file":
        with Index.open(path) as again:
            assert again.store.keys(np.array([1])) == ["a"]
            assert len(again) == 1


@pytest.mark.parametrize("what", ["deleted", "replaced"])
def test_a_file_that_is_gone_is_not_written_to_nor_made_anew(path, tmp_path, what):
    other = str(tmp_path / "other.db")
    with Index.create(path) as index, Index.create(other) as later:
        index.add(["a"], random_codes(1, 64))
        later.add(["b"], random_codes(1, 64))
    index = Index.open(path)
    Path(path).unlink()
    if what == "replaced":
        Path(other).rename(path)
    gone = f"{path}: was deleted or replaced since it was opened: open it again"

    def fails(use):
        with pytest.raises(Mismatch) as caught:
            use()
        return str(caught.value)

    assert fails(lambda: index.add(["c"], random_codes(1, 64))) == gone
    with ThreadPoolExecutor(8) as pool:  # some need another connection than that which is open
        barrier = Barrier(8)
        found = list(pool.map(lambda _: barrier.wait() >= 0 and either(index.store.revision, Mismatch), range(8)))
    assert {str(one) for one in found} <= {"1", gone}
    index.close()
    if what == "deleted":
        assert not Path(path).exists()
    else:
        with Index.open(path) as index:
            assert index.ids(["b"]).tolist() == [1]


def either(use, error):
    try:
        return use()
    except error as raised:
        return raised
