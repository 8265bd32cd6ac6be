import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashret.duplicates.dedup import usual_radius
from hashret.engine import Engine
from hashret.inputs import Entry
from indexer.errors import InvalidInput

# Codes of 32 bits that differ in the last byte alone: near one another, with ties, copies and chains.
CODES = st.lists(st.sampled_from([0, 1, 3, 7, 15, 31, 63, 127, 240]), max_size=14)
NOTED = [
    Entry("a", "orbit rocket moon launch satellite", {"n": 1}),
    Entry("b", "bread butter oven recipe flour", {}),
    Entry("c", "orbit rocket moon launch satellite shuttle", {}),
    Entry("d", "rocket orbit launch moon satellite", {}),
    Entry("e", "goal team match player league", {}),
]


def coded(hasher, numbers):
    """An engine of these codes, under the keys 0, 1, ..."""
    codes = np.zeros((len(numbers), 4), np.uint8)
    codes[:, 3] = numbers
    engine = Engine.create(":memory:", hasher)
    engine.index.add([str(number) for number in range(len(numbers))], codes)
    return engine


def linked(numbers, radius):
    """The lowest entry that each is linked to."""
    group = list(range(len(numbers)))
    for left in range(len(numbers)):
        for right in range(left):
            if (numbers[left] ^ numbers[right]).bit_count() <= radius:
                low, high = sorted((group[left], group[right]))
                group = [low if one == high else one for one in group]
    return group


def brute(numbers, radius):
    """The first kept entry that each is near to, itself if there is none."""
    kept = {}
    for n, number in enumerate(numbers):
        kept[n] = next((m for m in kept if kept[m] == m and (number ^ numbers[m]).bit_count() <= radius), n)
    return list(kept.values())


@pytest.fixture
def noted(hasher):
    with Engine.create(":memory:", hasher) as engine:
        engine.add(NOTED)
        yield engine


def keys(found):
    """The groups as keys, the kept one first."""
    return [[group.kept.key, *(copy.key for copy in group.copies)] for group in found.groups()]


@settings(max_examples=30, deadline=None)
@given(CODES, st.integers(0, 4))
def test_copies_are_those_of_brute_force(vector_hasher, numbers, radius):
    group = brute(numbers, radius)
    with coded(vector_hasher, numbers) as engine:
        found = engine.dedup(radius)
        assert (found.kept - 1).tolist() == group
        away = [(numbers[n] ^ numbers[head]).bit_count() for n, head in enumerate(group)]
        assert found.distances.tolist() == away
        np.testing.assert_allclose(found.similarities, [1 - bits / 32 for bits in away])
        assert len(found) == sum(head != n for n, head in enumerate(group))
        assert found.ratio == len(found) / max(1, len(numbers))
        assert list(found.keys()) == [str(n) for n, head in enumerate(group) if head == n]
        members = [[str(n) for n in range(len(group)) if group[n] == head] for head in sorted(set(group))]
        expected = sorted((one for one in members if len(one) > 1), key=lambda one: -len(one))
        assert keys(found) == expected == engine.duplicates(radius)


def test_groups_are_read_by_the_page(vector_hasher, monkeypatch):
    numbers = [0, 0, 3, 3, 3, 12, 240, 240, 255]
    with coded(vector_hasher, numbers) as engine:
        whole = list(engine.dedup(0).groups())
        assert [len(group.copies) for group in whole] == [2, 1, 1]
        for page in (1, 2, 4):
            monkeypatch.setattr("hashret.duplicates.dedup.PAGE", page)
            assert list(engine.dedup(0).groups()) == whole


def test_none_one_all_equal_and_a_chain(vector_hasher):
    for numbers, kept in (([], 0), ([5], 1), ([5] * 9, 1), ([0, 1, 3, 7, 15, 31], 3), ([0, 15, 240], 3)):
        with coded(vector_hasher, numbers) as engine:
            assert len(list(engine.dedup(1).keys())) == kept, numbers


@settings(max_examples=30, deadline=None)
@given(CODES.filter(len), st.data())
def test_a_target_is_met_by_the_closest_pairs(vector_hasher, numbers, data):
    least = len(set(linked(numbers, 4)))
    target = data.draw(st.integers(least, len(numbers)))
    with coded(vector_hasher, numbers) as engine:
        copies = set(np.flatnonzero(engine.dedup(4, target=target).copies).tolist())
    assert len(numbers) - len(copies) == target
    for radius in range(4):  # all that is within fewer bits goes before anything that is not
        near = {n for n, head in enumerate(linked(numbers, radius)) if head != n}
        assert near <= copies or copies <= near


def test_a_target_that_cannot_be_met_is_told(vector_hasher):
    with coded(vector_hasher, [0, 1, 240]) as engine:
        with pytest.raises(InvalidInput) as caught:
            engine.dedup(1, target=1)
        assert str(caught.value) == (
            "target is 1: 2 entries are left by all pairs within 1 bits: give more, or a larger radius"
        )
        for target in (0, 4):
            with pytest.raises(InvalidInput) as caught:
                engine.dedup(target=target)
            assert str(caught.value) == f"target is {target}: there are 3 entries, give 1 to so many"


def test_a_radius_that_is_not_given_grows_to_the_target(vector_hasher):
    with coded(vector_hasher, [0, 1, 127]) as engine:
        found = engine.dedup(target=1)
        assert (list(found.keys()), found.radius) == (["0"], 6)


def test_words_decide_among_near_codes(noted):
    found = noted.dedup(radius=32)
    assert keys(found) == [["a", "c", "d"]]
    assert [list(noted.dedup(32, similar).keys()) for similar in (1.0, 0.0)] == [["a", "b", "c", "e"], ["a"]]
    group = next(iter(found.groups()))
    assert group.kept == noted.get("a")
    assert [copy.score for copy in group.copies] == pytest.approx([found.similarities[2], 1.0], abs=1e-6)
    assert (found.radius, found.similar) == (32, 0.65)


def test_no_text_is_read_where_codes_decide(noted, monkeypatch):
    monkeypatch.setattr("hashret.duplicates.dedup.looks", lambda *words: 1 / 0)
    found = noted.dedup(32, similar=0)
    np.testing.assert_allclose(found.similarities, 1 - found.distances / 32)


def test_the_longest_text_is_kept(noted):
    found = noted.dedup(radius=32, keep="longest")
    assert keys(found) == [["c", "a", "d"]]
    assert [row.key for row in found.rows()] == ["b", "c", "e"]


def test_texts_that_are_most_alike_go_first(noted):
    assert list(noted.dedup(32, target=4).keys()) == ["a", "b", "c", "e"]
    assert list(noted.dedup(32, target=3).keys()) == ["a", "b", "e"]
    assert list(noted.dedup(32, target=5).keys()) == ["a", "b", "c", "d", "e"]


def test_least_are_the_copies_that_are_least_like_what_is_kept(noted):
    found = noted.dedup(radius=32)
    assert [(pair.key, pair.other) for pair in found.least()] == [("c", "a"), ("d", "a")]
    assert found.least(1) == found.least()[:1]
    assert found.least(1)[0].content == NOTED[2].content
    assert [pair.key for pair in found.pairs()] == ["c", "d"]


def test_stored_vectors_are_compared(vector_hasher, vectors):
    rows = [*vectors[:10], vectors[3] * 2, vectors[4] + 0.1]
    with Engine.create(":memory:", vector_hasher, vectors=True) as engine:
        engine.add(Entry(str(n), row, {}) for n, row in enumerate(rows))
        found = engine.dedup(32, similar=0.9999)
        assert keys(found) == [["3", "10"]]
        unit = np.stack(rows) / np.linalg.norm(rows, axis=1, keepdims=True)
        everything = engine.dedup(32, target=1)
        np.testing.assert_allclose(everything.similarities[1:], (unit @ unit[0])[1:], atol=2e-3)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"radius": -1}, "radius is -1: give a whole number of at least 0"),
        ({"similar": 1.5}, "similar is 1.5: give a cosine from 0 to 1"),
        ({"keep": "last"}, "keep is 'last': give first or longest"),
    ],
)
def test_limits_that_cannot_be_are_told(noted, asked, message):
    with pytest.raises(InvalidInput) as caught:
        noted.dedup(**asked)
    assert str(caught.value) == message


def test_codes_alone_have_no_words(vector_hasher):
    with coded(vector_hasher, [1, 2]) as engine:
        with pytest.raises(InvalidInput) as caught:
            engine.dedup(3, similar=0.5)
        assert str(caught.value) == ("similar compares texts or stored vectors: of each vector there is only a code")
        with pytest.raises(InvalidInput) as caught:
            engine.dedup(3, keep="longest")
        assert str(caught.value) == ("keep is 'longest': give first, as longest is for texts and these are of vectors")


def test_the_usual_radius_is_a_bit_in_five_where_that_is_not_crowded():
    rng = np.random.default_rng(0)
    assert usual_radius(rng.integers(0, 256, (500, 8), dtype=np.uint8)) == 12
    assert usual_radius(np.zeros((0, 8), np.uint8)) == 12
    assert usual_radius(np.zeros((500, 8), np.uint8)) == 0
    crowd = np.zeros((500, 8), np.uint8)
    crowd[:, 0] = np.arange(500) // 2  # two of every value of a byte: within 3 bits 186, within 4 326
    assert usual_radius(crowd) == 3


def test_usual_limits_are_tight_where_nobody_looks_again(vector_hasher, vectors):
    rows = [*vectors[:10], vectors[3] * 2]
    entries = [Entry(str(n), row, {}) for n, row in enumerate(rows)]
    for kept, limits in ((True, (6, 0.9)), (False, (1, 0.0))):
        with Engine.create(":memory:", vector_hasher, vectors=kept) as engine:
            engine.add(entries)
            found = engine.dedup()
            assert (found.radius, found.similar) == limits
            assert any({"3", "10"} <= set(group) for group in keys(found))


def test_progress_is_told(noted):
    seen = []
    noted.dedup(32, progress=lambda phase, done, total, note="": seen.append((phase, done, total)))
    assert seen == [("pair", 10, 0), ("read", 0, 5)]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"target": 2.5}, "target is 2.5: give a whole number of at least 0"),
        ({"target": "3"}, "target is '3': give a whole number of at least 0"),
        ({"target": True}, "target is True: give a whole number of at least 0"),
        ({"similar": "1"}, "similar is '1': give a cosine from 0 to 1"),
    ],
)
def test_limits_that_are_no_numbers_are_told(vector_hasher, asked, told):
    with coded(vector_hasher, [0, 1, 240]) as engine:
        with pytest.raises(InvalidInput) as caught:
            engine.dedup(**asked)
        assert str(caught.value) == told
        with pytest.raises(InvalidInput, match=r"^k is -1: give a whole number of at least 1$"):
            engine.dedup(1).least(-1)
