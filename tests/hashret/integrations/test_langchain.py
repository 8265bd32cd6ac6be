import subprocess
import sys

import numpy as np
import pytest

from hashret.settings import Settings
from indexer.errors import InvalidInput, NotFound
from tests.hashret.conftest import FAST, make_entries
from tests.hashret.embedders import hashed

langchain = pytest.importorskip("langchain_core", reason="pip install 'hashret[langchain]'")

from langchain_core.documents import Document  # noqa: E402
from langchain_core.embeddings import Embeddings  # noqa: E402

from hashret.integrations.langchain import HashretStore  # noqa: E402

ENTRIES = make_entries(80)
TEXTS = [entry.content for entry in ENTRIES]
KEYS = [entry.key for entry in ENTRIES]
METAS = [entry.meta for entry in ENTRIES]
SMALL = Settings(bits=32, steps=20, batch=32)


class Hashed(Embeddings):
    def embed_documents(self, texts):
        return hashed(texts).tolist()

    def embed_query(self, text):
        return hashed([text])[0].tolist()


@pytest.fixture(scope="module")
def plain():
    """Texts, whose codes are learned from them; read only."""
    store = HashretStore.from_texts(TEXTS, None, METAS, ids=KEYS, settings=FAST)
    yield store
    store.close()


@pytest.fixture(scope="module")
def embedded():
    store = HashretStore.from_texts(TEXTS, Hashed(), METAS, ids=KEYS, settings=SMALL)
    yield store
    store.close()


def test_texts_are_found_without_a_model_of_embeddings(plain):
    assert plain.embeddings is None
    found = plain.similarity_search_with_score("moon orbit rocket", k=5)
    hits = plain.engine.query(["moon orbit rocket"], k=5)[0]
    assert found == [(Document(id=h.key, page_content=h.content, metadata=h.meta), h.score) for h in hits]
    assert {document.metadata["topic"] for document, _ in found} == {"space"}
    assert [document for document, _ in found] == plain.similarity_search("moon orbit rocket", k=5)


def test_with_a_model_documents_come_in_the_order_of_the_cosine(embedded):
    rows, asked = hashed(TEXTS), hashed(["bread soup"])[0]
    cosines = rows @ asked / np.linalg.norm(rows, axis=1) / np.linalg.norm(asked)
    best = np.argsort(-cosines, kind="stable")[:6]
    found = embedded.similarity_search_with_score("bread soup", k=6)
    assert [document.id for document, _ in found] == [KEYS[n] for n in best]
    np.testing.assert_allclose([score for _, score in found], cosines[best], atol=2e-3)
    assert embedded.similarity_search_by_vector(list(asked), k=6) == [document for document, _ in found]


def test_a_retriever_filters_and_cuts_by_score(embedded):
    retriever = embedded.as_retriever(search_kwargs={"k": 30, "filter": {"topic": "food"}})
    assert {document.metadata["topic"] for document in retriever.invoke("moon")} == {"food"}
    assert len(retriever.invoke("moon")) == 20
    limit = {"k": 30, "score_threshold": 0.5}
    cut = embedded.as_retriever(search_type="similarity_score_threshold", search_kwargs=limit).invoke("bread soup")
    scores = dict((document.id, score) for document, score in embedded.similarity_search_with_score("bread soup", k=30))
    assert [document.id for document in cut] == [key for key, score in scores.items() if score >= 0.5]
    assert all(0 <= score <= 1 for _, score in embedded.similarity_search_with_relevance_scores("bread", k=80))


def test_a_radius_bounds_the_bits(plain):
    exact = plain.engine.query([TEXTS[0]], radius=2)[0]
    assert [document.id for document in plain.similarity_search(TEXTS[0], k=50, radius=2)] == [hit.key for hit in exact]
    near = [hit.key for hit in plain.engine.query([TEXTS[0]], radius=12)[0]]
    assert len(near) > 2
    assert [document.id for document in plain.similarity_search(TEXTS[0], k=2, radius=12)] == near[:2]


def test_a_keyword_that_is_unknown_is_no_search_without_it(plain):
    text = "unknown keyword 'filters': a search takes k, filter and radius"
    with pytest.raises(InvalidInput) as error:
        plain.similarity_search("moon", filters={"topic": "food"})
    assert str(error.value) == text
    with pytest.raises(InvalidInput) as error:
        HashretStore().max_marginal_relevance_search("moon", filters={"topic": "food"})
    assert str(error.value) == text


def test_diverse_answers_are_those_of_the_definition(plain):
    hits = plain.engine.query(["moon bread"], k=20)[0]
    index = plain.engine.index
    bits = np.unpackbits(index.codes(index.ids([hit.key for hit in hits])), axis=1).astype(int)
    chosen = []
    while len(chosen) < 5:
        worth = {}
        for n, hit in enumerate(hits):
            if n not in chosen:
                alike = max((1 - 2 * (bits[n] != bits[c]).sum() / 32 for c in chosen), default=0)
                worth[n] = 0.3 * hit.score - 0.7 * alike
        chosen.append(max(worth, key=worth.get))
    found = plain.max_marginal_relevance_search("moon bread", k=5, fetch_k=20, lambda_mult=0.3)
    assert [document.id for document in found] == [hits[n].key for n in chosen]
    nearest = plain.max_marginal_relevance_search("moon bread", k=5, lambda_mult=1.0)
    assert nearest == plain.similarity_search("moon bread", k=5)
    assert plain.as_retriever(search_type="mmr", search_kwargs={"k": 2}).invoke("moon")[0] == nearest[0].__class__(
        **plain.similarity_search("moon", k=1)[0].model_dump()
    )


def test_a_file_is_made_by_the_first_texts_and_opened_again(tmp_path):
    path = str(tmp_path / "s.db")
    store = HashretStore(path, Hashed(), SMALL)
    assert store.similarity_search("moon") == []
    assert store.get_by_ids(["a"]) == []
    assert store.delete(["a"]) is True
    with pytest.raises(NotFound) as caught:
        store.engine  # noqa: B018
    assert str(caught.value) == f"{path}: holds nothing yet: add texts, from which codes are learned"
    documents = [
        Document(page_content=text, metadata=meta, id=key) for text, meta, key in zip(TEXTS, METAS, KEYS, strict=True)
    ]
    assert store.add_documents(documents) == KEYS
    answer = store.similarity_search("moon orbit", k=3)
    store.close()
    again = HashretStore(path, Hashed())
    assert again.similarity_search("moon orbit", k=3) == answer
    assert again.get_by_ids([KEYS[5], "none", KEYS[2]]) == [documents[5], documents[2]]
    again.add_texts(["a new thing"], ids=[KEYS[5]])
    assert again.get_by_ids([KEYS[5]]) == [Document(page_content="a new thing", id=KEYS[5])]
    again.delete([KEYS[5], "none"])
    assert len(again.engine) == 79
    assert len(again.add_texts(["one", "two"])[0]) == 36
    again.delete()
    assert len(again.engine) == 0
    again.close()


def test_as_many_ids_and_metadatas_as_texts(plain):
    with pytest.raises(InvalidInput) as caught:
        plain.add_texts(["a", "b"], ids=["1"])
    assert str(caught.value) == "there are 2 texts and 1 ids: give one a text"
    assert plain.add_texts([]) == []


def test_a_vector_means_nothing_to_codes_of_texts(plain):
    with pytest.raises(InvalidInput) as caught:
        plain.similarity_search_by_vector([1.0, 2.0])
    assert str(caught.value) == "contents are of kind vector, the model was trained on text"


def test_without_langchain_the_extra_is_named():
    program = "import sys; sys.modules['langchain_core'] = None; import hashret.integrations.langchain"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.stderr.splitlines()[-1] == (
        "indexer.errors.NotInstalled: HashretStore is of LangChain: pip install 'hashret[langchain]'"
    )
