"""Files that are open while a process forks."""

import subprocess
import sys

import pytest

from indexer import Index
from tests.indexer.conftest import random_codes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

FORK = """
import os, sys
import numpy as np
from indexer import Index
from indexer.errors import HashretError

path, busy = sys.argv[1], sys.argv[2] == "busy"
code = np.zeros((1, 8), np.uint8)
index, memory = Index.open(path), Index.create(":memory:")
view = index.store.of(1)
memory.add(["m"], code)
index.warm()
index.search(code, 1)
begun, ended = os.pipe(), os.pipe()
if busy:
    index.store.file._watch._lock.acquire()
    index._memory._lock.acquire()
child = os.fork()
if not child:
    for use in (
        lambda: index.search(code, 1), lambda: index.within(code, 1), lambda: index.add(["b"], code),
        lambda: index.store.of(1), lambda: len(view), index.check, index.warm,
    ):
        try:
            print("no error", use())
        except HashretError as error:
            print(error)
    print(memory.search(code, 1).ids.tolist())
    index.close()
    if not busy:
        with Index.open(path) as again:
            again.add(["b"], code)
            os.write(begun[1], b".")
            os.read(ended[0], 1)
            again.add(["c"], code)
    sys.stdout.flush()
    os._exit(0)
if busy:
    index.store.file._watch._lock.release()
    index._memory._lock.release()
else:
    os.read(begun[0], 1)
index.add(["d"], code)
index.close()
os.write(ended[1], b".")
os.waitpid(child, 0)
"""


@pytest.mark.parametrize("how", ["idle", "busy"])
def test_a_child_is_refused_what_its_parent_opened_and_loses_nothing_that_it_writes_by_itself(path, how):
    with Index.create(path) as index:
        index.add(["a"], random_codes(1, 64))
    run = subprocess.run(
        [sys.executable, "-c", FORK, path, how], check=True, capture_output=True, text=True, timeout=60
    )
    refused = f"{path}: was opened before this process was forked: open it again"
    assert run.stdout.splitlines() == [refused] * 7 + ["[[1]]"]
    with Index.open(path) as index:
        keys = ["a", "d"] if how == "busy" else ["a", "b", "d", "c"]
        assert sorted(index.ids(keys)) == list(range(1, len(index) + 1))
        assert index.check().problems == []
