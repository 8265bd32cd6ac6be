"""Floors under the quality of codes, on real data sets; a minute in all. No label is seen but by the metric."""

import numpy as np
import pytest
from codes import METHODS
from datasets import agnews, folder, newsgroups

from hashret.evaluate import precision_at


def data_is_there() -> bool:
    try:
        folder()
    except FileNotFoundError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.skipif(not data_is_there(), reason="no data sets: set HASHRET_DATA to their folder")
@pytest.mark.parametrize(("load", "floor"), [(newsgroups, 0.48), (agnews, 0.77)])
def test_32_bits_beat_lsa_itq_by_far(load, floor):
    task = load()
    precision = {}
    for name, method in METHODS.items():
        database, queries = method(task, 32, 0)
        distances = -(np.where(queries > 0, 1, -1) @ np.where(database > 0, 1, -1).T.astype(np.float32))
        precision[name] = precision_at(distances, task.relevant, 100).mean()
    assert precision["hashret"] >= max(precision["LSA + ITQ"] + 0.05, floor)
