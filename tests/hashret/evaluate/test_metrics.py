import itertools

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from hashret.evaluate import (
    average_precision,
    bootstrap,
    ndcg_at,
    precision_at,
    precision_at_recall,
    recall_at,
    within,
)
from hashret.evaluate.metrics import ranks
from indexer.errors import InvalidInput

RANKINGS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=6)
nan = float("nan")


def orders(distances):
    """Every order of the entries that respects the distances."""
    return [
        order
        for order in itertools.permutations(range(len(distances)))
        if all(distances[left] <= distances[right] for left, right in itertools.pairwise(order))
    ]


def plain_average_precision(relevant, k, found):
    """Of one ranking, as the textbook has it."""
    places = [place for place, hit in enumerate(relevant[:k], 1) if hit]
    total = sum(number / place for number, place in enumerate(places, 1))
    return total / max(1, len(places) if found else sum(relevant))


def plain_ndcg(gains, k):
    def dcg(ranked):
        return sum(gain / np.log2(place + 1) for place, gain in enumerate(ranked[:k], 1))

    return dcg(gains) / dcg(sorted(gains, reverse=True))


def as_arrays(entries, dtype):
    """Distances (1, n) and gains (1, n)."""
    distances, gains = zip(*entries, strict=True)
    return np.array([distances], dtype=dtype), np.array([gains], dtype=float)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
@given(entries=RANKINGS, k=st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_every_metric_is_the_mean_over_all_orders_of_ties(dtype, entries, k):
    distances, gains = as_arrays(entries, dtype)
    relevant = gains > 0
    ranked = [relevant[0, list(order)].tolist() for order in orders(distances[0])]
    hits = [sum(ranking[:k]) for ranking in ranked]
    assert precision_at(distances, relevant, k)[0] == pytest.approx(np.mean(hits) / k)
    assert precision_at(distances, relevant, k, worst=True)[0] == pytest.approx(min(hits) / k)
    if not relevant.any():
        return
    every = relevant.sum()
    assert recall_at(distances, relevant, k)[0] == pytest.approx(np.mean(hits) / every)
    assert recall_at(distances, relevant, k, worst=True)[0] == pytest.approx(min(hits) / every)
    for found in (False, True):
        expected = np.mean([plain_average_precision(ranking, k, found) for ranking in ranked])
        assert average_precision(distances, relevant, k, found=found)[0] == pytest.approx(expected)
    whole = np.mean([plain_average_precision(ranking, None, False) for ranking in ranked])
    assert average_precision(distances, relevant)[0] == pytest.approx(whole)
    graded = np.mean([plain_ndcg(gains[0, list(order)].tolist(), k) for order in orders(distances[0])])
    assert ndcg_at(distances, gains, k)[0] == pytest.approx(graded)


@given(entries=RANKINGS, level=st.floats(0.01, 1))
@settings(max_examples=60, deadline=None)
def test_precision_at_recall_is_taken_at_the_expected_place(entries, level):
    distances, gains = as_arrays(entries, np.int32)
    relevant = gains > 0
    if not relevant.any():
        return
    wanted = int(np.ceil(level * relevant.sum() - 1e-9))
    ranked = [relevant[0, list(order)] for order in orders(distances[0])]
    places = [np.flatnonzero(ranking)[wanted - 1] + 1 for ranking in ranked]
    assert precision_at_recall(distances, relevant, [level])[0, 0] == pytest.approx(wanted / np.mean(places))


@pytest.mark.parametrize("seed", range(3))
def test_without_ties_all_is_as_trec_eval_has_it(seed):
    rng = np.random.default_rng(seed)
    count = 40
    distances = np.stack([rng.permutation(count) for _ in range(8)])
    gains = rng.integers(0, 4, (8, count)) * (rng.random((8, count)) < 0.3)
    qrels = {str(q): {str(n): int(gain) for n, gain in enumerate(row)} for q, row in enumerate(gains)}
    run = {str(q): {str(n): float(-away) for n, away in enumerate(row)} for q, row in enumerate(distances)}
    cuts = (1, 3, 10, 39, 60)
    names = {f"{name}.{','.join(map(str, cuts))}" for name in ("P", "recall", "map_cut", "ndcg_cut")} | {"map"}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, names).evaluate(run)
    relevant, graded = gains > 0, gains.astype(float)
    ours = {"map": average_precision(distances, relevant)}
    for k in cuts:
        ours[f"P_{k}"] = precision_at(distances, relevant, k)
        ours[f"recall_{k}"] = recall_at(distances, relevant, k)
        ours[f"map_cut_{k}"] = average_precision(distances, relevant, k)
        ours[f"ndcg_cut_{k}"] = ndcg_at(distances, graded, k)
    assert set(ours) == set(theirs["0"])
    for name, values in ours.items():
        assert values == pytest.approx([theirs[str(q)][name] for q in range(8)]), name


def test_golden_values():
    distances = np.array([[1, 2, 2, 3]])
    relevant = np.array([[True, True, False, True]])
    assert precision_at(distances, relevant, 2)[0] == 0.75
    assert precision_at(distances, relevant, 2, worst=True)[0] == 0.5
    assert recall_at(distances, relevant, 2)[0] == 0.5
    assert average_precision(distances, relevant)[0] == pytest.approx((1 + (1 + 2 / 3) / 2 + 3 / 4) / 3)
    assert average_precision(distances, relevant, 2)[0] == pytest.approx((1 + 0.5) / 3)
    assert average_precision(distances, relevant, 2, found=True)[0] == pytest.approx(1)
    assert precision_at_recall(distances, relevant, [0.3, 0.6, 1]).tolist() == [[1, 2 / 2.5, 0.75]]
    assert ndcg_at(np.array([[2, 1]]), np.array([[3.0, 1.0]]), 2)[0] == pytest.approx(
        (1 + 3 / np.log2(3)) / (3 + 1 / np.log2(3))
    )


def test_all_equal_distances_give_the_base_rate():
    relevant = np.array([[True, False, False, False]])
    assert precision_at(np.zeros((1, 4)), relevant, 2)[0] == 0.25
    assert recall_at(np.zeros((1, 4)), relevant, 2)[0] == 0.5
    assert average_precision(np.zeros((1, 4)), relevant)[0] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_more_than_there_is_counts_as_irrelevant():
    distances, relevant = np.array([[3]]), np.array([[True]])
    assert precision_at(distances, relevant, 10)[0] == 0.1
    assert recall_at(distances, relevant, 10)[0] == 1
    assert average_precision(distances, relevant, 10, found=True)[0] == 1
    assert ndcg_at(distances, relevant.astype(float), 10)[0] == 1
    assert precision_at_recall(distances, relevant, [0.5]).tolist() == [[1]]


def test_nothing_relevant_and_nothing_at_all():
    for shape in ((2, 3), (2, 0)):
        distances, relevant = np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=bool)
        assert precision_at(distances, relevant, 2).tolist() == [0, 0]
        for values in (
            recall_at(distances, relevant, 2),
            average_precision(distances, relevant),
            average_precision(distances, relevant, 2, found=True),
            ndcg_at(distances, relevant.astype(float), 2),
            precision_at_recall(distances, relevant, [0.5])[:, 0],
        ):
            assert np.isnan(values).tolist() == [True, True]
    none = np.zeros((0, 3), dtype=np.int32), np.zeros((0, 3), dtype=bool)
    assert len(precision_at(*none, 2)) == len(average_precision(*none, 2, found=True)) == len(within(*none, 2)[0]) == 0


def test_a_query_without_a_relevant_entry_leaves_the_others_alone():
    distances, relevant = np.array([[0, 1], [1, 0]]), np.array([[False, False], [True, False]])
    assert average_precision(distances, relevant).tolist() == pytest.approx([nan, 0.5], nan_ok=True)
    assert average_precision(distances, relevant, 1, found=True).tolist() == pytest.approx([nan, 0], nan_ok=True)
    assert precision_at_recall(distances, relevant, [1])[:, 0].tolist() == pytest.approx([nan, 0.5], nan_ok=True)


def test_within_a_radius():
    distances = np.array([[0, 1, 2, 3], [4, 4, 4, 4]])
    relevant = np.array([[True, False, True, True], [True, True, False, False]])
    precision, recall, share = within(distances, relevant, 2)
    assert precision.tolist() == [pytest.approx(2 / 3), 0]
    assert recall.tolist() == [pytest.approx(2 / 3), 0]
    assert share.tolist() == [0.75, 0]


def test_large_ties_agree_with_drawn_orders():
    rng = np.random.default_rng(0)
    distances, relevant = rng.integers(0, 4, (1, 3000)), rng.random((1, 3000)) < 0.2
    drawn = [
        average_precision(distances + rng.random((1, 3000)) * 0.5, relevant, 1000, found=True)[0] for _ in range(200)
    ]
    expected = average_precision(distances, relevant, 1000, found=True)[0]
    assert expected == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / np.sqrt(200))


def test_ranks_keep_order_and_ties():
    assert ranks(np.array([[0.5, -1, 0.5, 7], [2, 2, 2, 2]])).tolist() == [[1, 0, 1, 2], [0, 0, 0, 0]]


def test_wide_whole_numbers_are_sorted_and_not_counted():
    distances = np.array([[10**12, -(10**12), 0, 0]])
    relevant = np.array([[True, True, False, True]])
    assert average_precision(distances, relevant) == average_precision(np.array([[2, 0, 1, 1]]), relevant)


def test_the_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(200):
        low, high = bootstrap(rng.exponential(size=80), seed=trial, rounds=200)
        covered += low <= 1 <= high
    assert 180 <= covered <= 200
    assert bootstrap(np.array([1.0, nan, 1.0])) == (1, 1)
    assert np.isnan(bootstrap(np.array([nan]))).all()
    values = rng.random(50)
    assert bootstrap(values, seed=3) == bootstrap(values, seed=3) != bootstrap(values, seed=4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda d, r: precision_at(d, r[:, :2], 1),
            "distances have shape (1, 3), relevance (1, 2): give both as (q, n)",
        ),
        (lambda d, r: recall_at(d, r, 0), "k is 0: give a whole number of at least 1"),
        (lambda d, r: average_precision(d, r, True), "k is True: give a whole number of at least 1"),
        (lambda d, r: ndcg_at(d * nan, r * 1.0, 1), "a distance is NaN: every entry needs a place in the order"),
        (
            lambda d, r: precision_at_recall(d, r, [0.0]),
            "recall level is 0.0: give a number above 0 and at most 1",
        ),
    ],
)
def test_what_no_metric_can_be_of(call, message):
    with pytest.raises(InvalidInput) as caught:
        call(np.array([[1, 2, 3]]), np.array([[True, False, True]]))
    assert str(caught.value) == message
