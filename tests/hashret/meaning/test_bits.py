import dataclasses

import numpy as np
import pytest

from hashret.engine import Engine
from hashret.hasher import Hasher
from hashret.inputs import Entry
from hashret.meaning import bits as module
from hashret.meaning.bits import correlations, entropies
from hashret.rows import Sparse
from hashret.settings import Settings
from indexer.bits import unpack
from tests.hashret.conftest import FAST, TOPICS, make_entries


def bits_of(engine):
    return unpack(engine.index.entries()[1])


def test_figures_are_those_of_all_entries_where_they_are_few(engine):
    found, bits = engine.meaning(), bits_of(engine)
    assert found.sample == 120
    assert [bit.number for bit in found.bits] == list(range(32))
    np.testing.assert_allclose([bit.ones for bit in found.bits], bits.mean(0))
    for bit in found.bits:
        p = bit.ones
        assert bit.entropy == pytest.approx(-p * np.log2(p) - (1 - p) * np.log2(1 - p) if 0 < p < 1 else 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.nan_to_num(np.corrcoef(bits.T))
    np.fill_diagonal(expected, 0)
    for bit in found.bits:
        assert abs(bit.correlation) == pytest.approx(np.abs(expected[bit.number]).max(), abs=1e-5)
        if bit.other is not None:
            assert bit.correlation == pytest.approx(expected[bit.number, bit.other], abs=1e-5)


def test_terms_are_words_of_the_topics_that_have_the_bit(engine, entries):
    """A bit that all entries of some topics have, and no other, is told by the words of these topics alone."""
    bits = bits_of(engine)
    topics = [entry.meta["topic"] for entry in entries]
    clear = 0
    for bit in engine.meaning().bits:
        sides = [
            {topic for topic, value in zip(topics, bits[:, bit.number], strict=True) if value == side}
            for side in (1, 0)
        ]
        if sides[0] & sides[1] or not all(sides):
            continue
        clear += 1
        for side, names in ((bit.on, sides[0]), (bit.off, sides[1])):
            assert set(side.terms) <= {word for name in names for word in TOPICS[name].split()}
        assert bit.on.terms
        assert bit.clarity > 0.95
    assert clear > 5


def test_examples_are_the_entries_most_sure_of_a_bit(engine, entries):
    logits = engine.hasher.logits([entry.content for entry in entries])
    sure = logits / np.abs(logits).mean(1, keepdims=True)
    for bit in engine.meaning().bits[:8]:
        for sign, side in ((1, bit.on), (-1, bit.off)):
            having = [n for n in range(120) if sign * logits[n, bit.number] > 0]
            best = sorted(having, key=lambda n: -sign * sure[n, bit.number])[:6]
            strengths = [sign * sure[n, bit.number] for n in best]
            keys = {entry.key: n for n, entry in enumerate(entries)}
            found = [sign * sure[keys[key], bit.number] for key in side.keys]
            np.testing.assert_allclose(found, strengths, rtol=1e-4)
            assert engine.index.keys(np.array(side.ids, dtype=np.int64)) == list(side.keys)


def test_of_what_is_no_text_values_of_meta_are_the_terms(vector_hasher, vectors):
    for stored in (False, True):
        with Engine.create(":memory:", vector_hasher, vectors=stored) as engine:
            engine.add(
                [
                    Entry(str(n), row, {"group": "abcd"[n % 4], "n": n, "share": n / 7, "list": [1]})
                    for n, row in enumerate(vectors)
                ]
            )
            found, bits = engine.meaning(), bits_of(engine)
        terms = {term for bit in found.bits for side in (bit.on, bit.off) for term in side.terms}
        assert terms == {f"group {letter}" for letter in "abcd"}
        for bit in found.bits:
            assert all(bits[int(key), bit.number] == 1 for key in bit.on.keys)
            assert all(bits[int(key), bit.number] == 0 for key in bit.off.keys)
            assert len(bit.on.keys) == min(6, bits[:, bit.number].sum())


def test_a_matrix_is_known_by_its_keys():
    rows = Sparse(np.arange(41), (np.arange(40) % 4).astype(np.int32), np.ones(40, np.float32), 4)
    hasher = Hasher.fit(rows, dataclasses.replace(FAST, bits=8, steps=10))
    with Engine.create(":memory:", hasher) as engine:
        engine.index.add([str(n) for n in range(40)], hasher.encode(rows))
        found = engine.meaning()
    assert found.sample == 40
    assert all(bit.on.keys or bit.off.keys for bit in found.bits)
    assert all(not bit.on.terms for bit in found.bits)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_entries_or_none(hasher, count):
    with Engine.create(":memory:", hasher) as engine:
        engine.add(make_entries(count))
        found = engine.meaning()
    assert found.sample == count
    assert all((bit.on.terms, bit.off.terms, bit.clarity) == ((), (), 0.5) for bit in found.bits)
    assert all(len(bit.on.keys) + len(bit.off.keys) == count for bit in found.bits)


def test_it_is_reckoned_anew_only_after_a_change_and_nothing_is_written(engine, monkeypatch):
    first = engine.meaning()
    calls = []
    monkeypatch.setattr(module, "meaning", lambda *given, **more: calls.append(given) or "new")
    assert engine.meaning() is first
    revision = engine.index.store.revision()
    engine.add([Entry("one more", "moon")])
    assert engine.meaning() == "new"
    assert len(calls) == 1
    assert engine.index.store.revision() == revision + 1


def test_a_sample_is_bounded_in_entries_and_in_text(engine, monkeypatch):
    monkeypatch.setattr(module, "SAMPLE", 50)
    assert module.meaning(engine.index, engine.hasher, vectors=False).sample == 50
    monkeypatch.setattr(module, "_PAGE", 10)
    monkeypatch.setattr(module, "CHARACTERS", 500)  # texts have 30 to 50 each
    assert module.meaning(engine.index, engine.hasher, vectors=False).sample == 20


def test_the_same_seed_gives_the_same_meaning(engine, monkeypatch):
    monkeypatch.setattr(module, "SAMPLE", 50)
    one, same, other = (module.meaning(engine.index, engine.hasher, False, seed) for seed in (0, 0, 1))
    assert one == same
    assert one != other


def test_entropy_and_correlation_in_closed_form():
    np.testing.assert_allclose(entropies(np.array([0, 0.5, 1, 0.25])), [0, 1, 0, 2 - 0.75 * np.log2(3)], atol=1e-12)
    bits = np.array([[0, 0, 1, 1], [1, 1, 0, 1], [0, 0, 1, 1], [1, 1, 0, 1]], dtype=np.uint8)
    expected = [[1, 1, -1, 0], [1, 1, -1, 0], [-1, -1, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(correlations(bits), expected, atol=1e-6)


def test_another_model_has_other_meanings(vectors, vector_hasher):
    """Promoting one changes no entry, and so no revision."""
    with Engine.create(":memory:", vector_hasher, vectors=True) as engine:
        engine.add([Entry(str(number), row) for number, row in enumerate(vectors)])
        before = engine.meaning()
        assert engine.meaning() is before
        engine.reencode(Hasher.fit(vectors[:60], Settings(bits=vector_hasher.bits, steps=5)))
        engine.promote()
        assert engine.meaning() is not before
        assert engine.meaning() is engine.meaning()
