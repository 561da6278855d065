"""Takes away what no row points at: blobs of interrupted writes, and half-written files."""

from __future__ import annotations

from datetime import timedelta

from memory.ports import BlobStore, MemoryStore

GRACE = timedelta(hours=1)  # a write that has put its blobs commits its rows well within this


def sweep(store: MemoryStore, blobs: BlobStore, *, older_than: timedelta = GRACE) -> int:
    """Remove unreferenced blobs and leftovers older than that, of all tenants; returns how many files."""

    def remove_from(tenant_id: str) -> list[str]:
        unused = blobs.digests(tenant_id, older_than=older_than)
        return store.release(tenant_id, unused, lambda digest: blobs.delete(tenant_id, digest))

    tenants = store.tenants()
    released = sum(len(remove_from(tenant_id)) for tenant_id in tenants)
    return released + blobs.clean(tenants=tenants, older_than=older_than)
