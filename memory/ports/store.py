"""The port of the database: memories, turns and their history."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from memory.ports.changes import NOTHING, START, Changes, Group, Revision, Vectors, Version
from memory.ports.wanted import ANYTHING, Wanted
from memory.ports.work import Erasure
from memory.records import (
    HistoryEvent,
    HoldingPage,
    MemoryRecord,
    Message,
    Page,
    Removed,
    Scope,
    SessionPage,
    StoreStats,
    Turn,
)


class MemoryStore(Protocol):
    """Rows: the truth. Every read is filtered by tenant and scope, and never sees what has expired.

    Writes of a thread that is at some work (`memory.ports.work`) raise Erased where what they bring was
    erased since it began.

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

    def beginning(self, scope: Scope, prefix: str, most: int = 2) -> list[str]:
        """Ids of the scope's memories, outdated ones too, that begin so; at most so many, oldest first."""
        ...

    def get_many(
        self, scope: Scope, memory_ids: Sequence[str], *, as_of: datetime | None = None
    ) -> list[MemoryRecord]:
        """Those of the ids that are in the scope, in the order asked for."""
        ...

    def beside(self, scope: Scope, told: Sequence[MemoryRecord], away: int) -> list[MemoryRecord]:
        """Memories of the scope that were told at most so many turns before or after one of these, in its
        session; these are not among them, nor is what was told in no session."""
        ...

    def skills_for(self, scope: Scope) -> tuple[list[MemoryRecord], Vectors]:
        """Skills whose own scope takes in this one, oldest first, with their embeddings [N, D]."""
        ...

    def page(
        self,
        scope: Scope,
        wanted: Wanted = ANYTHING,
        *,
        limit: int = 100,
        cursor: str | None = None,
        as_of: datetime | None = None,
    ) -> Page:
        """Newest first; with `as_of` the passages that held then, whatever the state.

        Rows added while paging do not disturb the pages that follow.
        """
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

        What it said is kept nowhere: what said the same before in its very scope goes, too. Returns the
        names of what stood there before, for `release`. Raises NotFound, InvalidInput when another memory
        in the scope already says the same, and StoreConflict where the row is not as `expects` says.
        `vector` is [1, D] or [D].
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
        """Delete one memory, with all that it holds and what said the same before; itself comes first.

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
        """The number of the tenant's newest erasure; see `memory.ports.work`."""
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

        A message without `said_at` is said now.

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

    def holdings(
        self, scope: Scope, *, by_document: bool = False, limit: int = 100, cursor: str | None = None
    ) -> HoldingPage:
        """What users and agents in the scope have now, by name, or each of their documents, by its name.

        The tenant alone is scope enough.
        """
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

    def now(self) -> datetime:
        """The time that memories begin and end by: one clock for all servers of the store."""
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
