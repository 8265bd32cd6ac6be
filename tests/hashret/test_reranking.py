"""What is looked at to find the best: whole answers by models whose scores are known."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashret import reranking
from hashret.reranking import by_both, by_codes, by_vectors, reach, shortlist, until_sure


@dataclass
class Known:
    """Scores that stand in a table, by the number that a code is."""

    exact: np.ndarray
    nearly: np.ndarray

    def scores(self, codes, side):
        return self.exact[codes.view("<u2")[:, 0]]

    def rough(self, codes, side):
        return self.nearly[codes.view("<u2")[:, 0]]


def numbered(count):
    return np.arange(count, dtype="<u2").view(np.uint8).reshape(count, 2)


def test_how_many_are_looked_at():
    assert [reach(10, bits) for bits in (8, 64, 128, 256)] == [10_000, 10_000, 5000, 2500]
    assert [reach(k, 64) for k in (1, 100, 101, 500)] == [10_000, 10_000, 10_100, 50_000]
    assert [shortlist(k) for k in (1, 10, 11, 100)] == [300, 300, 330, 3000]


@pytest.mark.parametrize("count", [0, 1, 40, 60])
def test_few_codes_are_all_scored(monkeypatch, count):
    monkeypatch.setattr(reranking, "DECODED", 60)
    exact = np.random.default_rng(count).normal(size=count)
    places, scores = by_codes(Known(exact, -exact), numbered(count), exact, 1)
    assert places.tolist() == np.argsort(-exact).tolist()
    assert scores.tolist() == sorted(exact, reverse=True)


def test_of_many_codes_the_best_by_the_rough_score_are_scored_and_then_the_shortlist_is_read(monkeypatch):
    monkeypatch.setattr(reranking, "DECODED", 50)
    monkeypatch.setattr(reranking, "WORDS", 30)
    rng = np.random.default_rng(0)
    exact, read = rng.normal(size=200), rng.normal(size=200)
    model = Known(exact, exact + rng.normal(size=200))
    scored = sorted(np.argsort(-model.nearly)[:50], key=lambda place: -exact[place])
    places, scores = by_codes(model, numbered(200), exact, 1)
    assert (places.tolist(), scores.tolist()) == (scored, exact[scored].tolist())
    assert len(by_codes(model, numbered(200), exact, 2)[0]) == 60  # 30 k
    places, found = by_both(model, numbered(200), exact, 1, lambda at, soft: read[at] + 2 * soft)
    assert (places.tolist(), found.tolist()) == (scored[:30], (read[scored[:30]] + 2 * exact[scored[:30]]).tolist())


def test_of_vectors_no_more_may_be_read_than_are_worth_it(monkeypatch):
    monkeypatch.setattr(reranking, "VECTORS", 150)
    level, true = np.zeros(400), np.random.default_rng(4).normal(size=400)
    for k, most in ((5, 150), (6, 180)):  # 30 k
        places, scores = by_vectors(Known(level, level), numbered(400), level, k, lambda at: true[at])
        assert (places.tolist(), scores.tolist()) == ([*range(most)], true[:most].tolist())


def test_vectors_are_read_in_the_order_of_the_score(monkeypatch):
    monkeypatch.setattr(reranking, "FIRST", 20)
    exact = np.random.default_rng(1).normal(size=400)
    places, scores = by_vectors(Known(exact, exact), numbered(400), exact, 3, lambda at: exact[at] * 2)
    order = np.argsort(-exact)
    assert places.tolist() == order[: len(places)].tolist()
    assert scores.tolist() == (exact[places] * 2).tolist()
    assert len(places) == 20  # twice the score: there is no doubt about the others


@given(st.integers(0, 10**6), st.sampled_from([0, 1, 2, 99, 100, 101, 700]), st.integers(1, 120), st.floats(0, 3))
def test_what_is_read_is_a_part_from_the_first_on(seed, count, k, noise):
    rng = np.random.default_rng(seed)
    guesses = np.sort(rng.normal(size=count))[::-1]
    exact, parts = guesses + noise * rng.normal(size=count), []
    found = until_sure(guesses, lambda part: parts.append(part) or exact[part], k)
    assert found.tolist() == exact[: len(found)].tolist()
    assert len(found) >= min(count, max(k, 100))
    assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])]


@pytest.mark.parametrize("count", [150, 5000])
def test_guesses_that_tell_nothing_have_all_read_and_certain_ones_no_more(count):
    rng = np.random.default_rng(2)
    guesses = np.linspace(1, 0, count)
    for exact, most in ((rng.normal(size=count), count), (3 * guesses - 1, 100), (np.zeros(count), 100)):
        assert len(until_sure(guesses, lambda part, exact=exact: exact[part], 10)) == most
    level = rng.normal(size=count)
    assert len(until_sure(np.zeros(count), lambda part: level[part], 10)) == count
    assert len(until_sure(guesses, lambda part: -guesses[part], 10)) == count  # the best are last


@pytest.mark.parametrize("score", [1.0, 0.9999864, 0.3])
def test_copies_of_an_entry_are_not_read_to_the_last(score):
    exact = np.full(500, score, np.float32)
    exact[::2] = np.nextafter(exact[::2], np.float32(0))
    for guesses in (np.full(500, 0.998, np.float32), -np.sort(-exact)):
        assert len(until_sure(guesses, lambda part: exact[part], 10)) == 100


def test_the_best_are_found_among_few():
    """Normal scores and guesses that are wrong by half as much: nearly all of the ten best, in a tenth of all."""
    rng, found, shares = np.random.default_rng(3), [], []
    for _ in range(60):
        true = rng.normal(size=4000)
        guesses = true + 0.5 * rng.normal(size=4000)
        order = np.argsort(-guesses)
        best = set(np.argsort(-true)[:10])
        read = until_sure(guesses[order], lambda part, exact=true[order]: exact[part], 10)
        found.append(len(best & set(order[: len(read)])) / 10)
        shares.append(len(read) / 4000)
    assert np.mean(found) > 0.97
    assert np.mean(shares) < 0.12
