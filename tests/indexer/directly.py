"""Asking an index, or tables, directly: see `indexer.kernels.direct`."""

from dataclasses import replace

import numpy as np

from indexer import Index
from indexer.matches import RangeMatches


def quickly(index, most=16):
    """Have a warm index answer so large a radius directly, whatever that takes on this machine."""
    change, table = index._memory._held
    index._memory._held = change, replace(table, quick=most)
    index._memory.direct = index._memory._directly(change, index._memory.table)
    index._shorten()


def reopened(index):
    """The same, with nothing asked yet."""
    again = Index.open(index.store.path)
    again.warm()
    quickly(again)
    return again


def nothing(*given, **named):
    """In place of the ordinary way."""


def directly(index, *asked):
    """What is answered directly; None for what is left to the ordinary way."""
    return (index._memory.direct(nothing, Index.within) or nothing)(*asked)


def same(found, right):
    """Whether an answer is made as `Index.within` makes it, of ids and distances."""
    assert type(found) is RangeMatches
    assert [part.dtype for part in (found.lims, found.ids, found.distances)] == [np.int64, np.int64, np.int32]
    assert (found.lims.tolist(), found.ids.tolist(), found.distances.tolist()) == ([0, len(right[0])], *right)
    return True
