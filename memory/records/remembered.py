"""What is remembered and for whom: scopes, memories, turns, and what a turn found and said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, NamedTuple

from memory.errors import MissingScope
from memory.records.names import (
    SCOPE_FIELDS,
    Kind,
    Role,
    SkipReason,
    check_aware,
    check_characters,
    check_metadata,
    check_name,
    check_text,
    content_hash,
    image_of,
    new_id,
    now,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Who may see a memory.

    On a write the four fields are stored as they are. On a read each field that is given must match
    and a field left None matches anything, inside the one tenant. Calls that touch more than one
    named thing ask for `required()`, so that a forgotten user is an error and never everybody.
    """

    user_id: str | None = None
    agent_id: str | None = None
    session_id: str | None = None
    tenant_id: str = "default"

    def __post_init__(self) -> None:
        if self.tenant_id is None:
            raise MissingScope("tenant_id is missing; name the tenant")
        for what in ("tenant_id", *SCOPE_FIELDS):
            if (name := getattr(self, what)) is not None:
                check_name(what, name)

    @property
    def names_somebody(self) -> bool:
        """Whether a user, an agent or a session is given."""
        return any(getattr(self, field) is not None for field in SCOPE_FIELDS)

    def required(self) -> Scope:
        """This scope, or MissingScope where it names nobody inside the tenant."""
        if not self.names_somebody:
            raise MissingScope("whose memory? give user_id, agent_id or session_id")
        return self

    def required_session(self) -> Scope:
        """This scope, or MissingScope where it names no session."""
        if self.session_id is None:
            raise MissingScope("which session? give session_id")
        return self

    def of_teller(self) -> Scope:
        """All sessions of the user or agent; this session, where it names only that."""
        if self.user_id is None and self.agent_id is None:
            return self
        return replace(self, session_id=None)

    def covers(self, other: Scope) -> bool:
        """Whether a reader in this scope may see what was written in `other`."""
        return self.tenant_id == other.tenant_id and all(
            getattr(self, field) in (None, getattr(other, field)) for field in SCOPE_FIELDS
        )


@dataclass(frozen=True, slots=True)
class AdapterRef:
    """Where an adapter's bytes are, and which models it fits."""

    digest: str  # sha256 of the blob, hex
    rank: int
    nbytes: int
    base_fingerprint: str
    hypernet_fingerprint: str


RETIRED = AdapterRef("", 0, 0, "", "")
"""In place of the adapter of a retired passage, which has none: its text can make one again."""


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """One passage and the adapter made from it. Its embedding stays in the store and the index.

    A compacted memory is made from several passages at once. These are retired: they keep their ids,
    texts and times, but have no adapter any more. So are those that were replaced by newer ones. One of
    kind "skill" is a task described in words, with the adapter that does it; one of kind "image" has the
    adapter of a picture, and the caption, or the model's words for it, as its text.
    """

    scope: Scope
    text: str
    embedder: str  # name of the model that embedded the text
    dim: int  # of the embedding
    adapter: AdapterRef
    kind: Kind = "message"
    id: str = field(default_factory=new_id)
    content_hash: str = ""  # filled from the text
    document_id: str | None = None
    position: int = 0  # of the passage within its document or session
    role: Role | None = None  # who said it, where one speaker did
    first_turn: int | None = None  # ordinals of the session turns the passage was made from,
    last_turn: int | None = None  # both ends included
    created_at: datetime = field(default_factory=now)
    updated_at: datetime | None = None
    expires_at: datetime | None = None  # from this moment on it is not seen
    valid_from: datetime | None = None  # from when on it holds; None: since it was told
    valid_until: datetime | None = None  # until when it held; from then on only the past shows it
    superseded_by: str | None = None  # id of the memory that says what holds since
    pinned: bool = False  # goes before all others that matter for a turn, and is never compacted
    uses: int = 0  # answers it was merged for
    used_at: datetime | None = None
    compacted: int = 0  # passages it was made from; 0: it is a passage itself
    held_by: str | None = None  # of a retired passage: the id of the memory it belongs to
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_text(self.text)
        if not self.content_hash:
            object.__setattr__(self, "content_hash", content_hash(self.text, self.kind, self.metadata))
        check_name("document_id", self.document_id)
        check_metadata(self.metadata)
        for what in TIME_FIELDS:
            if (at := getattr(self, what)) is not None:
                check_aware(what, at)

    @property
    def retired(self) -> bool:
        """Whether it has no adapter of its own any more."""
        return not self.adapter.digest

    @property
    def found_by(self) -> str:
        """What it is found by: its text, and of a picture what the model says of it, behind the caption."""
        words = image_of(self.metadata).get("words") if self.kind == "image" else None
        if not isinstance(words, str) or not words or words in self.text:
            return self.text
        return f"{self.text} {words}"

    @property
    def ends(self) -> frozenset[tuple[Scope, int]]:
        """The first and the last of the turns that it was made of, each with its session; empty for none."""
        if self.first_turn is None or self.last_turn is None or self.scope.session_id is None:
            return frozenset()
        return frozenset({(self.scope, self.first_turn), (self.scope, self.last_turn)})

    def beside(self, away: int) -> frozenset[tuple[Scope, int]]:
        """The turns of its session at most so many before its first one or after its last one."""
        turns = [turn for _, turn in self.ends]
        near = (step * sign for step in range(1, away + 1) for sign in (-1, 1)) if turns else ()
        return frozenset((self.scope, (min(turns) if by < 0 else max(turns)) + by) for by in near)

    def holds(self, at: datetime) -> bool:
        """Whether what it says was so at that time, as far as was told."""
        since = self.created_at if self.valid_from is None else self.valid_from
        return since <= at and (self.valid_until is None or self.valid_until > at)

    def unused(self) -> MemoryRecord:
        """Without its use, which is counted beside the changes."""
        return replace(self, uses=0, used_at=None)

    def current(self, at: datetime) -> bool:
        """Whether it is so now. What was told counts at once, also where clocks differ a little."""
        begun = self.valid_from is None or self.valid_from <= at
        return begun and (self.valid_until is None or self.valid_until > at)


# The fields of a memory by what becomes of them: what stores or sends one takes its list from here.
ADAPTER_FIELDS = tuple(field.name for field in fields(AdapterRef))
PLAIN_FIELDS = tuple(
    field.name for field in fields(MemoryRecord) if field.name not in ("scope", "adapter", "metadata")
)
TIME_FIELDS = tuple(field.name for field in fields(MemoryRecord) if "datetime" in str(field.type))
TOLD_TIMES = ("expires_at", "valid_from", "valid_until")  # those that a caller gives
WITH_ADAPTER = ("pinned", "uses", "used_at", "compacted")  # what a retired passage has not
CONTENT_FIELDS = (  # what an update replaces beside the adapter; who, where and since when stay
    *("text", "content_hash", "embedder", "dim"),
    *("expires_at", "valid_from", "compacted", "metadata", "pinned"),
)


@dataclass(frozen=True, slots=True)
class Message:
    """One line of a conversation as it goes into a prompt."""

    role: Role
    text: str
    recalled: bool = False  # said from memory: adapters hold it already, and it is never internalized again
    said_at: datetime | None = None  # of what was said elsewhere, long before it is told here; None: now


class Skipped(NamedTuple):
    """Something that was told and not stored, and why."""

    text: str
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class Turn:
    """One message kept in a session; ordinals count from 0 within the session's exact scope."""

    scope: Scope
    role: Role
    text: str
    ordinal: int
    id: str = field(default_factory=new_id)
    created_at: datetime = field(default_factory=now)
    internalized: bool = False  # an adapter holds it, so it may leave the hot window

    def __post_init__(self) -> None:
        check_characters("the text of a turn", self.text)


@dataclass(frozen=True, slots=True)
class MemoryHit:
    """A memory that was found, and how near it is: cosine in [-1, 1].

    Of a compacted memory `passage` is the one that it was found by, where one was.
    """

    record: MemoryRecord
    score: float
    passage: MemoryRecord | None = None

    @property
    def said(self) -> MemoryRecord:
        """The passage that was found: the memory itself, or the one among those that it holds."""
        return self.record if self.passage is None else self.passage


@dataclass(frozen=True, slots=True)
class AdapterChoice:
    """An adapter selected for a turn, and the weight it takes in the merge."""

    memory_id: str
    score: float
    weight: float
    text: str


@dataclass(frozen=True, slots=True)
class ScoredChoice:
    """One of the answers that a question named, and how likely the model has it."""

    text: str
    probability: float  # among the choices, by their likelihoods; together they are 1
    likelihood: float  # mean natural logarithm of the chances of its tokens, the reply's end included


@dataclass(frozen=True, slots=True)
class ChatReply:
    """An answer, and what it was made from."""

    text: str
    adapters: tuple[AdapterChoice, ...]
    prompt_tokens: int  # everything the model read, memory_tokens included
    memory_tokens: int  # tokens of recalled text in the prompt; 0 when weights alone answered
    completion_tokens: int
    timings: Mapping[str, float] = field(default_factory=dict)  # milliseconds per step
    skills: tuple[AdapterChoice, ...] = ()  # merged too; they say how to answer, and recall nothing
    quoted: tuple[
        str, ...
    ] = ()  # memories whose text gave the answer, where the weights gave none or another
    choices: tuple[ScoredChoice, ...] = ()  # of a question that named them, the likeliest first
    seen: str = ""  # what the model says of a picture that was asked about, and is not remembered
