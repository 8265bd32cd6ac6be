import numpy as np
import pytest

from hashret.engine import Engine
from hashret.hasher import Hasher
from hashret.inputs import Entry
from hashret.settings import Settings
from indexer.errors import InvalidInput, Mismatch
from tests.hashret.conftest import make_entries

ASKED = [
    Entry("t/1", "orbit rocket moon launch satellite", {}),
    Entry("t/2", "bread butter oven recipe flour", {}),
    Entry("t/3", "goal team match player league", {"n": 3}),
]
KNOWN = [
    Entry("s/1", "rocket orbit moon launch", {}),
    Entry("s/2", "satellite launch moon rocket orbit", {}),
    Entry("s/3", "bank rate market stock", {}),
    Entry("s/4", "goal team match player league coach", {}),
]


def filled(hasher, entries, path=":memory:"):
    engine = Engine.create(path, hasher)
    engine.add(entries)
    return engine


@pytest.fixture
def train(hasher):
    with filled(hasher, KNOWN) as engine:
        yield engine


@pytest.fixture
def test(hasher):
    with filled(hasher, ASKED) as engine:
        yield engine


def test_each_entry_has_the_nearest_of_the_other_file(test, train):
    found = test.leaks(train, radius=32)
    assert [(pair.key, pair.other, pair.content) for pair in found.pairs()] == [
        ("t/1", "s/2", ASKED[0].content),
        ("t/3", "s/4", ASKED[2].content),
    ]
    codes = [np.unpackbits(test.hasher.encode([entry.content])) for entry in (ASKED[0], KNOWN[1])]
    first = next(found.pairs())
    assert (first.distance, first.similarity) == ((codes[0] != codes[1]).sum(), pytest.approx(1, abs=1e-5))
    assert [row.key for row in found.rows()] == ["t/2"]
    assert (len(found), found.ratio) == (2, 2 / 3)
    assert [pair.key for pair in found.least(1)] == ["t/3"]


def test_a_small_radius_is_brute_force(hasher):
    entries, others = make_entries(60, 1), make_entries(60, 2)
    codes = [np.unpackbits(hasher.encode([one.content for one in side]), axis=1) for side in (entries, others)]
    near = (codes[0][:, None] != codes[1][None]).sum(2)
    with filled(hasher, entries) as ours, filled(hasher, others) as theirs:
        for radius in (0, 3):
            found = ours.leaks(theirs, radius, similar=0)
            assert (found.kept >= 0).tolist() == (near.min(1) <= radius).tolist()


def test_texts_of_another_model_are_encoded_anew(hasher, test, train):
    other = Hasher.fit([entry.content for entry in make_entries(60)], Settings(bits=16, steps=5, batch=32))
    with filled(other, ASKED) as ours:
        assert list(ours.leaks(train, 32).pairs()) == list(test.leaks(train, 32).pairs())


def test_codes_that_have_nothing_to_do_with_each_other_are_a_mismatch(vectors, vector_hasher, train):
    other = Hasher.fit(vectors, Settings(bits=16, steps=5, batch=32))
    with filled(vector_hasher, []) as ours, filled(other, []) as theirs:
        for another, kind in ((theirs, "vectors"), (train, "texts")):
            with pytest.raises(Mismatch) as caught:
                ours.leaks(another)
            assert str(caught.value) == (
                f":memory:: its codes are of model {vector_hasher.digest[:12]} of vectors, those of :memory: of "
                f"{another.hasher.digest[:12]} of {kind}, and only texts can be encoded anew: store both with one "
                "model, as by Engine.create(path, hasher)"
            )


def test_codes_decide_where_there_is_nothing_else(vectors, vector_hasher):
    entries = [Entry(str(n), row, {}) for n, row in enumerate(vectors)]
    with filled(vector_hasher, entries[:3]) as ours, filled(vector_hasher, entries[2:]) as theirs:
        found = ours.leaks(theirs, radius=0)
        assert ("2", "2", 0, 1.0) in [(pair.key, pair.other, pair.distance, pair.similarity) for pair in found.pairs()]


def test_nothing_is_compared_with_itself(hasher, tmp_path):
    path = str(tmp_path / "a.db")
    with filled(hasher, ASKED, path) as ours, Engine.open(path) as same, pytest.raises(InvalidInput) as caught:
        ours.leaks(same)
    assert str(caught.value) == f"{path}: would be compared with itself: name another file"


def test_empty_files_have_no_leaks(hasher, train):
    with filled(hasher, []) as empty:
        assert list(empty.leaks(train).pairs()) == []
        assert list(train.leaks(empty).pairs()) == []
        assert empty.leaks(train).ratio == 0
