import sys

import numpy as np
import pytest

from hashret.integrations.mteb import HashretSearch
from hashret.settings import Settings
from indexer.errors import InvalidInput, NotFound, NotInstalled
from tests.hashret.conftest import FAST, make_entries, make_texts
from tests.hashret.embedders import COLOURS, Colours, hashed, plain

ENTRIES = make_entries(80)
PARTS = [(entry.key, *entry.content.split(" ", 1)) for entry in ENTRIES]
CORPUS = [{"id": key, "title": first, "text": rest} for key, first, rest in PARTS]
QUERIES = [{"id": f"q{n}", "text": text} for n, (_, text) in enumerate(make_texts(8, seed=3))]
ABOUT = {"task_metadata": None, "hf_split": "test", "hf_subset": "default", "encode_kwargs": {}, "num_proc": None}


def test_scores_are_the_finer_ones_of_the_nearest_codes():
    model = HashretSearch(FAST)
    model.index(CORPUS, **ABOUT)
    found = model.search(QUERIES, top_k=10, **ABOUT)
    assert list(found) == [query["id"] for query in QUERIES]
    for query in QUERIES:
        whole = {hit.key: hit.score for hit in model.engine.query([query["text"]], k=80)[0]}
        near = [hit.key for hit in model.engine.query([query["text"]], k=10, rerank=False)[0]]
        assert set(found[query["id"]]) == set(near)
        assert found[query["id"]] == pytest.approx({key: whole[key] for key in near}, abs=1e-6)
    assert model.engine.get(ENTRIES[4].key).content == ENTRIES[4].content  # the title goes before the text


def test_entries_that_are_given_are_scored_wherever_they_are():
    model = HashretSearch(FAST)
    model.index(CORPUS, **ABOUT)
    given = {"q0": [ENTRIES[70].key, ENTRIES[3].key], "q1": []}
    found = model.search(QUERIES[:2], top_k=1, top_ranked=given, **ABOUT)
    whole = {hit.key: hit.score for hit in model.engine.query([QUERIES[0]["text"]], k=80)[0]}
    assert found == {"q0": pytest.approx({key: whole[key] for key in given["q0"]}, abs=1e-6), "q1": {}}


def test_vectors_kept_of_a_model_of_embeddings_rank_by_their_cosine():
    model = HashretSearch(Settings(bits=32, steps=20, batch=32), embed=hashed, vectors=True)
    model.index(CORPUS, **ABOUT)
    found = model.search(QUERIES, top_k=80, **ABOUT)
    rows, asked = (hashed([text for text in texts]) for texts in (
        [entry.content for entry in ENTRIES], [query["text"] for query in QUERIES],
    ))  # fmt: skip
    cosines = (asked @ rows.T) / np.outer(np.linalg.norm(asked, axis=1), np.linalg.norm(rows, axis=1))
    for number, scores in enumerate(found.values()):
        np.testing.assert_allclose([scores[entry.key] for entry in ENTRIES], cosines[number], atol=2e-3)


def test_pictures_are_found_by_words():
    from PIL import Image

    made = [(name, shade) for name in COLOURS for shade in range(90, 190, 10)]
    corpus = [{"id": f"{name}{shade}", "image": Image.fromarray(plain(name, shade))} for name, shade in made]
    model = HashretSearch(Settings(bits=16, steps=20, batch=16), embed=Colours(), vectors=True)
    model.index(corpus, **ABOUT)
    found = model.search([{"id": "q", "text": "green"}], top_k=30, **ABOUT)["q"]
    assert {key[:5] for key, score in found.items() if score > 0.5} == {"green"}


def test_a_second_corpus_takes_the_place_of_the_first():
    model = HashretSearch(FAST)
    model.index(CORPUS, **ABOUT)
    model.index(CORPUS[:40], **ABOUT)
    assert len(model.engine) == 40


def test_what_cannot_be():
    with pytest.raises(NotFound) as caught:
        HashretSearch().search(QUERIES, top_k=3, **ABOUT)
    assert str(caught.value) == "nothing is indexed yet: call index with a corpus first"
    with pytest.raises(InvalidInput) as wrong:
        HashretSearch().index([{"id": "a", "audio": 1}], **ABOUT)
    assert str(wrong.value) == "a: has neither text nor an image: its fields are id, audio"


def test_without_mteb_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mteb", None)
    monkeypatch.setitem(sys.modules, "mteb.models", None)
    monkeypatch.setitem(sys.modules, "mteb.models.model_meta", None)
    with pytest.raises(NotInstalled) as caught:
        HashretSearch().mteb_model_meta  # noqa: B018
    assert str(caught.value) == "MTEB's metadata is made by MTEB: pip install 'hashret[mteb]'"


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_mteb_evaluates_it_on_a_task_of_its_own_kind(tmp_path):
    mteb = pytest.importorskip("mteb", reason="pip install 'hashret[mteb]'")
    from datasets import Dataset
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.models.models_protocols import SearchProtocol

    changed = {"name": "Topics", "main_score": "ndcg_at_10", "eval_splits": ["test"]}
    about = mteb.mocks.mock_tasks.MockRetrievalTask.metadata.model_copy(update=changed)

    class Topics(AbsTaskRetrieval):
        """An entry is right if it is of the topic of the query."""

        metadata = about

        def load_data(self, **_):
            topics = [topic for topic, _ in make_texts(8, seed=3)]
            relevant = {
                query["id"]: {entry.key: 1 for entry in ENTRIES if entry.meta["topic"] == topic}
                for query, topic in zip(QUERIES, topics, strict=True)
            }
            part = {"corpus": Dataset.from_list(CORPUS), "queries": Dataset.from_list(QUERIES), "top_ranked": None}
            self.dataset = {"default": {"test": {**part, "relevant_docs": relevant}}}
            self.data_loaded = True

    model = HashretSearch(FAST)
    assert isinstance(model, SearchProtocol)
    cache = mteb.cache.ResultCache(tmp_path)
    found = mteb.evaluate(model, tasks=[Topics()], cache=cache, co2_tracker=False)
    scores = found.task_results[0].scores["test"][0]
    assert scores["ndcg_at_10"] > 0.9
    assert (found.model_name, found.model_revision) == ("hashret/codes-32", "0.1.0")
