"""Domain records: frozen values passed between packages.

A memory is one passage: one chunk of text = one adapter = one row = one embedding. Long text is
several memories that share a document_id or a session.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from memory.errors import EmptyText, InvalidInput, MissingScope

T = TypeVar("T")
Kind = Literal["message", "document", "session", "skill", "image"]
Role = Literal["system", "user", "assistant"]
SkipReason = Literal[
    "question", "request", "small talk", "not to be kept", "instruction", "recalled", "empty", "duplicate"
]
State = Literal["current", "pinned", "past", "coming"]  # of memories, as a listing shows them
Event = Literal["ADD", "UPDATE", "DELETE", "OUTDATE", "RETIRE"]

SCOPE_FIELDS = ("user_id", "agent_id", "session_id")  # what a scope may give inside its tenant
ID_LENGTH = 32  # characters of what `new_id` gives
MAX_NAME = 255  # characters in a tenant, user, agent, session or document id
MAX_METADATA = 64 * 1024  # characters of JSON
MAX_PAGE = 1000  # memories in one page of a listing
STANDALONE_KINDS: tuple[Kind, ...] = ("document", "skill", "image")  # superseded by nothing that is told
SINGLE_KINDS: tuple[Kind, ...] = ("skill", "image")  # supersede nothing, have no past, are never compacted
IMAGE = "image"  # what metadata says of the picture that an image is: see memory.write.thumbnails
SKILLS = "skills"  # document_id that all skills have: the index on it finds them among many memories


def new_id() -> str:
    """32 hex characters: nanoseconds since 1970, then 64 random bits. Sorts by time of making."""
    return f"{time.time_ns():016x}{secrets.token_hex(8)}"


def now() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)


def content_hash(text: str, kind: Kind = "message", metadata: Mapping[str, Any] | None = None) -> str:
    """sha256 of the text's UTF-8 bytes, in hex: the key under which equal content is stored once.

    A skill has another hash than a fact of the same words; so has each image, by the hash of its picture in
    ``metadata``. Raises InvalidInput for text that UTF-8 cannot say.
    """
    check_characters("the text", text)
    salt = f"{kind}\0" if kind in SINGLE_KINDS else ""
    if kind == "image":
        salt += f"{image_of(metadata or {}).get('sha256')}\0"
    return hashlib.sha256(f"{salt}{text}".encode()).hexdigest()


def image_of(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """What metadata says of a picture: sha256, width, height, thumbnail; nothing where it says none."""
    found = metadata.get(IMAGE)
    return found if isinstance(found, Mapping) else {}


def check_name(what: str, value: str | None) -> None:
    """Refuse a name that is given but blank, too long, or not storable (NUL, lone surrogates).

    Blank is refused rather than read as "not given": an unset variable must not widen a scope.
    """
    if value is None:
        return
    if not isinstance(value, str):
        raise InvalidInput(f"{what} is {type(value).__name__}; give str")
    if not value.strip():
        raise MissingScope(f"{what} is blank; give a name, or leave it out")
    if len(value) > MAX_NAME:
        raise InvalidInput(f"{what} has {len(value)} characters; at most {MAX_NAME} are allowed")
    check_characters(what, value)


def check_characters(what: str, text: str) -> None:
    """Refuse what not every database stores: NUL characters and lone surrogates (undecodable bytes)."""
    if "\0" in text:
        raise InvalidInput(f"{what} holds a NUL character at {text.index(chr(0))}; is it a binary file?")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{what} is not valid Unicode at character {error.start}; decode it first"
        ) from error


def check_text(text: str) -> None:
    """Refuse text that is blank or cannot be stored. Raises EmptyText, InvalidInput."""
    if not text.strip():
        raise EmptyText("the text is empty; there is nothing to remember")
    check_characters("the text", text)


def check_aware(what: str, at: datetime | None) -> None:
    """Refuse a time without a time zone, and what is no time. Raises InvalidInput."""
    if at is not None and not isinstance(at, datetime):
        raise InvalidInput(f"{what} is {type(at).__name__}; give a datetime with a time zone")
    if at is not None and at.tzinfo is None:
        raise InvalidInput(f"{what} {at} has no time zone; use an aware datetime")


def check_metadata(metadata: Mapping[str, Any]) -> None:
    """Refuse metadata that would not come back the same from JSON, or is too large. Raises InvalidInput."""
    try:
        said = json.dumps(dict(metadata), allow_nan=False)
        same = json.loads(said) == dict(metadata)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"metadata cannot be kept as JSON: {error}") from error
    if len(said) > MAX_METADATA:  # each change of the text keeps a copy of it
        raise InvalidInput(f"the metadata has {len(said):,} characters; at most {MAX_METADATA:,} are kept")
    if not same:
        raise InvalidInput("metadata changes on its way through JSON; use string keys, lists, numbers, text")


def notes(metadata: Mapping[str, Any] | None, pinned: bool | None) -> dict[str, Any]:
    """What of a memory changes without another adapter; None means unchanged. Raises InvalidInput."""
    if metadata is not None:
        check_metadata(metadata)
    return ({} if metadata is None else {"metadata": dict(metadata)}) | (
        {} if pinned is None else {"pinned": pinned}
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
            check_name(what, getattr(self, what))

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
            check_aware(what, getattr(self, what))

    @property
    def retired(self) -> bool:
        """Whether it has no adapter of its own any more."""
        return not self.adapter.digest

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


class Named(Protocol):
    """What has an id."""

    @property
    def id(self) -> str: ...


def cut(found: Sequence[T], limit: int, cursor: Callable[[T], str]) -> tuple[tuple[T, ...], str | None]:
    """A page of `limit`, where one more was looked for, and where the next page begins, if there is one."""
    return tuple(found[:limit]), cursor(found[limit - 1]) if len(found) > limit else None


def id_cursor(one: Named) -> str:
    """Where a page of rows by id ends: the id, with a sum over it, so that not any text is a cursor."""
    return f"{one.id}.{zlib.crc32(one.id.encode()):08x}"


def after_id(cursor: str | None) -> str | None:
    """The id after which a page goes on. Raises InvalidInput for an invalid cursor."""
    if cursor is None:
        return None
    found, _, summed = cursor.rpartition(".")
    if summed != f"{zlib.crc32(found.encode(errors='surrogatepass')):08x}":
        raise InvalidInput("the cursor is not valid; pass the one that the previous page returned")
    return found


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a listing. `cursor` goes into the next call; None says that this was the last page."""

    records: tuple[MemoryRecord, ...]
    cursor: str | None


def every_record(page: Callable[[str | None], Page]) -> Iterator[MemoryRecord]:
    """The memories of all pages: `page` gives the one that a cursor names, None the first."""
    cursor: str | None = None
    while True:
        some = page(cursor)
        yield from some.records
        cursor = some.cursor
        if cursor is None:
            return


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation, and how much is in it."""

    scope: Scope
    turns: int
    last_at: datetime  # of its newest turn


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Part of a listing. `cursor` goes into the next call; None says that this was the last page."""

    sessions: tuple[Session, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Holding:
    """How many memories that hold now a user and agent have, or a document of theirs; skills apart."""

    scope: Scope
    document_id: str | None  # None: of all that they told
    memories: int
    characters: int
    last_at: datetime  # when the newest was told


@dataclass(frozen=True, slots=True)
class HoldingPage:
    """Part of a listing. `cursor` goes into the next call; None says that this was the last page."""

    holdings: tuple[Holding, ...]
    cursor: str | None


def session_cursor(session: Session) -> str:
    """Where in a listing by session, user and agent this one stands."""
    return _names_cursor(session.scope.session_id, session.scope)


def holding_cursor(holding: Holding) -> str:
    """Where in a listing by document, user and agent this one stands."""
    return _names_cursor(holding.document_id, holding.scope)


def _names_cursor(first: str | None, scope: Scope) -> str:
    return json.dumps([first or "", scope.user_id or "", scope.agent_id or ""])


def after_names(cursor: str | None) -> tuple[str, str, str]:
    """(session or document, user, agent) after which a page goes on. Raises InvalidInput for no cursor."""
    try:
        first, user, agent = ("", "", "") if cursor is None else json.loads(cursor)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInput("the cursor is not valid; pass the one that the previous page returned") from error
    return str(first), str(user), str(agent)


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """That a memory was added, updated, deleted, outdated by another or retired, and when. Never its text."""

    memory_id: str
    event: Event
    at: datetime


@dataclass(frozen=True, slots=True)
class Removed:
    """A memory that went: its names, never its text."""

    memory_id: str
    content_hash: str
    digest: str


@dataclass(frozen=True, slots=True)
class ErasureReceipt:
    """What an erasure took away: ids and hashes, never text."""

    tenant_id: str
    memories: tuple[Removed, ...]
    turns: tuple[str, ...]  # ids
    blobs: tuple[str, ...]  # digests whose files are gone; a blob another memory shares stays
    rebuilt: tuple[str, ...] = ()  # compacted memories made again without the erased source
    erased_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class StoreStats:
    """Counts within a scope."""

    memories: int
    documents: int
    sessions: int
    turns: int
    characters: int  # of text
    adapter_bytes: int  # a blob that several memories share counts once


@dataclass(frozen=True, slots=True)
class Status:
    """Where a memory is kept, what it is made with, and how much of the tenant's is in it."""

    home: str  # a folder, or the URL of a server
    model: str
    embedder: str
    tenant_id: str
    stats: StoreStats


def only_tenant(records: Sequence[MemoryRecord]) -> str:
    """The tenant of all the records, at least one. Raises InvalidInput where they differ."""
    tenants = {record.scope.tenant_id for record in records}
    if len(tenants) > 1:
        raise InvalidInput(f"one call writes to one tenant, got {sorted(tenants)}; call once for each")
    return tenants.pop()


def check_page(limit: int) -> None:
    """Refuse a page size out of bounds. Raises InvalidInput."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput(f"limit is {limit}; give 1 to {MAX_PAGE}")
