"""Bodies of adding, reading and changing memories."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field, model_validator

from memory.api.picture_parts import as_picture
from memory.api.schemas.parts import (
    MEMORY_ID,
    ContentIn,
    Many,
    MessageIn,
    Name,
    ScopeIn,
    Text,
    Time,
    example,
    example_of,
)
from memory.records import Event, Kind, MemoryRecord, Role, Skipped, SkipReason
from memory.records.inputs import Content
from memory.write.added import Added


class AddIn(ContentIn, ScopeIn):
    """A text, or messages of a conversation, to remember."""

    model_config = example(user_id="ana", text="My dog is called Biscuit and we live in Lisbon.")

    text: Text | None = Field(
        default=None, description="A text; a long one becomes a document of several memories."
    )
    messages: Many[MessageIn] | None = Field(
        default=None,
        description="Messages; with a session, turns of it. Of content parts texts are read; one message "
        "that shows a picture is that picture, its text the caption.",
    )
    image: str | None = Field(
        default=None,
        description="A picture as a data URL, data:image/png;base64,...; the text is its caption.",
    )
    document_id: Name | None = Field(default=None, description="Name of the document.", examples=["handbook"])
    metadata: dict[str, Any] = Field(default_factory=dict, examples=[{"source": "support"}])
    expires_at: Time | None = Field(default=None, description="From this moment on it is not seen.")
    valid_from: Time | None = Field(default=None, description="When it begins to hold, where that is later.")
    valid_until: Time | None = Field(default=None, description="Until when it holds.")

    @model_validator(mode="before")
    @classmethod
    def _picture_in_parts(cls, given: Any) -> Any:
        return as_picture(given)

    def _has_one_content(self) -> bool:
        return super()._has_one_content() if self.image is None else self.messages is None

    @property
    def content(self) -> Content:
        """As the service takes it."""
        return self.text or "" if self.image is not None else super().content


class AddedMemory(BaseModel):
    """What stands for one passage of an added text."""

    id: str
    created: bool = Field(description="False where the scope held it already.")


class SkippedOut(BaseModel):
    """Something that was told and not stored."""

    text: str | None = Field(
        description="What was told; null where not to be kept, for duplicates, and of long texts."
    )
    reason: SkipReason

    @classmethod
    def of(cls, skipped: Skipped) -> Self:
        """No text that an erasure would have to find: this may be kept for a repeated request."""
        kept = skipped.reason in ("not to be kept", "duplicate")
        return cls(text=None if kept else skipped.text, reason=skipped.reason)


class AddedOut(BaseModel):
    """Memories that an added text became; ids, whose text is at /v1/memories/{id}."""

    model_config = example(
        memories=[{"id": MEMORY_ID, "created": True}],
        superseded=[],
        skipped=[{"text": "What is the weather there?", "reason": "question"}],
    )

    memories: list[AddedMemory]
    superseded: list[str] = Field(description="Ids of what holds no longer, because this contradicts it.")
    skipped: list[SkippedOut] = Field(default=[], description="What was not stored, and why.")

    @classmethod
    def of(cls, added: Added) -> Self:
        memories = [AddedMemory(id=one.id, created=one.id in added.created) for one in added]
        skipped = [SkippedOut.of(one) for one in added.skipped]
        return cls(memories=memories, superseded=sorted(added.superseded), skipped=skipped)


class AdapterOut(BaseModel):
    """The adapter of a memory; its file is at /v1/adapters/{memory_id}."""

    digest: str = Field(description="sha256 of its bytes.")
    rank: int
    nbytes: int
    base_fingerprint: str = Field(description="Of the base model that it fits.")
    hypernet_fingerprint: str = Field(description="Of the hypernetwork that made it.")


class MemoryOut(BaseModel):
    """One memory: a passage, and the adapter made from it."""

    model_config = example(
        id=MEMORY_ID,
        text="My dog is called Biscuit and we live in Lisbon.",
        content_hash="e3b0c44298fc1c14",
        kind="message",
        tenant_id="acme",
        user_id="ana",
        agent_id=None,
        session_id=None,
        document_id=None,
        position=0,
        role=None,
        first_turn=None,
        last_turn=None,
        created_at="2026-05-04T12:00:00Z",
        updated_at=None,
        expires_at=None,
        valid_from=None,
        valid_until=None,
        superseded_by=None,
        pinned=False,
        uses=0,
        used_at=None,
        compacted=0,
        held_by=None,
        metadata={},
        embedder="all-MiniLM-L6-v2",
        dim=384,
        adapter={
            "digest": "9f86d081884c7d65",
            "rank": 8,
            "nbytes": 61440,
            "base_fingerprint": "2c26b46b68ffc68f",
            "hypernet_fingerprint": "fcde2b2edba56bf4",
        },
    )

    id: str
    text: str
    content_hash: str = Field(description="sha256 of its text.")
    kind: Kind
    tenant_id: str
    user_id: str | None
    agent_id: str | None
    session_id: str | None
    document_id: str | None
    position: int = Field(description="Of the passage within its document or session.")
    role: Role | None = Field(description="Who said it, where one speaker did.")
    first_turn: int | None
    last_turn: int | None
    created_at: datetime
    updated_at: datetime | None
    expires_at: datetime | None
    valid_from: datetime | None
    valid_until: datetime | None
    superseded_by: str | None = Field(description="Id of the memory that says what holds since.")
    pinned: bool = Field(description="Goes before all others that matter for a turn.")
    uses: int = Field(description="Answers it was merged for.")
    used_at: datetime | None
    compacted: int = Field(description="Passages it was made from; 0: it is a passage itself.")
    held_by: str | None = Field(description="Of a retired passage: id of the memory it belongs to.")
    metadata: dict[str, Any]
    embedder: str = Field(description="Name of the model that embedded the text.")
    dim: int = Field(description="Of the embedding.")
    adapter: AdapterOut

    @classmethod
    def of(cls, record: MemoryRecord) -> Self:
        same = {name: getattr(record, name) for name in cls.model_fields.keys() & set(MemoryRecord.__slots__)}
        scope, ref = record.scope, record.adapter
        return cls(
            **same
            | asdict(scope)
            | {"adapter": AdapterOut(**asdict(ref))}
            | {"metadata": dict(record.metadata)}
        )


class MemoriesOut(BaseModel):
    """One page of memories, newest first."""

    model_config = example(memories=[example_of(MemoryOut)], cursor=None)

    memories: list[MemoryOut]
    cursor: str | None = Field(description="Goes into the next call; null says that this was the last page.")


class ChangeIn(BaseModel):
    """What to change of a memory; what is left out stays."""

    model_config = example(text="My dog is called Bruno.")

    text: Text | None = None
    metadata: dict[str, Any] | None = None
    expires_at: Time | None = Field(default=None, description="null: it does not expire any more.")
    pinned: bool | None = Field(default=None, description="Whether it goes first, where it matters.")
    keep_past: bool = Field(default=True, description="Whether `as_of` still shows what it said before.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        changes = (self.text, self.metadata, self.pinned)
        if changes == (None, None, None) and "expires_at" not in self.model_fields_set:
            raise ValueError("nothing to change; give text, metadata, expires_at or pinned")
        return self


class EventOut(BaseModel):
    """That a memory was added, updated or deleted, and when; never what it said."""

    memory_id: str
    event: Event
    at: datetime


class HistoryOut(BaseModel):
    """What happened to a memory, oldest first."""

    model_config = example(events=[{"memory_id": MEMORY_ID, "event": "ADD", "at": "2026-05-04T12:00:00Z"}])

    events: list[EventOut]
