"""Forgetting: everything that was made from a text goes, in an order that can be interrupted anywhere.

    rows and turns (one commit: from here on nothing of it is served) -> caches -> index -> blobs

A passage that was compacted goes in the same commit in which the memory that holds it is made again without
it: the new adapter is made and written first, so that there is no moment at which one is without the other.

Blobs go by name: those whose rows this process took away, and no others are asked about, however many the
tenant has; a write takes away those of what it replaced. An error in between leaves them to the next write
or erasure. A crash leaves them to the next process, whose first write or erasure in a tenant compares all its
blobs with its rows, once; the erasure of a whole tenant always does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import Any

from memory.errors import NotFound, ParametricMemoryError
from memory.ports import BlobStore, MemoryStore, VectorIndex
from memory.ports.asker import to_the_end
from memory.read.adapters import Adapters
from memory.read.past import PastIndex
from memory.records import ErasureReceipt, MemoryRecord, Removed, Scope
from memory.upkeep.exports import Exports
from memory.upkeep.sweep import sweep
from memory.write.adapter_factory import AdapterFactory
from memory.write.draft import Draft
from memory.write.passage_writer import PassageWriter
from memory.write.retry import retried
from memory.write.staging import Leftovers


class Eraser:
    """Takes memories away, with a receipt."""

    def __init__(
        self,
        store: MemoryStore,
        blobs: BlobStore,
        index: VectorIndex,
        adapters: Adapters,
        making: AdapterFactory,
        writer: PassageWriter,
        leftovers: Leftovers,
        past: PastIndex,
        exports: Exports,
        *,
        lists_at_writes: bool = True,
    ) -> None:
        """Without `lists_at_writes`, what interruptions left behind waits for an erasure or a sweep."""
        self._store = store
        self._making = making
        self._writer = writer
        self._leftovers = leftovers
        self._blobs = blobs
        self._index = index
        self._adapters = adapters
        self._past = past
        self._exports = exports
        self._lists_at_writes = lists_at_writes
        self._tidied: set[str] = set()  # tenants freed of what had expired
        self._compared: set[str] = set()  # tenants freed of what earlier processes left behind
        self._lock = Lock()
        self._releasing: dict[str, Lock] = defaultdict(Lock)

    def forget(self, scope: Scope, *, document_id: str | None = None) -> ErasureReceipt:
        """Everything in the scope, or one document of it; nothing there, an empty receipt.

        Raises MissingScope for a scope that names nobody, unless a document is named.
        """
        removed, turns = self._store.delete_where(scope, document_id=document_id)
        return self._receipt(scope.tenant_id, removed, turns)

    def forget_tenant(self, tenant_id: str) -> ErasureReceipt:
        """Everything of a tenant, whoever's, and what any process left behind."""
        removed, turns = self._store.delete_tenant(tenant_id)
        self._compared.discard(tenant_id)
        return self._receipt(tenant_id, removed, turns)

    def forget_one(
        self, scope: Scope, memory_id: str, *, expects: MemoryRecord | None = None
    ) -> ErasureReceipt:
        """One memory, or one passage that was compacted or is of the past.

        Raises NotFound, and StoreConflict where a memory is no longer as `expects` says.
        """
        try:
            return self._receipt(scope.tenant_id, self._store.delete(scope, memory_id, expects=expects))
        except NotFound:
            if not self._store.retired(scope, ids=[memory_id]):
                raise
        return self._forget_passages(scope, lambda: self._with_the_same(scope, memory_id))

    def _with_the_same(self, scope: Scope, memory_id: str) -> Iterator[MemoryRecord]:
        """A retired passage; and where it holds still, what said the very same before."""
        for passage in self._store.retired(scope, ids=[memory_id]):
            yield passage
            if passage.valid_until is None:
                for record in self._store.everything_retired(scope.tenant_id, passage.scope):
                    same = (record.scope, record.content_hash) == (passage.scope, passage.content_hash)
                    if same and record.valid_until is not None and record.id != memory_id:
                        yield record

    def forget_where(self, scope: Scope, metadata: Mapping[str, Any]) -> ErasureReceipt:
        """What has these items in its metadata, within the scope. Raises MissingScope."""
        scope.required()
        self._store.announce(scope, metadata=metadata)

        def matching() -> Iterator[MemoryRecord]:
            for records in (self._store.everything, self._store.everything_retired):
                for record in records(scope.tenant_id, scope):
                    if metadata.items() <= record.metadata.items():
                        yield record

        return self._forget_passages(scope, matching)

    def _forget_passages(self, scope: Scope, find: Callable[[], Iterable[MemoryRecord]]) -> ErasureReceipt:
        """Erase records, and make again what holds one of them. Raises StoreConflict."""

        def attempt() -> tuple[list[Removed], tuple[str, ...]]:
            draft = Draft(self._store, self._making, scope.tenant_id)
            for record in find():
                draft.erase(record)
            return (self._writer.revise(draft, scope.tenant_id), draft.rebuilt) if draft else ([], ())

        with to_the_end():
            gone, rebuilt = retried(attempt, "other writers keep changing these memories; forget them again")
        return replace(self._receipt(scope.tenant_id, gone), rebuilt=rebuilt)

    def replaced(self, tenant_id: str, *, for_good: bool = False) -> None:
        """Take away what updates left behind: adapters that no row refers to, and old embeddings.

        `for_good` says that what was replaced is kept nowhere: archives that hold it go too.
        """
        self._receipt(tenant_id, [], erased=for_good)

    def expire(self) -> int:
        """Erase what has expired, of all tenants; returns of how many.

        Where that fails for one tenant it is done for the others, and the first error raised.
        """
        tenants, errors = self._store.expired(), []
        for tenant_id in tenants:
            try:
                self._clear(tenant_id)
            except ParametricMemoryError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return len(tenants)

    def settle(self, tenant_id: str) -> None:
        """After a write: blobs of a refused one may hold what was erased meanwhile.

        Those of what it replaced go too, for an erasure by another process knows nothing of them; where that
        fails the write stands, and the next one tries again.
        """
        if self._leftovers.refused(tenant_id):
            self._release(tenant_id)
        elif self._leftovers.there_are(tenant_id):
            with suppress(ParametricMemoryError):
                self._release(tenant_id, compare=False)

    def tidy(self, tenant_id: str) -> None:
        """Before a tenant's first write: take away what has expired, or was left behind by interruptions.

        The first write of the process takes away the old leavings of all tenants, who may write no more.
        """
        with self._lock:
            of_tenant, of_all = tenant_id not in self._tidied, not self._tidied
            self._tidied.add(tenant_id)
        if of_tenant:
            self._clear(tenant_id)
        if of_all and self._lists_at_writes:
            self.sweep()

    def sweep(self) -> int:
        """Take away the old leavings of all tenants; returns how many files."""
        return sweep(self._store, self._blobs)

    def _clear(self, tenant_id: str) -> None:
        expired = self._store.expire(tenant_id)
        self._leftovers.note(tenant_id, [memory.digest for memory in expired])
        self._past.forget(tenant_id)
        if expired:
            self._exports.drop(tenant_id)
        if self._release(tenant_id, compare=self._lists_at_writes) or expired:
            self._index.refresh(tenant_id)

    def _receipt(
        self,
        tenant_id: str,
        removed: Iterable[Removed],
        turns: Iterable[str] = (),
        *,
        erased: bool = True,
    ) -> ErasureReceipt:
        gone = tuple(removed)
        digests = {memory.digest for memory in gone}
        self._leftovers.note(tenant_id, digests)
        self._adapters.forget(tenant_id, digests)
        self._past.forget(tenant_id)
        self._index.refresh(tenant_id)
        if erased:
            self._exports.drop(tenant_id)
        return ErasureReceipt(tenant_id, gone, tuple(turns), tuple(self._release(tenant_id)))

    def _release(self, tenant_id: str, *, compare: bool = True) -> list[str]:
        """Remove those of the leftovers that no row refers to; returns their digests.

        The first time, unless told not to `compare`, these are all blobs of the tenant.

        Whoever finds another at it waits, so that what was forgotten is gone when the call returns. Raises
        StoreError, and keeps them for the next time.
        """
        with self._releasing[tenant_id]:
            candidates = self._leftovers.take(tenant_id)
            try:
                compare = compare and tenant_id not in self._compared
                if compare:
                    candidates |= set(self._blobs.digests(tenant_id))
                self._adapters.forget(tenant_id, candidates)
                remove = partial(self._blobs.delete, tenant_id)
                released = self._store.release(tenant_id, candidates, remove)
            except BaseException:
                self._leftovers.note(tenant_id, candidates)
                raise
            if compare:
                self._compared.add(tenant_id)
            return released
