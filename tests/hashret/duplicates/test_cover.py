"""Who is kept, against going through the entries one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashret.duplicates import cover

PAIRS = st.sets(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda pair: pair[0] < pair[1]))


def brute(order, pairs):
    """The first kept entry that each is near to, itself if there is none."""
    heads = {}
    for one in order:
        near = (other for other in order if heads.get(other) == other and {(one, other), (other, one)} & pairs)
        heads[one] = next(near, one)
    return [heads[one] for one in range(len(order))]


def covered(order, pairs, alike=lambda left, right: np.ones(len(left), bool)):
    """The same by `cover`, a few pairs at a time."""

    def stream():
        given = sorted(pairs, key=hash)
        for start in range(0, len(given), 5):
            left, right = np.array(given[start : start + 5]).T
            yield left, right, np.zeros(len(left), np.int32)

    return cover.cover(np.array(order, np.int64), stream, alike).tolist()


@settings(deadline=None)
@given(st.permutations(range(12)), PAIRS, st.sampled_from([1, 20, 1000]), st.sampled_from([1, 3, 1000]))
def test_each_is_kept_that_none_kept_before_is_near_to(order, pairs, room, part):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cover, "ROOM", room)
        patch.setattr(cover, "PART", part)
        assert covered(order, pairs) == brute(order, pairs)


@settings(deadline=None)
@given(st.permutations(range(12)), PAIRS, PAIRS)
def test_pairs_that_do_not_stand_the_second_look_are_none(order, pairs, true):
    def alike(left, right):
        return np.array([tuple(sorted(pair)) in true for pair in zip(left.tolist(), right.tolist(), strict=True)], bool)

    assert covered(order, pairs, alike) == brute(order, pairs & true)


def test_a_chain_ends_where_it_is_no_longer_near():
    steps = {(n, n + 1) for n in range(5)}
    assert covered(range(6), steps) == [0, 0, 2, 2, 4, 4]


def test_of_a_crowd_one_is_kept_and_few_pairs_are_looked_at(monkeypatch):
    monkeypatch.setattr(cover, "PART", 12)
    seen = []

    def alike(left, right):
        seen.append(len(left))
        return np.ones(len(left), bool)

    crowd = {(left, right) for right in range(12) for left in range(right)}
    assert covered(range(12), crowd, alike) == [0] * 12
    assert sum(seen) <= 12  # of 66: the first is near all others


def test_no_entries():
    assert covered(range(0), set()) == []
    assert covered(range(3), set()) == [0, 1, 2]
