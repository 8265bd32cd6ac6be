import math
import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hashret.meaning.contrast import chosen, clarity, contrasts
from hashret.rows import Sparse


def sparse(rows: list[list[int]], width: int) -> Sparse:
    indptr = np.cumsum([0, *map(len, rows)])
    flat = [term for row in rows for term in row]
    return Sparse(indptr, np.array(flat, dtype=np.int32), np.ones(len(flat), np.float32), width)


def by_hand(rows: list[list[int]], bits: np.ndarray, term: int, bit: int) -> float:
    """Monroe, Colaresi and Quinn 2008, (15) to (22), with the corpus as its own prior."""
    kept = {one for one in {t for row in rows for t in row} if sum(one in row for row in rows) >= min(3, len(rows))}
    prior = {one: sum(one in row for row in rows) for one in kept}
    whole = sum(prior.values())
    odds, variance = [], 0.0
    for value in (1, 0):
        side = [set(row) & kept for row, code in zip(rows, bits, strict=True) if code[bit] == value]
        seen, size = sum(term in row for row in side), sum(map(len, side))
        odds.append(math.log((seen + prior[term]) / max(size + whole - seen - prior[term], 1e-9)))
        variance += 1 / (seen + prior[term])
    return (odds[0] - odds[1]) / math.sqrt(variance)


@given(st.lists(st.lists(st.integers(0, 6), max_size=6), min_size=1, max_size=12), st.integers(0, 2**32))
def test_contrasts_are_those_of_the_paper(rows, seed):
    bits = np.random.default_rng(seed).integers(0, 2, (len(rows), 8)).astype(np.uint8)
    terms, found = contrasts(sparse(rows, 7), bits)
    counts = {term: sum(term in row for row in rows) for term in range(7)}
    assert terms.tolist() == [term for term in range(7) if counts[term] >= min(3, len(rows)) and counts[term]]
    for place, term in enumerate(terms.tolist()):
        for bit in range(8):
            assert math.isclose(found[place, bit], by_hand(rows, bits, term, bit), rel_tol=1e-4, abs_tol=1e-5)


def test_planted_words_are_found_and_common_ones_are_not():
    """Bit 0 is the topic of words 0 to 4 against 5 to 9; words 10 to 19 are everybody's; bit 1 is chance."""
    rng = random.Random(0)
    topics = [n % 2 for n in range(400)]
    rows = [rng.sample(range(5 * topic, 5 * topic + 5), 3) + rng.sample(range(10, 20), 6) for topic in topics]
    bits = np.array([[1 - topic, rng.random() < 0.5] for topic in topics], dtype=np.uint8)
    on, off = chosen(*contrasts(sparse(rows, 20), bits), 6)
    assert sorted(on[0].tolist()) == [-1, 0, 1, 2, 3, 4]
    assert sorted(off[0].tolist()) == [-1, 5, 6, 7, 8, 9]
    assert (on[1] == -1).all()
    assert (off[1] == -1).all()
    assert clarity(sparse(rows, 20), bits, on, off).tolist() == [1.0, 0.5]


def test_nothing_is_told_where_there_is_nothing():
    bits = np.zeros((3, 8), np.uint8)
    on, off = chosen(*contrasts(sparse([[], [], []], 4), bits), 5)
    assert on.tolist() == off.tolist() == [[-1] * 5] * 8
    assert clarity(sparse([[], [], []], 4), bits, on, off).tolist() == [0.5] * 8


@given(st.lists(st.lists(st.integers(0, 5), max_size=4, unique=True), min_size=2, max_size=15), st.integers(0, 2**32))
def test_clarity_is_the_chance_that_the_right_one_has_more(rows, seed):
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (len(rows), 8)).astype(np.uint8)
    order = np.stack([rng.permutation(6) for _ in range(8)])
    on, off = order[:, :2], order[:, 2:4]
    found = clarity(sparse(rows, 6), bits, on, off)
    for bit in range(8):
        votes = [len(set(row) & set(on[bit])) - len(set(row) & set(off[bit])) for row in rows]
        pairs = [(a > b) + (a == b) / 2 for a, x in zip(votes, bits[:, bit], strict=True) if x
                 for b, y in zip(votes, bits[:, bit], strict=True) if not y]  # fmt: skip
        assert math.isclose(found[bit], np.mean(pairs) if pairs else 0.5, abs_tol=1e-6)
