"""What an erasure means for work that is under way.

Every erasure of a tenant has a number, given under the tenant's write lock. Whoever begins something notes
the newest number. The store asks in each write's own transaction what was erased since, and refuses what was
sent or read before: chats in flight, jobs, imports, in any process. What is told afterwards is begun anew.

    begin: Work(tenant, the newest number)  ->  read, compute  ->  `working`: write, or Erased
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from memory.records import SCOPE_FIELDS, MemoryRecord, Scope


@dataclass(frozen=True, slots=True)
class Work:
    """Something that was begun when `since` was the number of its tenant's newest erasure."""

    tenant_id: str
    since: int
    reads: Scope | None = None  # what it may repeat: erasing any of it ends the work


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased, as digests: it outlives the names."""

    number: int
    names: tuple[str, str, str]  # digests of user, agent and session; "" is open, of `content` none
    document: str = ""  # digest; "": not only a document
    metadata: tuple[str, ...] = ()  # digests of the items that all of it had
    content: str = ""  # the hash of one text in exactly that scope; "": everything in it

    def covers(self, record: MemoryRecord) -> bool:
        """Whether a record is of what was erased."""
        if self.content:
            return self.content == record.content_hash and self.names == name_digests(record.scope)
        items = {item_digest(*item) for item in record.metadata.items()} if self.metadata else set()
        return (
            self.covers_scope(record.scope)
            and self.document in ("", name_digest(record.scope.tenant_id, "document_id", record.document_id))
            and items.issuperset(self.metadata)
        )

    def covers_scope(self, scope: Scope) -> bool:
        """Whether all that is written in exactly this scope was named."""
        return all(mine in ("", its) for mine, its in zip(self.names, name_digests(scope), strict=True))

    @property
    def whole(self) -> bool:
        """Whether turns went too: everything of the scope."""
        return not (self.document or self.metadata or self.content)

    def touches(self, scope: Scope) -> bool:
        """Whether a reader of this scope may have seen some of it."""
        return self.overlaps(name_digests(scope))

    def overlaps(self, names: tuple[str, ...]) -> bool:
        """The same for digests of names: where both have one, they are equal."""
        pairs = zip(self.names, names, strict=True)
        return all("" in (mine, its) or mine == its for mine, its in pairs)


_current: ContextVar[Work | None] = ContextVar("_current", default=None)


def current(tenant_id: str) -> Work | None:
    """The work that this thread is at, where it is this tenant's."""
    work = _current.get()
    return work if work is not None and work.tenant_id == tenant_id else None


@contextmanager
def working(work: Work | None) -> Iterator[None]:
    """Inside, this thread's writes are part of the work."""
    token = _current.set(work)
    try:
        yield
    finally:
        _current.reset(token)


def name_digest(tenant_id: str, field: str, value: str | None) -> str:
    """What is kept of a name beyond its owner's erasure, salted with tenant and field; "" for none."""
    return "" if value is None else hashlib.sha256("\0".join((tenant_id, field, value)).encode()).hexdigest()


def name_digests(scope: Scope) -> tuple[str, str, str]:
    """Of user, agent and session."""
    user, agent, session = (
        name_digest(scope.tenant_id, field, getattr(scope, field)) for field in SCOPE_FIELDS
    )
    return user, agent, session


def item_digest(key: str, value: Any) -> str:
    """Of an item of metadata."""
    return hashlib.sha256(json.dumps([key, value], sort_keys=True).encode()).hexdigest()


def item_digests(metadata: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Of all items, sorted."""
    return tuple(sorted(item_digest(*item) for item in (metadata or {}).items()))
