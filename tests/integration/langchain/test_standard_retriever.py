"""LangChain's own suites for retrievers and document indexes."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests
from langchain_tests.integration_tests.indexer import AsyncDocumentIndexTestSuite, DocumentIndexerTestSuite

from integrations.langchain import ParametricMemory, ParametricRetriever

FACTS = [
    "My dog is called Biscuit.",
    "My cat is called Onyx.",
    "My horse is called Rain.",
    "I live in Porto.",
]


class TestRetriever(RetrieversIntegrationTests):
    """`k` in the constructor and per call, sync and async."""

    @pytest.fixture(autouse=True)
    def _facts(self, parametric: ParametricMemory) -> None:
        self.parametric = parametric
        for fact in FACTS:
            parametric.add(fact)

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return ParametricRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"service": self.parametric.service, "user_id": "ana"}

    @property
    def retriever_query_example(self) -> str:
        return "What is my dog called?"


class TestDocumentIndex(DocumentIndexerTestSuite):
    """Upsert, get and delete."""

    @pytest.fixture
    def index(self, parametric: ParametricMemory) -> ParametricRetriever:
        return parametric.as_retriever()


class TestAsyncDocumentIndex(AsyncDocumentIndexTestSuite):
    """The same, awaited."""

    @pytest.fixture
    async def index(self, parametric: ParametricMemory) -> ParametricRetriever:
        return parametric.as_retriever()
