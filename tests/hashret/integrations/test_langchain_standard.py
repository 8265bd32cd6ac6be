"""LangChain's own tests of a vector store, where langchain-tests is installed: by `python -m pytest -W default`.

They are no part of `make test`, because their plugins of pytest warn at its start, and warnings are errors here.
"""

from inspect import iscoroutinefunction

import pytest

tests = pytest.importorskip("langchain_tests.integration_tests", reason="pip install langchain-tests pytest-asyncio")

from hashret.integrations.langchain import HashretStore  # noqa: E402
from hashret.settings import Settings  # noqa: E402

SMALL = Settings(bits=16, steps=10, batch=8)

for method in vars(tests.VectorStoreIntegrationTests).values():
    if iscoroutinefunction(method):
        pytest.mark.asyncio(method)


class TestEmbedded(tests.VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self):
        store = HashretStore(embedding=self.get_embeddings(), settings=SMALL)
        yield store
        store.close()


class TestTexts(tests.VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self):
        store = HashretStore(settings=SMALL)
        yield store
        store.close()


class TestFile(tests.VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path):
        store = HashretStore(str(tmp_path / "s.db"), self.get_embeddings(), SMALL)
        yield store
        store.close()
