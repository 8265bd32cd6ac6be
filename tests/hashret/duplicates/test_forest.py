import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashret.duplicates import forest
from hashret.duplicates.forest import Forest

PAIRS = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11), st.integers(0, 3)), max_size=60)


def components(size, pairs):
    """The lowest entry that each is linked to, one pair after another."""
    group = list(range(size))
    for left, right, *_ in pairs:
        low, high = sorted((group[left], group[right]))
        group = [low if one == high else one for one in group]
    return group


def kruskal(size, pairs, fewest):
    """The same for the closest pairs that link anything, until so few groups are left."""
    used = []
    for pair in sorted(pairs, key=lambda pair: (pair[2], pair[0], pair[1])):
        if len(set(components(size, used))) > fewest and components(size, used) != components(size, [*used, pair]):
            used.append(pair)
    return components(size, used)


def planted(pairs):
    """A forest over 12 entries, given a few pairs at a time."""
    made = Forest(12)
    for first in range(0, len(pairs), 7):
        left, right, costs = np.array(pairs[first : first + 7]).T
        made.add(left, right, costs.astype(np.float32))
    return made


@pytest.fixture(autouse=True)
def _settle_often(monkeypatch):
    monkeypatch.setattr(forest, "LEAST", 1)


@given(PAIRS)
def test_groups_are_the_connected_ones(pairs):
    made = planted(pairs)
    assert made.groups().tolist() == components(12, pairs)
    assert len(made) == len(set(components(12, pairs)))


@given(PAIRS, st.integers(1, 12))
def test_fewest_links_the_closest_first(pairs, fewest):
    pairs = [(min(left, right), max(left, right), cost) for left, right, cost in pairs if left != right]
    found = planted(pairs).groups(fewest)
    assert found.tolist() == kruskal(12, pairs, fewest)
    assert len(set(found.tolist())) == max(fewest, len(set(components(12, pairs))))


def test_a_long_chain_is_one_group():
    places = np.random.default_rng(0).permutation(4999)
    made = Forest(5000)
    made.add(places, places + 1, places.astype(np.float32))
    assert made.groups().tolist() == [0] * 5000
    assert made.groups(2).tolist() == [0] * 4999 + [4999]


def test_pairs_that_cannot_matter_are_known():
    made = Forest(4)
    made.add(np.array([0, 1]), np.array([1, 2]), np.array([1, 2], np.float32))
    made.groups()
    left, right = np.array([0, 0, 0, 2]), np.array([2, 2, 1, 3])
    assert made.cheaper(left, right, np.array([1, 3, 1, 9], np.float32)).tolist() == [True, False, True, True]


def test_no_entries_are_no_groups():
    assert Forest(0).groups().tolist() == []
    assert len(Forest(0)) == 0
