"""Request and response models of the native routes; docs and tests are made from their examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from memory.api.picture_parts import as_picture
from memory.records import (
    MAX_NAME,
    MAX_PAGE,
    AdapterChoice,
    ErasureReceipt,
    Event,
    Kind,
    MemoryHit,
    MemoryRecord,
    Role,
    Scope,
    Skipped,
    SkipReason,
    Turn,
)
from memory.records.inputs import Content, Whose, content_in, scope_in
from memory.write.added import Added

FILTERS = 'What the metadata has to have, as {"topic": "work", "page": {"$gt": 3}}.'
MEMORY_ID = "18b2f0c3a1d4e5f60718293a4b5c6d7e"


def _no_truth(given: object) -> object:
    """Python counts true as 1."""
    if isinstance(given, bool):
        raise ValueError("give a number")
    return given


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is out of range") from error


Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME, examples=["ana"])]
Time = Annotated[AwareDatetime, AfterValidator(_utc), Field(examples=["2030-01-01T00:00:00Z"])]
Whole = Annotated[int, BeforeValidator(_no_truth)]
Text = Annotated[str, Field(min_length=1, examples=["My dog is called Biscuit."])]


T = TypeVar("T")
Many = Annotated[list[T], Field(fail_fast=True)]
"""A list that a body may have, of which the first wrong item alone is an error: there may be 100,000."""


def example(**values: Any) -> ConfigDict:
    """The configuration of a model: no unknown fields, and what it looks like."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [values]})


def example_of(model: type[BaseModel]) -> Any:
    """What a model looks like."""
    extra: Any = model.model_config["json_schema_extra"]
    return extra["examples"][0]


class ScopeIn(BaseModel):
    """Whose memory. The tenant is that of the key."""

    model_config = ConfigDict(extra="forbid")

    user_id: Name | None = Field(default=None, description="The person.")
    agent_id: Name | None = Field(default=None, description="The agent.", examples=["concierge"])
    session_id: Name | None = Field(default=None, description="The conversation.", examples=["monday"])

    def whose(self, tenant_id: str) -> Whose:
        """As the service takes it."""
        return Whose(
            tenant_id=tenant_id, user_id=self.user_id, agent_id=self.agent_id, session_id=self.session_id
        )

    def scope(self, tenant_id: str) -> Scope:
        """As the stores take it."""
        return scope_in(self.whose(tenant_id), tenant_id)


class MessageIn(BaseModel):
    """One line of a conversation."""

    model_config = ConfigDict(  # clients send their messages as they have them, calls and names among them
        extra="ignore",
        json_schema_extra={"examples": [{"role": "user", "content": "My dog is called Biscuit."}]},
    )

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | Many[dict[str, Any]] | None = Field(
        description='A text, or parts like {"type": "text", "text": "..."}, of which only texts are read; '
        "null beside calls of tools."
    )
    recalled: bool = Field(default=False, description="Said from memory: never remembered again.")

    @model_validator(mode="before")
    @classmethod
    def _calls_alone(cls, given: Any) -> Any:
        calls = isinstance(given, Mapping) and (given.get("tool_calls") or given.get("function_call"))
        return {"content": None, **given} if calls else given

    @property
    def size(self) -> int:
        """Of its text, in bytes of UTF-8. Raises InvalidInput."""
        return len(content_in(self.content).encode())


class ContentIn(BaseModel):
    """A text, or messages of a conversation."""

    text: Text | None = None
    messages: Many[MessageIn] | None = None

    @model_validator(mode="after")
    def _one_content(self) -> Self:
        if not self._has_one_content():
            raise ValueError("give either text or messages")
        return self

    def _has_one_content(self) -> bool:
        return (self.text is None) != (self.messages is None)

    @property
    def content(self) -> Content:
        """As the service takes it."""
        if self.text is not None:
            return self.text
        return [message.model_dump() for message in self.messages or []]


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

    text: str | None = Field(description="What was told; null where not to be kept, and for duplicates.")
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


class SearchIn(ScopeIn):
    """What to look for."""

    model_config = example(user_id="ana", query="What is my dog called?", k=4)

    query: Text
    as_of: Time | None = Field(default=None, description="What held at that time, instead of now.")
    k: Whole = Field(4, ge=1, le=MAX_PAGE, description="Most memories to find.")
    filters: dict[str, Any] | None = Field(default=None, description=FILTERS)


class HitOut(BaseModel):
    """A memory that was found, and its cosine with the query."""

    model_config = example(score=0.71, memory=example_of(MemoryOut), passage=None)

    score: float
    memory: MemoryOut
    passage: MemoryOut | None = Field(description="Of a compacted memory: what of it was found.")

    @classmethod
    def of(cls, hit: MemoryHit) -> Self:
        passage = None if hit.passage is None else MemoryOut.of(hit.passage)
        return cls(score=hit.score, memory=MemoryOut.of(hit.record), passage=passage)


class HitsOut(BaseModel):
    """What was found, nearest first."""

    model_config = example(hits=[example_of(HitOut)])

    hits: list[HitOut]


class SelectIn(ScopeIn):
    """What a turn would say."""

    model_config = example(user_id="ana", query="What is my dog called?")

    query: Text
    as_of: Time | None = Field(default=None, description="What held at that time, instead of now.")
    filters: dict[str, Any] | None = Field(default=None, description=FILTERS)


class ChoiceOut(BaseModel):
    """An adapter that the turn would merge."""

    memory_id: str
    score: float
    weight: float = Field(description="In the merge.")
    text: str

    @classmethod
    def of(cls, choice: AdapterChoice) -> Self:
        return cls(memory_id=choice.memory_id, score=choice.score, weight=choice.weight, text=choice.text)


class ChoicesOut(BaseModel):
    """The adapters a turn would merge, best first; none where nothing matters for it."""

    model_config = example(
        adapters=[{"memory_id": MEMORY_ID, "score": 0.71, "weight": 1.0, "text": "My dog is called Biscuit."}]
    )

    adapters: list[ChoiceOut]


class SessionOut(BaseModel):
    """A conversation, and how much is in it."""

    model_config = example(
        session_id="monday",
        tenant_id="acme",
        user_id="ana",
        agent_id=None,
        turns=12,
        last_at="2026-05-04T12:00:00Z",
    )

    session_id: str
    tenant_id: str
    user_id: str | None
    agent_id: str | None
    turns: int
    last_at: datetime


class SessionsOut(BaseModel):
    """One page of conversations, by name."""

    model_config = example(sessions=[example_of(SessionOut)], cursor=None)

    sessions: list[SessionOut]
    cursor: str | None = Field(description="Goes into the next call; null says that this was the last page.")


class TurnOut(BaseModel):
    """One message of a session."""

    model_config = example(
        id=MEMORY_ID,
        tenant_id="acme",
        user_id="ana",
        agent_id=None,
        session_id="monday",
        ordinal=0,
        role="user",
        content="My dog is called Biscuit.",
        created_at="2026-05-04T12:00:00Z",
        internalized=True,
    )

    id: str
    tenant_id: str
    user_id: str | None
    agent_id: str | None
    session_id: str | None
    ordinal: int
    role: Role
    content: str
    created_at: datetime
    internalized: bool = Field(description="Whether an adapter holds it.")

    @classmethod
    def of(cls, turn: Turn) -> Self:
        return cls(
            **asdict(turn.scope),
            id=turn.id,
            ordinal=turn.ordinal,
            role=turn.role,
            content=turn.text,
            created_at=turn.created_at,
            internalized=turn.internalized,
        )


class TurnsOut(BaseModel):
    """Turns of a session, oldest first."""

    model_config = example(turns=[example_of(TurnOut)])

    turns: list[TurnOut]


class AppendIn(BaseModel):
    """Messages that a session goes on with."""

    model_config = example(user_id="ana", messages=[{"role": "user", "content": "My dog is called Biscuit."}])

    user_id: Name | None = None
    agent_id: Name | None = Field(default=None, examples=["concierge"])
    messages: Many[MessageIn] = Field(min_length=1)


class ForgetIn(ScopeIn):
    """What to erase: all of a user, agent or session, one document, or one memory. This cannot be undone."""

    model_config = example(user_id="ana", session_id="monday")

    document_id: Name | None = Field(default=None, description="Only this document.", examples=["handbook"])
    metadata: dict[str, Any] | None = Field(
        default=None, min_length=1, description="Only what has these items."
    )
    memory_id: str | None = Field(
        default=None, max_length=64, description="Only this memory.", examples=[MEMORY_ID]
    )

    @model_validator(mode="after")
    def _one_filter(self) -> Self:
        if self.metadata is not None and self.document_id is not None:
            raise ValueError("give document_id or metadata, not both")
        return self


class RemovedOut(BaseModel):
    """A memory that went."""

    memory_id: str
    content_hash: str = Field(description='sha256 of its text, with dates for "tomorrow" and its kin.')
    digest: str = Field(description="Of its adapter.")


class ReceiptOut(BaseModel):
    """What an erasure took away: ids and hashes, never text."""

    model_config = example(
        tenant_id="acme",
        memories=[{"memory_id": MEMORY_ID, "content_hash": "e3b0c44298fc1c14", "digest": "9f86d081884c7d65"}],
        turns=[],
        blobs=["9f86d081884c7d65"],
        rebuilt=[],
        erased_at="2026-05-04T12:00:00Z",
    )

    tenant_id: str
    memories: list[RemovedOut]
    turns: list[str] = Field(description="Ids.")
    blobs: list[str] = Field(description="Digests of adapters whose files are gone.")
    rebuilt: list[str] = Field(description="Memories made again without what was erased.")
    erased_at: datetime

    @classmethod
    def of(cls, receipt: ErasureReceipt) -> Self:
        return cls(
            tenant_id=receipt.tenant_id,
            memories=[
                RemovedOut(memory_id=one.memory_id, content_hash=one.content_hash, digest=one.digest)
                for one in receipt.memories
            ],
            turns=[*receipt.turns],
            blobs=[*receipt.blobs],
            rebuilt=[*receipt.rebuilt],
            erased_at=receipt.erased_at,
        )


class FieldWrong(BaseModel):
    """One field that is wrong."""

    field: str
    message: str


class ProblemOut(BaseModel):
    """An error, as RFC 9457 has it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:parametric-memory:problem:missing-scope",
                    "title": "Unprocessable Entity",
                    "status": 422,
                    "detail": "whose memory? give user_id, agent_id or session_id",
                    "request_id": MEMORY_ID,
                }
            ]
        }
    )

    type: str = Field(description="Names the kind of problem; stable.")
    title: str
    status: int
    detail: str = Field(description="What to do about it.")
    request_id: str | None
    errors: list[FieldWrong] | None = Field(default=None, description="The fields that are wrong.")
