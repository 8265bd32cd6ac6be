"""The answers that every way must give, from codes in plain sight: (ids, distances), ordered by (distance, id)."""

import numpy as np


def within(ids, codes, query, radius):
    away = np.unpackbits(codes ^ query, axis=1).sum(axis=1, dtype=np.int64)
    order = [n for n in np.lexsort((ids, away)) if away[n] <= radius]
    return ids[order].tolist(), away[order].tolist()


def search(ids, codes, query, k):
    return tuple(part[:k] for part in within(ids, codes, query, codes.shape[1] * 8))
