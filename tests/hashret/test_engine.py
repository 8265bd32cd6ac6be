import numpy as np
import pytest

from hashret.engine import Counts, Engine
from hashret.hasher import Hasher
from hashret.inputs import Entry
from hashret.settings import Settings
from indexer.errors import Corrupt, InvalidInput, Mismatch, NotFound
from indexer.index import Index
from indexer.vectors import from_blobs, to_blobs
from tests.hashret.conftest import FAST, make_entries


def brute(hasher, entries, query):
    """(distance, id, key) of every entry, nearest first; ids count from 1 in the order of adding."""
    code = np.unpackbits(hasher.encode([query])[0])
    codes = np.unpackbits(hasher.encode([entry.content for entry in entries]), axis=1)
    return sorted(((codes != code).sum(1)[n], n + 1, entry.key) for n, entry in enumerate(entries))


def test_query_without_rerank_is_brute_force(engine, entries):
    found = engine.query(["rocket moon", "bread"], k=15, rerank=False)
    for query, hits in zip(["rocket moon", "bread"], found, strict=True):
        expected = brute(engine.hasher, entries, query)[:15]
        assert [(hit.distance, hit.key) for hit in hits] == [(distance, key) for distance, _, key in expected]
        assert [hit.score for hit in hits] == [1 - hit.distance / 32 for hit in hits]


@pytest.mark.parametrize("radius", [0, 1, 2, 7, 32, 99])
def test_radius_is_inclusive_and_complete(engine, entries, radius):
    query = entries[5].content
    expected = [(distance, key) for distance, _, key in brute(engine.hasher, entries, query) if distance <= radius]
    plain = engine.query([query], radius=radius, rerank=False)[0]
    assert [(hit.distance, hit.key) for hit in plain] == expected
    reranked = engine.query([query], radius=radius)[0]
    assert sorted((hit.distance, hit.key) for hit in reranked) == sorted(expected)


def test_embeddings_are_scored_in_blocks_as_one_by_one(vector_hasher, vectors, monkeypatch):
    monkeypatch.setattr("hashret.forward.settle._MADE", 7)
    with Engine.create(":memory:", vector_hasher) as engine:
        engine.add([Entry(f"p/{n}", vector) for n, vector in enumerate(vectors)])
        found = engine.query(vectors[:3], radius=32)
    learned, rows = vector_hasher.weights, vector_hasher.rows(vectors)
    for hits, side in zip(found, learned.ask(rows[:3])[1], strict=True):
        scores = {hit.key: hit.score for hit in hits}
        wanted = [float(learned.answer(code[None])[0] @ side) for code in learned.encode(rows)]
        assert scores == pytest.approx({f"p/{n}": score for n, score in enumerate(wanted)}, abs=1e-6)
        assert list(scores.values()) == sorted(scores.values(), reverse=True)


def test_rerank_is_by_words_and_asymmetric_score(engine, entries):
    query = "rocket moon"
    hits = engine.query([query], k=120)[0]
    hasher = engine.hasher
    soft = np.tanh(hasher.logits([query])[0])
    texts = [entry.content for entry in entries]
    signs = np.unpackbits(hasher.encode(texts), axis=1) * 2.0 - 1
    rows, own = hasher.rows(texts), hasher.rows([query])
    dense = np.zeros((120, rows.width))
    dense[rows.owners(), rows.indices] = rows.data
    wanted = np.zeros(rows.width)
    wanted[own.indices] = own.data
    scores = 0.2 * (signs @ soft / np.abs(soft).sum()) + 0.8 * (dense @ wanted)
    assert [hit.key for hit in hits] == [entries[n].key for n in np.lexsort((range(120), -scores.astype(np.float32)))]
    np.testing.assert_allclose([hit.score for hit in hits], np.sort(scores)[::-1], atol=1e-5)
    away = np.unpackbits(hasher.encode(texts) ^ hasher.encode([query]), axis=1).sum(1)
    assert {hit.key: hit.distance for hit in hits} == {entries[n].key: away[n] for n in range(120)}


@pytest.mark.parametrize("rerank", [True, False])
def test_many_queries_are_answered_some_at_a_time(engine, entries, monkeypatch, rerank):
    texts = [entry.content for entry in entries[:7]]
    right = [engine.query([text], rerank=rerank)[0] for text in texts]
    monkeypatch.setattr("hashret.searching._ANSWERS", 20_000 if rerank else 20)
    assert engine.query(texts, rerank=rerank) == right


def test_hits_carry_content_and_meta(engine, entries):
    hit = engine.query([entries[0].content], k=1)[0][0]
    assert (hit.content, hit.meta) == (entries[0].content, {"topic": "space"})


def test_k_beyond_n_gives_all(engine, entries):
    assert sorted(hit.key for hit in engine.query(["moon"], k=500)[0]) == sorted(entry.key for entry in entries)


def test_where_gives_k_of_those_that_match(engine, entries):
    hits = engine.query(["rocket moon"], k=30, where={"topic": "food"}, rerank=False)[0]
    expected = [item for item in brute(engine.hasher, entries, "rocket moon") if item[2].startswith("food")]
    assert [(hit.distance, hit.key) for hit in hits] == [(distance, key) for distance, _, key in expected]
    assert engine.query(["moon"], where={"topic": "nothing"}) == [[]]


def test_no_query_has_no_answer(engine):
    assert engine.query([]) == []


def test_an_empty_engine_answers(hasher):
    with Engine.create(":memory:", hasher) as engine:
        assert len(engine) == 0
        assert engine.query(["moon"]) == [[]]
        assert engine.query(["moon"], radius=3) == [[]]
        assert engine.duplicates() == []
        assert engine.anomalies() == []


def test_similar_leaves_the_entry_itself_out(engine, entries):
    hits = engine.similar("space/0", k=10, rerank=False)
    expected = [item for item in brute(engine.hasher, entries, entries[0].content) if item[2] != "space/0"][:10]
    assert [(hit.distance, hit.key) for hit in hits] == [(distance, key) for distance, _, key in expected]


def test_get_and_len(engine, entries):
    assert len(engine) == 120
    assert engine.get("food/1").content == entries[1].content
    with pytest.raises(NotFound) as caught:
        engine.get("nobody")
    assert str(caught.value) == ":memory:: no entry has the key 'nobody'"


def test_adding_again_skips_what_is_unchanged_and_updates_what_is_not(engine, entries):
    changed = Entry("space/0", "bread butter oven soup", {"topic": "food"})
    fresh = Entry("new/1", "goal team", {})
    counts = engine.add([*entries[1:], changed, fresh])
    assert counts == engine.counts == Counts(added=1, updated=1, unchanged=119)
    assert len(engine) == 121
    assert engine.get("space/0").content == "bread butter oven soup"
    nearest = engine.query(["bread butter oven soup"], k=1)[0][0]
    assert (nearest.key, nearest.distance) == ("space/0", 0)
    assert engine.check().ok


def test_changed_meta_alone_is_an_update(engine, entries):
    assert engine.add([Entry(entries[0].key, entries[0].content, {"topic": "x"})]) == Counts(0, 1, 0)
    assert engine.get(entries[0].key).meta == {"topic": "x"}


def test_the_same_key_twice_in_one_call_is_an_update(engine):
    engine.add([Entry("k", "moon", {}), Entry("k", "bread", {})])
    assert engine.get("k").content == "bread"


def test_remove(engine, entries):
    assert engine.remove(["space/0", "food/1"]) == 2
    found = {hit.key for hit in engine.query([entries[0].content], k=200)[0]}
    assert found == {entry.key for entry in entries} - {"space/0", "food/1"}
    with pytest.raises(NotFound) as caught:
        engine.remove(["sport/2", "nobody"])
    assert str(caught.value) == ":memory:: no entry has the key 'nobody'; nothing was removed"
    assert len(engine) == 118


def test_prune_keeps_those_named_and_what_is_not_there_is_no_matter(engine, entries):
    kept = {entry.key for entry in entries[::2]} | {"never stored"}
    assert engine.prune(kept) == len(entries) - len(entries[::2])
    assert {row.key for page in engine.index.store.pages() for row in page} == kept - {"never stored"}
    assert engine.prune(kept) == 0
    assert engine.index.check().ok


def test_a_folder_that_is_not_there_is_told_before_training(tmp_path, entries):
    path = tmp_path / "nowhere" / "x.db"
    with pytest.raises(NotFound) as caught:
        Engine.fit(str(path), iter(entries))
    assert str(caught.value) == f"{path}: there is no folder {tmp_path}/nowhere: make it first"


def test_a_folder_that_cannot_be_written_to_is_told_before_training(tmp_path, entries, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    monkeypatch.delattr("hashret.storing.learn")
    with pytest.raises(InvalidInput) as caught:
        Engine.fit(str(tmp_path / "n.db"), entries)
    told = f"{tmp_path}/n.db: its folder cannot be written to: change its mode, or choose another"
    assert str(caught.value) == told


def test_bad_input_in_the_middle_loses_nothing(engine, monkeypatch):
    monkeypatch.setattr("hashret.engine.BATCH", 2)
    stream = [Entry("a", "moon", {}), Entry("b", "bread", {}), Entry("c", np.ones(3, np.float32), {})]
    with pytest.raises(InvalidInput) as caught:
        engine.add(stream)
    assert str(caught.value) == "from entry 'c' on: contents are of kind vector, the model was trained on text"
    assert len(engine) == 122
    assert engine.check().ok


def test_duplicates_are_those_of_brute_force(engine, entries):
    engine.add([Entry(f"copy/{n}", entries[n].content, {}) for n in (0, 1)])
    everything = [*entries, *(Entry(f"copy/{n}", entries[n].content, {}) for n in (0, 1))]
    bits = np.unpackbits(engine.hasher.encode([entry.content for entry in everything]), axis=1)
    for radius in (0, 2):
        groups: dict[int, list[int]] = {}
        for n, own in enumerate(bits):
            groups.setdefault(next((m for m in groups if (bits[m] != own).sum() <= radius), n), []).append(n)
        expected = sorted((group for group in groups.values() if len(group) > 1), key=lambda group: -len(group))
        assert engine.duplicates(radius) == [[everything[n].key for n in group] for group in expected]


def test_a_training_that_was_stopped_leaves_its_checkpoint_beside_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr("hashret.model.checkpoint.SECONDS", 0)
    path, entries = str(tmp_path / "d.db"), make_entries(60)

    def stop(phase, done, total, note=""):
        if (phase, done) == ("stage 2", 9):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Engine.fit(path, entries, FAST, progress=stop)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["d.db.training"]
    seen = []
    with Engine.fit(path, entries, FAST, progress=lambda *at: seen.append(at[:2])) as engine:
        assert engine.hasher.digest == Hasher.fit([entry.content for entry in entries], FAST).digest
    assert seen[:3] == [("read", 0), ("read", 60), ("stage 2", 10)]
    assert not (tmp_path / "d.db.training").exists()


def test_reencode_and_promote_give_every_entry_the_code_of_the_new_model(engine, entries):
    texts = [entry.content for entry in entries]
    other = Hasher.fit(texts, Settings(bits=16, steps=30, batch=32, seed=5, min_count=1))
    engine.reencode(other)
    engine.promote()
    ids = engine.index.ids([entry.key for entry in entries])
    np.testing.assert_array_equal(engine.index.codes(ids), other.encode(texts))
    assert engine.check().ok
    assert engine.query([texts[3]], k=1, rerank=False)[0][0].distance == 0


def test_fit_trains_stores_and_opens_again(tmp_path, entries):
    path = str(tmp_path / "docs.db")
    with Engine.fit(path, iter(entries), FAST) as engine:
        assert engine.counts == Counts(120, 0, 0)
        answers = engine.query(["rocket moon"], k=5)
    with Engine.open(path) as again:
        assert again.query(["rocket moon"], k=5) == answers
        assert again.hasher.digest == engine.hasher.digest
    assert [item.name for item in tmp_path.iterdir()] == ["docs.db"]


def test_training_that_fails_leaves_no_file(tmp_path):
    with pytest.raises(InvalidInput):
        Engine.fit(str(tmp_path / "x.db"), [Entry("a", "...", {})], FAST)
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_model_is_a_mismatch(stored, vector_hasher, hasher):
    with pytest.raises(Mismatch) as caught:
        Engine.open(stored, vector_hasher)
    assert str(caught.value) == (
        f"{stored}: its codes are of model {hasher.digest[:12]}, not of {vector_hasher.digest[:12]}: "
        "open it without a hasher, or call reencode with yours"
    )
    with Engine.open(stored, hasher) as engine:
        assert len(engine) == 120


def test_codes_without_a_model_are_a_mismatch(tmp_path):
    path = str(tmp_path / "codes.db")
    Index.create(path, bits=8).close()
    with pytest.raises(Mismatch) as caught:
        Engine.open(path)
    assert str(caught.value) == (
        f"{path}: holds codes without a model, which this needs: index into a new file (codes alone are searched by "
        "`hashret query`, and in Python by Index.open)"
    )


def test_a_damaged_model_is_corrupt(tmp_path, hasher):
    import sqlite3

    path = str(tmp_path / "docs.db")
    Engine.create(path, hasher).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE models SET weights = CAST(substr(weights, 2) AS BLOB)")
    connection.close()
    with pytest.raises(Corrupt) as caught:
        Engine.open(path)
    assert str(caught.value) == f"{path}: model {hasher.digest[:12]} is damaged: restore the file from a copy"


def test_vectors_rerank_by_cosine(vectors, vector_hasher):
    with Engine.create(":memory:", vector_hasher, vectors=True) as engine:
        engine.add([Entry(str(n), row) for n, row in enumerate(vectors)])
        hits = engine.query(vectors[7:8], k=80)[0]
        rows = vector_hasher.rows(vectors)
        cosine = rows @ rows[7] / np.linalg.norm(rows, axis=1) / np.linalg.norm(rows[7])
        np.testing.assert_allclose([hit.score for hit in hits], np.sort(cosine)[::-1], atol=2e-3)
        assert hits[0].key == "7"
        assert engine.similar("7", k=3)[0].key == hits[1].key
        assert hits[0].content is None
    with Engine.create(":memory:", vector_hasher) as plain:
        plain.add([Entry("0", vectors[0])])
        codes, sides = vector_hasher.weights.ask(vector_hasher.rows(vectors[:1]))
        expected = float(sides[0] @ vector_hasher.weights.answer(codes)[0])
        assert plain.query(vectors[:1])[0][0].score == pytest.approx(expected)


def test_similar_asks_by_the_kept_vector(vectors, vector_hasher, monkeypatch):
    """With few looked at, who is among them depends on the query's side of the score."""
    for name, value in {"FIRST": 2, "STEP": 1, "SURE": 0.0}.items():
        monkeypatch.setattr(f"hashret.reranking.{name}", value)
    with Engine.create(":memory:", vector_hasher, vectors=True) as engine:
        engine.add([Entry(str(n), row) for n, row in enumerate(vectors)])
        for number in range(40):
            found = engine.query(engine.index.store.vectors(np.array([number + 1])), k=2)[0]
            others = [hit.key for hit in found if hit.key != str(number)]
            assert engine.similar(str(number), k=1)[0].key == others[0]


def test_vectors_as_int8_rerank_by_cosine_too(vectors, vector_hasher, tmp_path):
    rows, keys = vector_hasher.rows(vectors), [str(n) for n in range(80)]
    kept = from_blobs(to_blobs(rows, "int8 by 16"), "int8 by 16")
    assert 0.001 < np.abs(kept - rows).max() < 0.01
    cosine = kept @ rows[7] / np.linalg.norm(kept, axis=1) / np.linalg.norm(rows[7])
    path = str(tmp_path / "v.db")
    with Engine.create(path, vector_hasher, vectors="int8") as engine:
        engine.add([Entry(key, row) for key, row in zip(keys, vectors, strict=True)])
    with Engine.open(path) as engine:
        hits = engine.query(vectors[7:8], k=80)[0]
        assert [hit.key for hit in hits] == [keys[n] for n in np.argsort(-cosine, kind="stable")]
        np.testing.assert_allclose([hit.score for hit in hits], np.sort(cosine)[::-1], atol=1e-5)
        assert engine.info()["vectors"] == "int8"
        assert len(engine.anomalies(k=80)) == 80


def test_vectors_of_another_form_are_refused(vector_hasher, tmp_path):
    with pytest.raises(InvalidInput) as caught:
        Engine.create(str(tmp_path / "v.db"), vector_hasher, vectors="int4")
    assert str(caught.value) == "vectors is 'int4': give float16 or int8"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("where", "keys"),
    [
        ({"n": {"$gte": 3, "$lt": 9}, "topic": ["food", "sport"]}, {"food/5", "sport/6"}),
        ("n >= 3 and n < 9 and topic in (food, sport)", {"food/5", "sport/6"}),
        ("not topic in (food, sport, money) and n < 9", {"space/0", "space/4", "space/8"}),
    ],
)
@pytest.mark.parametrize("rerank", [True, False])
def test_conditions_keep_what_matches_in_queries_and_beside_a_key(hasher, where, keys, rerank):
    some = make_entries(120)
    with Engine.create(":memory:", hasher) as engine:
        engine.add([Entry(one.key, one.content, {**one.meta, "n": n}) for n, one in enumerate(some)])
        for _ in range(2):
            assert {hit.key for hit in engine.query(["moon"], k=9, where=where, rerank=rerank)[0]} == keys
            assert {hit.key for hit in engine.query(["moon"], radius=32, where=where, rerank=rerank)[0]} == keys
            assert {hit.key for hit in engine.similar("space/4", k=9, where=where, rerank=rerank)} == keys - {"space/4"}
            engine.index.index_field("n")


def test_images_find_their_like():
    rng = np.random.default_rng(0)
    left = [rng.integers(0, [250] * 5 + [50] * 5, (10, 10), dtype=np.uint8) for _ in range(20)]
    right = [rng.integers(0, [50] * 6 + [250] * 6, (12, 12), dtype=np.uint8) for _ in range(20)]
    entries = [
        Entry(f"{name}/{n}", image) for name, images in (("l", left), ("r", right)) for n, image in enumerate(images)
    ]
    with Engine.fit(":memory:", entries, Settings(bits=16, steps=60, batch=16, image_size=8, neighbours=5)) as engine:
        assert {hit.key[0] for hit in engine.query([left[3]], k=8)[0]} == {"l"}
        with pytest.raises(InvalidInput) as caught:
            engine.anomalies()
        assert str(caught.value) == "contents of kind image are not stored: work on their files instead"


def test_vectors_of_texts_are_refused(hasher):
    with pytest.raises(InvalidInput) as caught:
        Engine.create(":memory:", hasher, vectors=True)
    assert str(caught.value) == "vectors are kept of images and embeddings, the model encodes text"


def test_progress_counts_entries(hasher, monkeypatch):
    monkeypatch.setattr("hashret.engine.BATCH", 50)
    seen = []
    with Engine.create(":memory:", hasher) as engine:
        engine.add(make_entries(120), lambda *at: seen.append(at))
    assert seen == [("store", 0, 120), ("store", 50, 120), ("store", 100, 120), ("store", 120, 120)]


def test_info(engine):
    info = engine.info()
    assert (info["entries"], info["bits"], info["kind"], info["model"]) == (120, 32, "text", engine.hasher.digest)
