"""The interfaces the use cases see. Adapters (SQL, files, FAISS, transformers) and fakes fill them.

Write path, in this order, so that a crash leaves at worst a blob that a sweep removes:

    for data in blobs_of_the_records:
        blobs.put(tenant_id, data)                               # slow, outside any lock
    added = store.add(records, vectors, before_commit=check)     # inside it: `blobs.missing`, no bytes

`before_commit` runs while the tenant's write lock is held, as does the `remove` of `MemoryStore.release`.
Equal adapters share one blob; an erasure that takes it away between another writer's `put` and its commit
is therefore seen by that writer's check, which raises, and the blobs are put again (`memory.write.staging`).

Read path: `VectorIndex.search` names candidates only; `MemoryStore.get_many` re-reads them through
the tenant- and scope-filtered statement, so an index that is wrong can lose, never leak.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from memory.errors import IncompatibleAdapter
from memory.records import (
    HistoryEvent,
    Kind,
    MemoryRecord,
    Message,
    Page,
    Removed,
    Scope,
    SessionPage,
    StoreStats,
    Turn,
)
from memory.text.passage import Passage
from memory.work import Erasure

if TYPE_CHECKING:
    from hypernet.lora.adapter import LoRA

Vectors = NDArray[np.float32]  # [N, D], rows of length 1


@dataclass(frozen=True, slots=True)
class Version:
    """How far a tenant's memories have changed.

    `seq` grows by one with every added, updated or deleted memory, in the same transaction; `last` is
    the id of the memory that the change numbered `seq` was about. Ids are random, so a version that
    the history does not hold comes from another database, or from before a backup was restored.
    """

    seq: int = 0
    last: str = ""


START = Version()


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened after some version: enough to bring an index up to date."""

    version: Version
    full: bool  # everything is here, because the version asked about is not in the history: begin anew
    ids: tuple[str, ...]  # added or updated, N
    scopes: tuple[Scope, ...]  # N
    vectors: Vectors  # [N, D]
    removed: tuple[str, ...]  # gone, or embedded by another model by now; never also in ids


@dataclass(frozen=True, slots=True)
class Revision:
    """What happens to memories that are there, all of it in one transaction, or nothing.

    Ids are those of memories or of retired passages. The steps follow each other in this order.
    """

    expects: Sequence[MemoryRecord] = ()  # as they were read; where one is another by now: StoreConflict
    outdated: Mapping[str, str] = field(default_factory=dict)  # id -> id of what supersedes it, from now on
    kept: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """id -> new id, superseder: its text as it stands is kept as a retired passage, held by it."""
    renewed: Sequence[MemoryRecord] = ()  # with other texts and adapters; N
    vectors: Vectors | None = None  # of the renewed, [N, D]
    retired: Mapping[str, str | None] = field(default_factory=dict)  # id -> id of what holds it from now on
    erased: Collection[str] = ()  # gone, with all that they hold

    @property
    def digests(self) -> set[str]:
        """The adapters that may be unused afterwards."""
        return {record.adapter.digest for record in self.expects if not record.retired}


NOTHING = Revision()


@dataclass(frozen=True, slots=True)
class Group:
    """Memories that may be compacted together: of one exact scope, and of one document or none."""

    scope: Scope
    document_id: str | None
    memories: int


REPEATED = timedelta(hours=23)
"""How long an idempotency key means the same call: shorter than answers are kept for."""


class MemoryStore(Protocol):
    """Rows: the truth. Every read is filtered by tenant and scope, and never sees what has expired.

    Writes of a thread that is at some work (`memory.work`) raise Erased where what they bring was erased
    since it began.

    Reads that find see what holds now. With `as_of` they see what held then, passage by passage: what is
    outdated or retired since too, and compacted memories never. A read by id sees whatever has an adapter.

    Raises StoreBusy, StoreReadOnly, DiskFull or StoreUnavailable from any call; after an error the
    whole call has had no effect. Calls that can touch many things raise MissingScope for a scope that
    names nobody; calls by id take the tenant alone.
    """

    def add(
        self,
        records: Sequence[MemoryRecord],
        vectors: Vectors,
        *,
        before_commit: Callable[[], None] | None = None,
        revision: Revision = NOTHING,
    ) -> list[MemoryRecord]:
        """Store all or nothing, in one tenant; returns what stands for each record, in their order.

        Content already in the same exact scope is not stored again: the older record is returned in
        its place, so `stored.id == record.id` says that the record is new. An expired one is replaced, an
        outdated one retired; what a compacted memory holds is there. The revision is made before.
        """
        ...

    def revise(
        self, tenant_id: str, revision: Revision, *, before_commit: Callable[[], None] | None = None
    ) -> list[Removed]:
        """Make the revision; returns what it erased. Raises StoreConflict, and as `update` does."""
        ...

    def known(self, scope: Scope, hashes: Collection[str]) -> dict[str, MemoryRecord]:
        """content_hash -> record for content already in exactly this scope (None matches None)."""
        ...

    def get(self, scope: Scope, memory_id: str) -> MemoryRecord:
        """One memory. Raises NotFound."""
        ...

    def get_many(
        self, scope: Scope, memory_ids: Sequence[str], *, as_of: datetime | None = None
    ) -> list[MemoryRecord]:
        """Those of the ids that are in the scope, in the order asked for."""
        ...

    def skills_for(self, scope: Scope) -> tuple[list[MemoryRecord], Vectors]:
        """Skills whose own scope takes in this one, oldest first, with their embeddings [N, D]."""
        ...

    def page(
        self,
        scope: Scope,
        *,
        kind: Kind | None = None,
        document_id: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
        as_of: datetime | None = None,
    ) -> Page:
        """Newest first. Rows added while paging do not disturb the pages that follow."""
        ...

    def update(
        self,
        scope: Scope,
        record: MemoryRecord,
        vector: Vectors,
        *,
        before_commit: Callable[[], None] | None = None,
        expects: MemoryRecord | None = None,
    ) -> Removed:
        """Replace text, embedding, adapter, expiry, metadata and pin of the row with the record's id.

        Returns the names of what stood there before, for `release`. Raises NotFound, InvalidInput when
        another memory in the scope already says the same, and StoreConflict where the row is not as
        `expects` says. `vector` is [1, D] or [D].
        """
        ...

    def annotate(
        self,
        scope: Scope,
        memory_id: str,
        *,
        metadata: Mapping[str, Any] | None = None,
        pinned: bool | None = None,
        expects: MemoryRecord | None = None,
    ) -> MemoryRecord:
        """Replace the metadata, pin a memory or let it loose; what is None stays.

        Metadata reaches the passages that a compacted memory holds, too.

        Raises NotFound, and StoreConflict where the row is not as `expects` says.
        """
        ...

    def count_uses(self, tenant_id: str, uses: Mapping[str, int]) -> None:
        """Add to how often memories were used, by id, and note when. It is no change."""
        ...

    def delete(self, scope: Scope, memory_id: str, *, expects: MemoryRecord | None = None) -> list[Removed]:
        """Delete one memory, with all that it holds; itself comes first.

        Raises NotFound, and StoreConflict where the row is not as `expects` says.
        """
        ...

    def delete_where(
        self, scope: Scope, *, document_id: str | None = None
    ) -> tuple[list[Removed], list[str]]:
        """Delete memories and turns of a scope, or the memories of one document in it, retired ones too.

        Returns the memories and the ids of the turns that went. With a document_id the tenant alone
        is scope enough, and turns stay.
        """
        ...

    def delete_tenant(self, tenant_id: str) -> tuple[list[Removed], list[str]]:
        """Delete all memories and turns of a tenant, whoever's; the one call that needs nobody named."""
        ...

    def expire(self, tenant_id: str, now: datetime | None = None) -> list[Removed]:
        """Delete the tenant's memories whose expires_at has come, with all that they hold."""
        ...

    def expired(self) -> list[str]:
        """The tenants of whom something has expired and is still there."""
        ...

    def announce(
        self, scope: Scope, *, document_id: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Number an erasure that is to follow: what was begun before brings none of it any more."""
        ...

    def erased(self, tenant_id: str) -> int:
        """The number of the tenant's newest erasure; see `memory.work`."""
        ...

    def erasures(self, tenant_id: str, since: int) -> list[Erasure]:
        """What was erased after that one."""
        ...

    def release(self, tenant_id: str, digests: Collection[str], remove: Callable[[str], None]) -> list[str]:
        """Call `remove` for each of the digests that no row of the tenant refers to; returns those.

        In one transaction, with the tenant's lock held; `remove` is called for nothing else.
        """
        ...

    def history(self, scope: Scope, memory_id: str) -> list[HistoryEvent]:
        """Oldest first; also for a memory that is gone. Raises NotFound for an unknown id."""
        ...

    def append_turns(
        self, scope: Scope, messages: Sequence[Message], *, idempotency_key: str | None = None
    ) -> list[Turn]:
        """Append to a session, all or nothing; what is recalled counts as internalized.

        With a key, the same call again within REPEATED appends nothing, and returns the turns of the first.
        Raises MissingScope without a session.
        """
        ...

    def turns(self, scope: Scope, *, last: int | None = None, internalized: bool | None = None) -> list[Turn]:
        """The turns of exactly this session, oldest first; the newest `last` of them where given."""
        ...

    def sessions(self, scope: Scope, *, limit: int = 100, cursor: str | None = None) -> SessionPage:
        """The sessions of a user or agent that have turns, by name."""
        ...

    def mark_internalized(self, scope: Scope, turn_ids: Collection[str]) -> None:
        """Note that adapters now hold these turns of exactly this session."""
        ...

    def stats(self, scope: Scope) -> StoreStats:
        """Counts within the scope; the tenant alone is scope enough."""
        ...

    def tenants(self) -> list[str]:
        """Every tenant that ever stored something, sorted."""
        ...

    def embedders(self, tenant_id: str) -> set[str]:
        """Names of the models that embedded the tenant's memories."""
        ...

    def everything(self, tenant_id: str, scope: Scope | None = None) -> Iterator[MemoryRecord]:
        """All memories of a tenant, or of a scope in it, outdated ones too, oldest first.

        For export and reindexing; holds no lock meanwhile.
        """
        ...

    def everything_retired(self, tenant_id: str, scope: Scope | None = None) -> Iterator[MemoryRecord]:
        """The same for passages that are retired."""
        ...

    def retired(
        self, scope: Scope, *, ids: Collection[str] | None = None, held_by: Collection[str] | None = None
    ) -> list[MemoryRecord]:
        """Retired passages of the scope by their ids, or by who holds them, oldest first."""
        ...

    def find_words(
        self, scope: Scope, words: Sequence[str], k: int, *, as_of: datetime | None = None
    ) -> list[tuple[str, float]]:
        """Up to k (memory_id, score) of the scope that have some of the words, skills apart, best first.

        `words` are those of `memory.text.search_words`. The score sums what each shared word is worth, which
        is the more the fewer memories have it; of equals the newer goes first. Words that very many have
        may be left out of account. With `as_of`, the passages that held then.
        """
        ...

    def embeddings(self, scope: Scope, memory_ids: Sequence[str]) -> dict[str, Vectors]:
        """Id -> embedding [D] of those of the ids that are memories or retired passages of the scope."""
        ...

    def past(self, scope: Scope, as_of: datetime, embedder: str) -> tuple[list[str], Vectors]:
        """Ids and embeddings [N, D] of the retired passages that held then."""
        ...

    def keep_past(self, records: Sequence[MemoryRecord], vectors: Vectors) -> int:
        """Store retired passages of one tenant as they are, for an import; returns how many are new."""
        ...

    def groups(self, scope: Scope, *, before: datetime | None = None) -> list[Group]:
        """What can be compacted in the scope: passages told before that time, neither pinned nor expiring."""
        ...

    def members(
        self,
        group: Group,
        *,
        before: datetime | None = None,
        after: str = "",
        limit: int = 100,
        ended: bool = False,
    ) -> list[MemoryRecord]:
        """The passages of a group by age, and its compacted memories: those whose ids come after.

        With `ended`, those that hold no longer, which no group counts.
        """
        ...

    def session_scopes(self, scope: Scope) -> list[Scope]:
        """The exact scopes of sessions that have turns, sorted."""
        ...

    def restore_turns(self, scope: Scope, turns: Sequence[Turn]) -> int:
        """Store turns as they are in a session that has none, for an import; returns how many are new."""
        ...

    def version(self, tenant_id: str) -> Version:
        """Where the tenant's change counter stands."""
        ...

    def changes(self, tenant_id: str, embedder: str, since: Version = START) -> Changes:
        """Everything of one embedder that changed after `since`, read in one transaction."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class BlobStore(Protocol):
    """Adapter files, content-addressed within a tenant. Knows bytes, no tensors."""

    def put(self, tenant_id: str, data: bytes) -> str:
        """Make the bytes durable; returns their digest. Again with the same bytes: mends or does nothing."""
        ...

    def get(self, tenant_id: str, digest: str) -> bytes:
        """The bytes, verified. Raises MissingBlob, CorruptBlob."""
        ...

    def missing(self, tenant_id: str, digests: Collection[str]) -> set[str]:
        """Those of the digests under which there is no blob; reads no bytes, for it runs under a lock."""
        ...

    def delete(self, tenant_id: str, digest: str) -> None:
        """Take the blob away; nothing happens when it is not there."""
        ...

    def digests(self, tenant_id: str, *, older_than: timedelta = timedelta(0)) -> list[str]:
        """The tenant's blobs not put within `older_than`, sorted."""
        ...

    def clean(self, *, tenants: Collection[str], older_than: timedelta) -> int:
        """Remove what interrupted writes left behind, older than that; returns how many files went.

        These are half-written files, and blobs of tenants other than `tenants`, all the known ones.
        """
        ...


class VectorIndex(Protocol):
    """Finds candidates by embedding. A cache over MemoryStore: every search first catches up with it."""

    def search(self, scope: Scope, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """Up to k (memory_id, cosine) in the scope, nearest first; `vector` is [1, D] or [D].

        Raises MissingScope, and InvalidInput for a vector of another dimension.
        """
        ...

    def refresh(self, tenant_id: str) -> None:
        """Catch up now, files included: after an erasure, nothing of what went is left in the index."""
        ...


class Embedder(Protocol):
    """Text -> task embedding."""

    @property
    def name(self) -> str:
        """Recorded in every row; vectors of different names are never compared."""
        ...

    @property
    def dim(self) -> int:
        """D."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """[N] texts -> float32 [N, D], each row of length 1. Raises ModelUnavailable."""
        ...


class SkillWriter(Protocol):
    """Descriptions of tasks -> adapters for the internalizer's base model: Text-to-LoRA."""

    @property
    def hypernet_fingerprint(self) -> str:
        """Of the weights that make the adapters."""
        ...

    def generate(self, descriptions: Sequence[str]) -> list[LoRA]:
        """One adapter a description. Raises ModelUnavailable."""
        ...

    def check(self, lora: LoRA) -> None:
        """Raise ValueError for an adapter that `generate` cannot have made."""
        ...

    def unpack(self, data: bytes) -> LoRA:
        """A stored adapter. Raises ValueError for bytes that are none of this network's."""
        ...


class Internalizer(Protocol):
    """Text -> adapters: the hypernetwork, behind its public names."""

    @property
    def base_fingerprint(self) -> str:
        """Of the base model the adapters fit."""
        ...

    @property
    def hypernet_fingerprint(self) -> str:
        """Of the weights that make the adapters."""
        ...

    @property
    def passage_tokens(self) -> int:
        """Most tokens in a passage that becomes one adapter."""
        ...

    @property
    def most_merged(self) -> int:
        """Most adapters that the hypernetwork was trained to combine."""
        ...

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without any chat template."""
        ...

    def generate(self, passages: Sequence[str]) -> list[LoRA]:
        """One adapter a passage, without bias."""
        ...

    def check(self, lora: LoRA) -> None:
        """Raise ValueError for an adapter that `generate` cannot have made.

        Asked of whatever was stored or imported before it is applied: a batch holds rows of several tenants.
        """
        ...

    def unpack(self, data: bytes) -> LoRA:
        """A stored adapter. Raises ValueError for bytes that are none of this network's."""
        ...

    def combine(self, loras: Sequence[LoRA], weights: Sequence[float] | None = None) -> LoRA:
        """Exact merge on the rank dimension, with the bias adapter once."""
        ...


class Reading(Protocol):
    """A text as a reader understood it. Readings of one reader can be compared with each other."""

    @property
    def text(self) -> str:
        """What was read."""
        ...

    @property
    def asks(self) -> bool:
        """Whether it ends with a question, or with a request to tell something."""
        ...

    @property
    def small_talk(self) -> bool:
        """Whether it is made of greetings, thanks and yes-and-no alone."""
        ...

    @property
    def told(self) -> str:
        """The text without its questions and requests; "" where nothing is told."""
        ...

    @property
    def withheld(self) -> bool:
        """Whether the teller says not to keep it, or to forget something: nothing of it is stored."""
        ...

    @property
    def forgets(self) -> str:
        """What the teller wants forgotten, in the text's words; "" where nothing is."""
        ...

    @property
    def acknowledgement(self) -> str:
        """A reply that says back what is told."""
        ...

    @property
    def standing(self) -> str:
        """The text without what it denies, supposes or says is no longer so: adapters are made from this.

        Never blank unless the text is: where nothing stands, it is the whole text, which `answers` nothing.
        """
        ...

    def answers(self, turn: Reading) -> bool:
        """Whether what it states may answer this turn; what is denied, supposed, wished, quoted may not."""
        ...

    @property
    def questions(self) -> Sequence[tuple[str, str]]:
        """Questions that it answers, each with the answer in the text's own words."""
        ...

    @property
    def claims(self) -> bool:
        """Whether it states anything that could take the place of something stated before."""
        ...

    def contradicts(self, older: Reading) -> bool:
        """Whether some statement of the older text cannot hold beside this newer one."""
        ...

    def left_of(self, older: Reading) -> str | None:
        """What this newer text leaves of an older one: None where all of it, "" where nothing."""
        ...

    def stands_for(self, older: Reading, turn: Reading) -> float:
        """How sure it is that this newer text is to be said in the older one's place, for this turn.

        0: both are said. 1: the text says itself that the older one is no longer so. Between: they seem to
        be about the same.
        """
        ...

    def rivals(self, other: Reading) -> bool:
        """Whether the two answer a question alike that either of them answers."""
        ...


class Reader(Protocol):
    """Understands language: what a text states, asks, denies and replaces. Pure functions of the text.

    In doubt a text claims nothing and contradicts nothing: both of two memories are kept.
    """

    def read(self, said: Passage | str) -> Reading:
        """Read a passage, whose lines say who says them; or what one person says, a message or a turn."""
        ...


@dataclass(frozen=True, slots=True)
class MergedAdapter:
    """One adapter of a merge, by name: its bytes are in the blob store, under the tenant and the digest."""

    memory_id: str
    digest: str  # "" for a passage of the past, which has no blob: only tensors hold it
    weight: float
    skill: bool = False  # joins as it is; with any that is none, the bias adapter joins the merge once


@dataclass(frozen=True, slots=True)
class Merge:
    """The adapters of a turn by name, and their exact sum as tensors for who asks for it.

    An engine elsewhere loads them by name and never asks for tensors. All of them fit the base model
    `base_fingerprint`.
    """

    tenant_id: str
    base_fingerprint: str
    adapters: tuple[MergedAdapter, ...]
    tensors: Callable[[], LoRA]  # raises BlobError, ModelUnavailable


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One row of the engine's batch."""

    messages: tuple[Message, ...]
    adapter: LoRA | Merge | None = None  # None is the bare base model
    max_new_tokens: int = 128
    temperature: float = 0.0  # 0 is greedy: the same prompt gives the same reply
    seed: int | None = None  # of the sampling, where temperature is above 0
    stop: tuple[str, ...] = ()  # the reply ends before the first of these
    top_p: float = 1.0  # sample among the likeliest tokens that together have this chance
    owner: str = ""  # whose request it is: owners take turns
    cancelled: Event | None = None  # once set, nobody needs the reply: nothing more of it is written

    @property
    def lora(self) -> LoRA | None:
        """The adapter as tensors, merged now where it was not; to be asked for once. Raises as the merge."""
        return self.adapter.tensors() if isinstance(self.adapter, Merge) else self.adapter


class Generation(Protocol):
    """A reply on its way: iterate for its pieces. The counts are final when the iteration has ended."""

    @property
    def prompt_tokens(self) -> int:
        """Tokens the model read."""
        ...

    @property
    def completion_tokens(self) -> int:
        """Tokens the model has written so far."""
        ...

    def __iter__(self) -> Iterator[str]: ...

    def __next__(self) -> str: ...

    def close(self) -> None:
        """Cancel what is left of it."""
        ...


@dataclass(frozen=True, slots=True)
class Trial:
    """A question with its right answer, to be scored under an adapter."""

    question: str
    answer: str
    adapter: LoRA | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """How likely the answer was."""

    likelihood: float  # mean natural logarithm of the chances of its tokens; 0 is certainty
    right: bool  # whether the greedy reply would begin with it


class Generator(Protocol):
    """The one owner of the base model."""

    @property
    def base_fingerprint(self) -> str:
        """Of the base model in use."""
        ...

    @property
    def window(self) -> int:
        """Tokens the base model can read and write in one request."""
        ...

    @property
    def waiting(self) -> int:
        """Requests that wait for the model; loads nothing."""
        ...

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the prompt these messages make, chat template included."""
        ...

    def stream(self, request: GenerationRequest) -> Generation:
        """The reply in pieces, as they come. Raises InvalidInput for a prompt longer than the window.

        Raises as `GenerationRequest.lora` does, before anything is generated.
        """
        ...

    def score(self, trials: Sequence[Trial]) -> list[Score]:
        """How likely each answer is; nothing is written. The trials share forward passes."""
        ...

    def close(self) -> None:
        """Finish what runs and let go of the model."""
        ...


def require_same_base(internalizer: Internalizer, generator: Generator) -> None:
    """Refuse a generator whose base model adapters are not made for. Raises IncompatibleAdapter."""
    made_for, in_use = internalizer.base_fingerprint, generator.base_fingerprint
    if made_for != in_use:
        raise IncompatibleAdapter(
            f"adapters are made for base model {made_for[:12]}, the generator runs {in_use[:12]}; "
            "give a generator and an internalizer of one base model"
        )


@dataclass(frozen=True, slots=True)
class Backends:
    """What fills each port."""

    store: MemoryStore
    blobs: BlobStore
    index: VectorIndex
    embedder: Embedder
    internalizer: Internalizer
    generator: Generator
    reader: Reader
    skills: SkillWriter | None = None  # where there is none, skills are refused
