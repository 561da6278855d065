"""Adapter choices as plain data that LangChain checkpoints can hold; never their text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from langchain_core.documents import Document

from integrations.langchain.scope import recalling
from integrations.langchain.shared import AnyMemory
from memory.errors import InvalidInput
from memory.records import AdapterChoice
from memory.records.inputs import Whose

Adapters = Sequence[AdapterChoice | Mapping[str, Any] | Document]
"""What `adapters=` takes: choices of `select`, their plain form, or documents that were internalized."""


class Choice(TypedDict):
    """An adapter of a turn."""

    memory_id: str
    score: float
    weight: float


def plain(choices: Iterable[AdapterChoice]) -> list[Choice]:
    """Choices without their text, so that what is erased is not kept in a state or a trace."""
    return [Choice(memory_id=c.memory_id, score=c.score, weight=c.weight) for c in choices]


def given(service: AnyMemory, adapters: Adapters, asked: str, names: Whose) -> list[AdapterChoice]:
    """The adapters to merge for a question.

    Choices are used as they are. Documents are candidates: where they are more than a merge holds
    (settings.merge_budget), those nearest the question are taken. Raises InvalidInput for anything else.
    """
    documents = [one for one in adapters if isinstance(one, Document)]
    chosen = [_choice(one) for one in adapters if not isinstance(one, Document)]
    places = max(0, service.settings.merge_budget - len(chosen))
    return chosen + nearest(service, documents, asked, names)[:places]


def nearest(
    service: AnyMemory, documents: Sequence[Document], asked: str, names: Whose
) -> list[AdapterChoice]:
    """The internalized documents as choices, nearest the question first."""
    wanted = {_memory_id(document): document for document in documents}
    if len(wanted) <= 1 or not asked.strip():
        return [AdapterChoice(memory_id, 0.0, 1.0, "") for memory_id in wanted]
    scores: dict[str, float] = {}
    k = len(wanted)
    while len(scores) < len(wanted):
        hits = service.search(asked, k=k, **recalling(names))
        scores = {hit.record.id: hit.score for hit in hits if hit.record.id in wanted}
        if len(hits) < k:
            break
        k *= 4
    return [AdapterChoice(memory_id, score, 1.0, "") for memory_id, score in scores.items()]


def _choice(one: AdapterChoice | Mapping[str, Any]) -> AdapterChoice:
    if isinstance(one, AdapterChoice):
        return one
    if not isinstance(one, Mapping) or "memory_id" not in one:
        raise InvalidInput(f"an adapter is a choice of `select`, or a document with a memory_id, got {one!r}")
    return AdapterChoice(one["memory_id"], one.get("score", 0.0), one.get("weight", 1.0), "")


def _memory_id(document: Document) -> str:
    if "memory_id" not in document.metadata:
        raise InvalidInput("a document without memory_id is given as adapter; internalize it first")
    return str(document.metadata["memory_id"])
