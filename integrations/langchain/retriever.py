"""A retriever over memories that can also add, get and delete documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import uuid4

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.indexing import DeleteResponse, UpsertResponse
from langchain_core.indexing.base import DocumentIndex
from langchain_core.runnables import RunnableConfig, run_in_executor
from pydantic import ConfigDict, Field, PrivateAttr

from integrations.langchain.choices import Choice
from integrations.langchain.documents import Documents, described
from integrations.langchain.scope import Recalling, configurable, names_in, recalling
from memory.errors import NotFound
from memory.read.selection import choose
from memory.records import MemoryHit, MemoryRecord, check_metadata, now
from memory.records.inputs import Whose, text_in


class ParametricRetriever(Recalling, DocumentIndex):
    """Finds memories, one document each, and keeps documents as memories.

    What `invoke` returns has, beside its own metadata: `memory_id`, `adapter_id` (digest of its weights),
    `score` (cosine), `weight` (in a merge of what was found; 0 where it would be left out), `source` (its
    own, else the document or the turns it was made from) and `created_at`. Its id is the document's, or
    the memory's own id if it is not a document; `get` and `delete` take both.

    Finds by embedding and by words; `filters`, here and of a call, say what the metadata has to have.
    Recalls from all sessions of the owner, unless a session is given here or as a keyword.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    k: int = Field(default=4, ge=1)
    _documents: Documents = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        self._documents = Documents(self.service)

    def invoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> list[Document]:
        return super().invoke(input, config, names=names_in(configurable(config)), **kwargs)

    async def ainvoke(
        self, input: str, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Document]:
        return await super().ainvoke(input, config, names=names_in(configurable(config)), **kwargs)

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain's signature
        k: int | None = None,
        filters: Mapping[str, Any] | None = None,
        names: Mapping[str, Any] | None = None,
        **whose: Any,
    ) -> list[Document]:
        given = {**(names or {}), **whose}
        owner = self.whose(**given) if "session_id" in whose else self._owner(**given)
        hits = self.service.search(query, k=k or self.k, filters=self.narrowed(filters), **owner)
        selection = choose(hits, self.service.settings, now(), turn=query, reader=self.service.reader)
        chosen = {hit.record.id for hit in selection.chosen}
        return [found(hit, 1.0 if hit.record.id in chosen else 0.0) for hit in hits]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **given: Any
    ) -> list[Document]:
        search = partial(self._get_relevant_documents, run_manager=run_manager.get_sync(), **given)
        return await run_in_executor(None, search, query)

    def upsert(self, items: Sequence[Document], /, **kwargs: Any) -> UpsertResponse:
        """Internalize documents; one that is there already under its id is replaced.

        A document whose whole text another one of the same owner says already is not kept twice: its id
        is under `failed`. Raises InvalidInput (a ValueError), before anything is stored, for empty text
        and for metadata that JSON cannot hold.
        """
        owner = self._owner(**kwargs)
        for item in items:
            text_in(item.page_content, self.service.settings.max_text_bytes)
            check_metadata(item.metadata)
        response = UpsertResponse(succeeded=[], failed=[])
        for item in items:
            document_id = item.id or str(uuid4())
            standing = self._documents.put(document_id, item.page_content, item.metadata, owner)
            response["failed" if standing is None else "succeeded"].append(document_id)
        return response

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> DeleteResponse:
        """Erase documents, or single memories, with all that was made from them."""
        if ids is None:
            raise ValueError("give the ids of what to delete; `ParametricMemory.forget` takes whole scopes")
        owner = self._owner(**kwargs)
        gone = [one for one in dict.fromkeys(ids) if self._delete(one, owner)]
        return DeleteResponse(num_deleted=len(gone), succeeded=gone, failed=[], num_failed=0)

    def get(self, ids: Sequence[str], /, **kwargs: Any) -> list[Document]:
        """The documents as they were given; those that are not there are left out."""
        owner = self._owner(**kwargs)
        held = [kept for one in dict.fromkeys(ids) if (kept := self._documents.get(one, owner))]
        documents = [Document(id=kept.id, page_content=kept.text, metadata=kept.metadata) for kept in held]
        missing = set(ids) - {kept.id for kept in held}
        return documents + [found for one in ids if one in missing and (found := self._memory(one, owner))]

    def _memory(self, memory_id: str, owner: Whose) -> Document | None:
        try:
            record = self.service.get(memory_id, **owner)
        except NotFound:
            return None
        return Document(id=memory_id, page_content=record.text, metadata=described(record))

    def _delete(self, memory_id: str, owner: Whose) -> bool:
        if self._documents.delete(memory_id, owner):
            return True
        try:
            self.service.delete(memory_id, **owner)
        except NotFound:
            return False
        return True

    def _owner(self, **given: Any) -> Whose:
        names = self.whose(**given)
        return names if self.session_id is not None else recalling(names)


def found(hit: MemoryHit, weight: float) -> Document:
    """A memory that was found, as a document."""
    return as_document(hit.record, score=hit.score, weight=weight)


def as_document(record: MemoryRecord, *, score: float, weight: float) -> Document:
    """A memory as a document that says which adapter it is."""
    metadata = {
        "source": _source(record),
        **described(record),
        **Choice(memory_id=record.id, score=score, weight=weight),
        "adapter_id": record.adapter.digest,
        "document_id": record.document_id,
        "created_at": record.created_at.isoformat(),
    }
    return Document(id=record.document_id or record.id, page_content=record.text, metadata=metadata)


def _source(record: MemoryRecord) -> str:
    """Where a memory comes from, in one line."""
    if record.document_id is not None:
        return f"document {record.document_id}"
    if record.scope.session_id is None:
        return "memory"
    turns = "" if record.first_turn is None else f", turns {record.first_turn} to {record.last_turn}"
    return f"session {record.scope.session_id}{turns}"
