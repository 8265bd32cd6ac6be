import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashret.evaluate.answers import first, overlap, rank_biased_overlap

ranked = st.integers(1, 6).flatmap(
    lambda k: st.tuples(*[st.permutations(range(9)).map(lambda order: order[:k]) for _ in range(2)])
)


def arrays(lists):
    return (np.array([one], dtype=np.int64) for one in lists)


@given(st.lists(st.lists(st.integers(0, 4), min_size=7, max_size=7), min_size=1, max_size=4), st.integers(1, 7))
def test_the_first_are_those_of_a_stable_sort(rows, k):
    away = np.array(rows)
    assert first(away, k).tolist() == np.argsort(away, axis=1, kind="stable")[:, :k].tolist()
    assert first(away / 7, k).tolist() == first(away, k).tolist()


@given(ranked)
def test_overlap_is_of_sets(lists):
    one, other = lists
    assert overlap(*arrays(lists)).tolist() == [len(set(one) & set(other)) / len(one)]


@given(ranked)
def test_rank_biased_overlap_is_the_sum_over_depths(lists):
    one, other = lists
    k, p = len(one), 0.9
    shares = [len(set(one[:depth]) & set(other[:depth])) / depth for depth in range(1, k + 1)]
    right = shares[-1] * p**k + (1 - p) / p * sum(share * p**depth for depth, share in enumerate(shares, 1))
    assert rank_biased_overlap(*arrays(lists))[0] == pytest.approx(right)


def test_rank_biased_overlap_by_hand():
    """Of [a b] and [b a]: nothing shared at depth 1, all at depth 2: p^2 + (1 - p) p."""
    one, other = np.array([[0, 1], [0, 1], [0, 1]]), np.array([[1, 0], [0, 1], [2, 3]])
    assert rank_biased_overlap(one, other).tolist() == pytest.approx([0.81 + 0.1 * 0.9, 1.0, 0.0])
    assert rank_biased_overlap(one, other, 0.5)[0] == pytest.approx(0.5)
