import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashret.evaluate import precision_at


def by_enumeration(distances, relevant, k):
    """Precision at k in every order of the entries that respects the distances."""
    order = range(len(distances))
    ranked = {
        tuple(sorted(permutation, key=lambda entry: distances[entry])) for permutation in itertools.permutations(order)
    }
    return [np.mean([relevant[entry] for entry in ranking[:k]]) for ranking in ranked]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6),
    st.integers(1, 8),
)
def test_precision_is_the_mean_and_the_worst_over_all_orders_of_ties(entries, k):
    distances, relevant = (np.array(column)[None] for column in zip(*entries, strict=True))
    every = by_enumeration(distances[0], relevant[0], k)
    assert precision_at(distances, relevant, k)[0] == pytest.approx(np.mean(every))
    assert precision_at(distances, relevant, k, worst=True)[0] == pytest.approx(min(every))


def test_all_equal_distances_give_the_base_rate():
    relevant = np.array([[True, False, False, False]])
    assert precision_at(np.zeros((1, 4)), relevant, 2)[0] == 0.25
