"""Searches at their edges: no answer, no such k, entries that go away in the middle, words by any weighting."""

import re
from threading import Thread

import numpy as np
import pytest

from hashret import Engine, Entry, Settings
from hashret.codefile import CodeFile
from hashret.exchange.ready import Ready
from hashret.hasher import Hasher
from hashret.scores import combined
from indexer.errors import InvalidInput, NotFound


@pytest.fixture(params=[False, "float16", "int8"])
def stored(request, vector_hasher, vectors):
    with Engine.create(":memory:", vector_hasher, vectors=request.param) as engine:
        engine.add([Entry(str(number), row, {"n": number}) for number, row in enumerate(vectors)])
        yield engine


@pytest.fixture
def coded():
    with CodeFile.create(":memory:", 64) as file:
        file.add(Ready(np.arange(160, dtype=np.uint8).reshape(20, 8), [f"c{number}" for number in range(20)], "bits"))
        yield file


def test_where_nothing_is_found_there_are_no_hits(stored, vectors, vector_hasher):
    asked = vectors[:2] + np.float32(9)
    assert stored.query(asked, where="n < 0") == [[], []]
    assert stored.query(-vectors[:1], radius=0) == [[]]
    assert stored.similar("3", where="n < 0") == []
    assert (stored.explain(asked, where="n < 0").compared, stored.explain(asked, where="n < 0").read) == (0, 0)
    stored.remove([str(number) for number in range(80)])
    assert stored.query(asked) == [[], []]
    assert stored.explain([]).compared == 0


@pytest.mark.parametrize("k", [0, -1, -5, True, 2.0, 2.5, "3", None])
def test_what_is_no_number_of_answers_is_told(stored, coded, vectors, k):
    calls = [
        lambda: stored.query(vectors[:1], k=k),
        lambda: stored.query(vectors[:1], k=k, rerank=False),
        lambda: stored.query(stored.hasher.encode(vectors[:1]), k=k),
        lambda: stored.similar("3", k=k),
        lambda: stored.explain(vectors[:1], k=k),
        lambda: stored.explain_similar("3", k=k),
        lambda: coded.query(np.zeros((1, 8), np.uint8), k=k),
        lambda: coded.similar("c3", k=k),
        lambda: coded.explain(np.zeros((1, 8), np.uint8), k=k),
    ]
    for call in calls:
        with pytest.raises(InvalidInput) as caught:
            call()
        assert str(caught.value) == f"k is {k!r}: give a whole number of at least 1"


@pytest.mark.parametrize("rerank", [True, False])
def test_a_number_of_numpy_is_a_number_of_answers(stored, coded, vectors, rerank):
    for number in (np.uint8(3), np.int8(3), np.int16(3), np.int64(3)):
        assert stored.query(vectors[:1], k=number, rerank=rerank) == stored.query(vectors[:1], k=3, rerank=rerank)
    assert len(stored.similar("3", k=np.uint8(255), rerank=rerank)) == 79
    assert stored.query(vectors[:1], k=np.int16(400)) == stored.query(vectors[:1], k=400)
    assert len(coded.similar("c3", k=np.uint8(255))) == 19


@pytest.mark.parametrize("k", [81, 10_000, 1_000_001, 10**9])
def test_more_than_there_are_is_all_of_them(stored, vectors, k):
    assert stored.query(vectors[:2], k=k) == stored.query(vectors[:2], k=80)
    assert len(stored.similar("3", k=k)) == 79
    assert stored.explain(vectors[:2], k=k).compared == 80


def test_many_questions_are_explained_as_they_are_answered(stored, vectors, monkeypatch):
    stored.query(vectors[:1])  # has the codes loaded
    monkeypatch.setattr("hashret.searching._ANSWERS", 200)
    told = stored.explain(np.repeat(vectors, 5, axis=0), k=3)
    assert told.compared == 80
    assert told.plan.measured > 0
    one = stored.explain(vectors[:1], k=3).plan
    assert told.plan.cost == pytest.approx(400 * one.cost, rel=0.01)


def test_nothing_is_no_condition(stored, vectors):
    assert stored.query(vectors[:1], where={}) == stored.query(vectors[:1])
    for where in ("", 0, False, []):
        with pytest.raises(InvalidInput, match=r"^where"):
            stored.query(vectors[:1], where=where)


def test_who_is_removed_while_others_are_found_is_searched_for_anew(stored, vectors):
    """One thread removes and stores an entry again and again: readers see the file before or after that."""
    stop, failed = [], []

    def churn():
        while not stop:
            stored.remove(["7"])
            stored.add([Entry("7", vectors[7], {"n": 7})])

    writer = Thread(target=churn)
    writer.start()
    try:
        for _ in range(60):
            for rerank in (True, False):
                found = stored.query(vectors[:1], k=80, rerank=rerank)[0]
                if {hit.key for hit in found} | {"7"} != {str(number) for number in range(80)}:
                    failed.append(found)
    finally:
        stop.append(True)
        writer.join()
    assert failed == []


def test_an_entry_that_memory_knows_and_the_file_does_not_is_told(stored, vectors, monkeypatch):
    """It is not asked for for ever."""

    def gone(ids):
        raise NotFound("no entry has the id 3")

    monkeypatch.setattr(type(stored.index.store), "rows", lambda self, ids: gone(ids))
    with pytest.raises(NotFound, match=r"^no entry has the id 3$"):
        stored.query(vectors[:1])


@pytest.mark.parametrize("net", ["mlp", "gru"])
@pytest.mark.parametrize("weighting", ["tfidf", "count", "binary"])
def test_texts_are_compared_by_tfidf_whatever_the_network_reads(entries, net, weighting):
    texts = [*(entry.content for entry in entries), "warm soup", "warm warm soup moon rain warm warm moon warm"]
    hasher = Hasher.fit(texts, Settings(bits=16, steps=2, net=net, weighting=weighting))
    plain = Hasher.fit(texts, Settings(bits=16, steps=2)).features.transform(["soup warm", *texts])
    columns = np.zeros((len(plain), plain.width))
    columns[plain.owners(), plain.indices] = plain.data
    cosines = columns[1:] @ columns[0]
    with Engine.create(":memory:", hasher) as engine:
        engine.add([Entry(str(number), text) for number, text in enumerate(texts)])
        hits = engine.query(["soup warm"], k=len(texts))[0]
        _, sides = hasher.weights.ask(hasher.rows(["soup warm"]))
        soft = hasher.weights.scores(engine.index.codes(np.arange(1, len(texts) + 1)), sides[0])
        why = engine.why("soup warm", hits[:3])
    assert hits[0].content == "warm soup"
    expected = combined("text", cosines, soft) if weighting != "binary" else None
    if expected is not None:
        np.testing.assert_allclose([hit.score for hit in hits], [expected[int(hit.key)] for hit in hits], atol=1e-5)
        np.testing.assert_allclose([one.words for one in why], [cosines[int(hit.key)] for hit in hits[:3]], atol=1e-5)
    assert all(-0.2 - 1e-6 <= hit.score <= 1 + 1e-6 for hit in hits)
    assert all(sum(word.share for word in one.shared) == pytest.approx(one.words, abs=1e-5) for one in why)


@pytest.mark.parametrize("call", ["query", "similar", "where", "field", "add", "why", "fit", "get"])
def test_text_that_utf8_cannot_write_is_told(engine, call):
    half = "half \ud83d"
    calls = {
        "query": lambda: engine.query(["whole", half]),
        "similar": lambda: engine.similar(half),
        "where": lambda: engine.query(["moon"], where={"topic": half}),
        "field": lambda: engine.query(["moon"], where={half: 1}),
        "add": lambda: engine.add([Entry("x", "moon", {"a": half})]),
        "why": lambda: engine.why(half, []),
        "fit": lambda: Hasher.fit(["whole", half], Settings(bits=8, steps=1)),
        "get": lambda: engine.get(half),
    }
    there = {"query": "text 1 holds", "why": "text 0 holds", "fit": "text 1 holds", "add": "meta with 'a' is no JSON"}
    with pytest.raises(InvalidInput, match=re.escape(there.get(call, f"{half!r} holds what UTF-8 cannot write"))):
        calls[call]()
    assert len(engine) == 120


def test_one_text_is_no_list_of_texts(engine):
    with pytest.raises(InvalidInput, match=r"^contents are one text: give a list of texts$"):
        engine.query("moon")


@pytest.mark.parametrize("key", [None, 3])
def test_what_is_no_key_is_told(engine, key):
    with pytest.raises(InvalidInput, match=rf"^key {key} is no text: give the key of an entry$"):
        engine.similar(key)


def test_images_whose_vectors_are_kept_are_compared_by_pixels_and_codes():
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    hasher = Hasher.fit(images, Settings(bits=16, steps=2, batch=8, image_size=8, net="mlp", hidden=8))
    rows, asked = hasher.rows(images), hasher.rows(images[3:4])
    pixels = rows @ asked[0] / np.linalg.norm(rows, axis=1) / np.linalg.norm(asked)
    soft = hasher.weights.scores(hasher.encode(images), hasher.weights.ask(asked)[1][0])
    wanted = (pixels + soft) / 2
    with Engine.create(":memory:", hasher, vectors=True) as engine:
        engine.add([Entry(str(number), image) for number, image in enumerate(images)])
        for found in (engine.query(images[3:4], k=40)[0], engine.query(images[3:4], radius=16)[0]):
            assert sorted(int(hit.key) for hit in found) == list(range(40))
            np.testing.assert_allclose([hit.score for hit in found], np.sort(wanted)[::-1], atol=2e-3)
        assert engine.query(images[3:4], k=1)[0][0].key == "3"
        assert engine.explain(images[3:4], k=1, rerank=True).read == 40
    with Engine.create(":memory:", hasher) as engine:  # no vectors: codes alone
        engine.add([Entry(str(number), image) for number, image in enumerate(images)])
        scores = [hit.score for hit in engine.query(images[3:4], k=40)[0]]
        np.testing.assert_allclose(scores, np.sort(soft)[::-1], atol=1e-5)
