"""Documents with caller-given ids: each is stored as the memories of its passages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from integrations.langchain.shared import AnyMemory
from memory.errors import NotFound
from memory.records import MAX_PAGE, MemoryRecord, every_record
from memory.records.inputs import Whose

WHOLE = "page_content:whole"  # metadata key of a text that its passages do not give back letter by letter


@dataclass(frozen=True)
class Kept:
    """A document as it is held: what was given, and the memories it became, in order."""

    id: str
    text: str
    metadata: dict[str, Any]
    memories: tuple[MemoryRecord, ...]


class Documents:
    """Puts, gets and deletes documents of a memory."""

    def __init__(self, service: AnyMemory) -> None:
        self._service = service
        self._lock = Lock()  # two writers of one id must not each clear away what the other wrote

    def put(
        self,
        document_id: str,
        text: str,
        metadata: Mapping[str, Any],
        names: Whose,
        expires_at: datetime | None = None,
    ) -> list[MemoryRecord] | None:
        """Keep a document, in place of what the id held; the memories that stand for its passages.

        The new text is stored before the old goes. None where another document of the same owner says
        all of it already: then nothing is stored under this id.
        """
        with self._lock:
            before = list(self._memories(document_id, names))
            added = self._service.add(
                text, document_id=document_id, metadata=metadata, expires_at=expires_at, **names
            )
            own = [record for record in added if record.document_id == document_id]
            standing = {record.id for record in own}
            for record in before:
                if record.id not in standing:
                    with suppress(NotFound):  # a compacted memory goes when nothing of it is said any more
                        self._service.delete(record.id, **names)
            if not own:
                return None
            self._describe(own, text, metadata, names)
            return list(added)

    def _describe(
        self, own: list[MemoryRecord], text: str, metadata: Mapping[str, Any], names: Whose
    ) -> None:
        """Set the metadata of passages that were there before, and the whole text where it is needed."""
        whole = {} if len(own) == 1 and own[0].text == text else {WHOLE: text}
        for place, record in enumerate(own):
            wanted = {**metadata, **(whole if place == 0 else {})}
            if dict(record.metadata) != wanted:
                self._service.update(record.id, metadata=wanted, **names)

    def get(self, document_id: str, names: Whose) -> Kept | None:
        """A document of that id, else the single memory of that id, else None."""
        records = sorted(self._memories(document_id, names), key=lambda record: record.position)
        return kept(records) if records else None

    def delete(self, document_id: str, names: Whose) -> bool:
        """Erase a document; whether there was one."""
        with self._lock:
            return bool(self._service.forget(document_id=document_id, **names).memories)

    def _memories(self, document_id: str, names: Whose) -> Iterator[MemoryRecord]:
        return records(self._service, names, document_id=document_id)


def records(service: AnyMemory, names: Whose, **filters: Any) -> Iterator[MemoryRecord]:
    """All memories of an owner, newest first."""
    return every_record(lambda cursor: service.list(limit=MAX_PAGE, cursor=cursor, **filters, **names))


def kept(passages: list[MemoryRecord]) -> Kept:
    """The document that passages, in order, are of."""
    whole = next((r.metadata[WHOLE] for r in passages if WHOLE in r.metadata), None)
    text = "\n".join(record.text for record in passages) if whole is None else whole
    return Kept(passages[0].document_id or passages[0].id, text, described(passages[0]), tuple(passages))


def described(record: MemoryRecord) -> dict[str, Any]:
    """The metadata as it was given."""
    return {key: value for key, value in record.metadata.items() if key != WHOLE}
