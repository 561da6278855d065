"""What happened to memories, and how much there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from memory.errors import InvalidInput
from memory.records.names import now
from memory.records.remembered import MemoryRecord

Event = Literal["ADD", "UPDATE", "DELETE", "OUTDATE", "RETIRE"]


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
