import numpy as np
import pytest

from hashret.engine import Engine
from hashret.inputs import Entry
from indexer.bits import unpack

QUERY = "rocket moon bread"


@pytest.fixture
def hits(engine):
    return engine.query([QUERY], k=5)[0]


def test_differing_bits_are_those_of_the_codes_surest_first(engine, hits):
    logits = engine.hasher.logits([QUERY])[0]
    weight = np.abs(np.tanh(logits)) / np.abs(np.tanh(logits)).sum()
    for hit, why in zip(hits, engine.why(QUERY, hits), strict=True):
        code = unpack(engine.index.codes(engine.index.ids([hit.key])))[0]
        differing = [bit for bit in np.argsort(-weight, kind="stable") if (logits[bit] > 0) != code[bit]]
        assert [one.bit.number for one in why.differing] == differing
        assert len(differing) == hit.distance
        assert [one.query for one in why.differing] == [int(logits[bit] > 0) for bit in differing]
        assert [one.hit for one in why.differing] == [1 - one.query for one in why.differing]
        np.testing.assert_allclose([one.weight for one in why.differing], weight[differing], rtol=1e-4)
        agreeing = [bit for bit in np.argsort(-weight, kind="stable") if (logits[bit] > 0) == code[bit]]
        assert [one.bit.number for one in why.agreeing] == agreeing[:5]
        assert why.codes == pytest.approx(1 - 2 * weight[differing].sum(), abs=1e-5)


def test_words_and_codes_make_the_score(engine, hits):
    for hit, why in zip(hits, engine.why(QUERY, hits), strict=True):
        assert hit.score == pytest.approx(0.8 * why.words + 0.2 * why.codes, abs=1e-5)
        shared = set(QUERY.split()) & set(hit.content.split())
        assert {one.word for one in why.shared} == shared
        assert sum(one.share for one in why.shared) == pytest.approx(why.words, abs=1e-5)
        assert [one.share for one in why.shared] == sorted((one.share for one in why.shared), reverse=True)


def test_the_words_behind_a_bit_are_those_of_the_text_whose_weights_push_it_there(engine, hits):
    numbers = {word: number for number, word in enumerate(engine.hasher.features.words())}
    weight = engine.hasher.weights.encoder[0][0]

    def pushed(text, bit, value):
        row = engine.hasher.rows([text])
        push = {n: x * weight[n, bit] * (1 if value else -1) for n, x in zip(row.indices, row.data, strict=True)}
        return sorted((n for n in push if push[n] > 1e-4), key=lambda n: -push[n])[:4]

    for hit, why in zip(hits, engine.why(QUERY, hits), strict=True):
        for one in why.differing:
            bit = one.bit.number
            assert [numbers[word] for word in one.query_words] == pushed(QUERY, bit, one.query)
            assert [numbers[word] for word in one.hit_words] == pushed(hit.content, bit, one.hit)


def test_why_similar_is_why_of_the_same_text(engine, entries):
    key, text = entries[3].key, entries[3].content
    hits = engine.similar(key, k=3)
    ours, theirs = engine.why_similar(key, hits), engine.why(text, hits)
    assert [one.differing for one in ours] == [one.differing for one in theirs]
    assert [one.shared for one in ours] == [one.shared for one in theirs]
    assert [hit.score for hit in hits] == pytest.approx([0.8 * one.words + 0.2 * one.codes for one in ours], abs=1e-5)


def test_of_embeddings_without_vectors_all_bits_weigh_as_much(vector_hasher, vectors):
    entries = [Entry(str(n), row, {"group": n % 4}) for n, row in enumerate(vectors)]
    for stored in (False, True):
        with Engine.create(":memory:", vector_hasher, vectors=stored) as engine:
            engine.add(entries)
            hits = engine.similar("0", k=60)[-3:]
            weights = [one.weight for one in engine.why_similar("0", hits)[0].differing]
            given = engine.why(vectors[0], hits)
        assert weights == sorted(weights, reverse=True)
        assert (set(weights) == {1 / 32}) != stored
        assert [one.words for one in given] == [None] * 3
        assert all(not one.shared and not one.differing[0].query_words for one in given)


def test_without_hits_there_is_nothing_to_explain(engine):
    assert engine.why(QUERY, []) == []
    assert engine.why_similar("space/0", []) == []


def test_a_query_without_a_known_word_still_has_its_bits(engine):
    hits = engine.query(["qqq"], k=2)[0]
    found = engine.why("qqq", hits)
    assert [len(one.differing) for one in found] == [hit.distance for hit in hits]
    assert [one.words for one in found] == [0.0, 0.0]
