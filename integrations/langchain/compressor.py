"""A document compressor: turns retrieved documents into adapters instead of prompt text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from langchain_core.runnables.config import run_in_executor
from pydantic import ConfigDict, PrivateAttr

from integrations.langchain.choices import given
from integrations.langchain.documents import Documents
from integrations.langchain.retriever import as_document
from integrations.langchain.scope import Scoped, recalling
from memory.records import MemoryRecord, content_hash, now
from memory.records.inputs import Whose


class ParametricCompressor(
    Scoped, BaseDocumentCompressor, RunnableSerializable[Sequence[Document], list[Document]]
):
    """Internalizes documents: out come their passages, one an adapter, for `adapters=` of the chat model.

        adapters = (retriever | memory.as_compressor()).invoke(question)
        model.invoke(question, adapters=adapters)

    A document is internalized once: given again, it costs a look-up. As the `base_compressor` of a
    ContextualCompressionRetriever it also chooses, and returns what a merge holds for the query.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    ttl: timedelta | None = None
    """How long the memories last; by default until they are forgotten."""
    _documents: Documents = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        self._documents = Documents(self.service)

    def invoke(
        self, input: Sequence[Document], config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Document]:
        """The passages of the documents, as adapters. Raises InvalidInput, MissingScope."""
        return self._call_with_config(
            lambda documents: self._internalized(documents, config, kwargs), input, config
        )

    async def ainvoke(
        self, input: Sequence[Document], config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Document]:
        return await run_in_executor(config, self.invoke, input, config, **kwargs)

    def compress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,  # noqa: ARG002 - LangChain's signature
    ) -> list[Document]:
        """The passages that a merge for the query takes, nearest first."""
        passages = self._internalized(documents, None, {})
        chosen = given(self.service, passages, query, self.whose())
        by_id = {passage.metadata["memory_id"]: passage for passage in passages}
        return [_scored(by_id[choice.memory_id], choice.score) for choice in chosen]

    def _internalized(
        self, documents: Sequence[Document], config: RunnableConfig | None, whose: dict[str, Any]
    ) -> list[Document]:
        owner = recalling(self.whose(config, **whose))
        records = [record for document in documents for record in self._adapters(document, owner)]
        return [
            as_document(r, score=0.0, weight=1.0) for r in {record.id: record for record in records}.values()
        ]

    def _adapters(self, document: Document, owner: Whose) -> Sequence[MemoryRecord]:
        if memory_id := document.metadata.get("memory_id"):
            return [self.service.get(memory_id, **owner)]
        document_id = document.id or content_hash(document.page_content)[:32]
        kept = self._documents.get(document_id, owner)
        if kept is not None and kept.text == document.page_content:
            return kept.memories
        expires_at = None if self.ttl is None else now() + self.ttl
        text = document.page_content
        added = self._documents.put(document_id, text, document.metadata, owner, expires_at)
        return added if added is not None else self.service.add(text, document_id=document_id, **owner)


def _scored(passage: Document, score: float) -> Document:
    return Document(
        id=passage.id, page_content=passage.page_content, metadata={**passage.metadata, "score": score}
    )
