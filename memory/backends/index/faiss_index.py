"""VectorIndex on FAISS: one small exact index per tenant, a cache of the embeddings kept in SQL rows.

Every search asks the store for the tenant's version, which is one row, and reads what it has missed:
writes of another process are found at once, and a file from before them is caught up rather than
rebuilt. Nothing erased stays: taking a vector out discards the tenant's files, and a file is only kept
when no change was committed while it was written.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from memory.backends.index import shard_file as index_file
from memory.backends.index.queries import check_dim, query_of
from memory.backends.index.shard import Shard
from memory.errors import StoreError
from memory.files import translated
from memory.ports import MemoryStore, Vectors
from memory.records import Scope

SUFFIX = ".index"
SAVE_AFTER = 256  # changes, and a tenth of the shard: below that, catching up costs less than saving


@dataclass
class _Entry:
    shard: Shard
    saved: int  # seq up to which a file need not be written
    lock: Lock = field(default_factory=Lock)


class FaissIndex:
    """Candidates by cosine, exact. Safe to share between threads."""

    def __init__(
        self,
        store: MemoryStore,
        *,
        embedder: str,
        dim: int,
        folder: Path | None = None,
        max_tenants: int = 64,
    ) -> None:
        """Index the rows of one embedder; without a folder nothing is kept over a restart."""
        self._store = store
        self._embedder = embedder
        self._dim = dim
        self._folder = folder
        self._max_tenants = max_tenants
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = Lock()

    def search(self, scope: Scope, vector: Vectors, k: int) -> list[tuple[str, float]]:
        query = query_of(scope, vector, self._dim)
        entry = self._entry(scope.tenant_id)
        with entry.lock:
            self._catch_up(scope.tenant_id, entry)
            return entry.shard.search(scope, query, k)

    def refresh(self, tenant_id: str) -> None:
        self._discard_files(tenant_id)
        with self._lock:
            entry = self._entries.get(tenant_id)
        if entry is not None:
            with entry.lock:
                self._catch_up(tenant_id, entry)

    def _entry(self, tenant_id: str) -> _Entry:
        with self._lock:
            if tenant_id not in self._entries:
                self._entries[tenant_id] = self._loaded(tenant_id)
            self._entries.move_to_end(tenant_id)
            while len(self._entries) > self._max_tenants:
                self._entries.popitem(last=False)
            return self._entries[tenant_id]

    def _loaded(self, tenant_id: str) -> _Entry:
        path = self._path(tenant_id)
        shard = index_file.load(path, self._dim) if path is not None else None
        shard = shard or Shard(self._dim)
        return _Entry(shard, shard.version.seq)

    def _catch_up(self, tenant_id: str, entry: _Entry) -> None:
        shard = entry.shard
        if self._store.version(tenant_id) == shard.version:
            return
        missed = self._store.changes(tenant_id, self._embedder, shard.version)
        check_dim(missed, self._embedder, self._dim)
        if shard.apply(missed):
            self._discard_files(tenant_id)
            entry.saved = min(entry.saved, shard.version.seq)
        if shard.version.seq - entry.saved >= max(SAVE_AFTER, len(shard.ids) // 10):
            self._save(tenant_id, entry)

    def _save(self, tenant_id: str, entry: _Entry) -> None:
        """Write the file; a disk that refuses costs time at the next start and nothing else."""
        path = self._path(tenant_id)
        if path is None:
            return
        entry.saved = entry.shard.version.seq
        with contextlib.suppress(StoreError):
            index_file.save(entry.shard, path)
        if self._store.version(tenant_id) != entry.shard.version:
            self._discard_files(tenant_id)  # what was erased meanwhile must not stay in it

    def _tenant_folder(self, tenant_id: str) -> Path | None:
        return self._folder and self._folder / hashlib.sha256(tenant_id.encode()).hexdigest()[:32]

    def _path(self, tenant_id: str) -> Path | None:
        folder = self._tenant_folder(tenant_id)
        return folder and folder / (hashlib.sha256(self._embedder.encode()).hexdigest()[:16] + SUFFIX)

    def _discard_files(self, tenant_id: str) -> None:
        """Remove the tenant's files of every embedder, half-written ones too. Raises StoreError."""
        folder = self._tenant_folder(tenant_id)
        if folder is not None and folder.is_dir():
            with translated(folder):
                for path in folder.iterdir():
                    path.unlink(missing_ok=True)
