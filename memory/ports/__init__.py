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

from dataclasses import dataclass

from memory.ports.archives import ArchiveStore
from memory.ports.blobs import BlobStore
from memory.ports.changes import NOTHING, REPEATED, START, Changes, Group, Revision, Vectors, Version
from memory.ports.embedder import Embedder
from memory.ports.generator import (
    Generation,
    GenerationRequest,
    Generator,
    Merge,
    MergedAdapter,
    Score,
    Trial,
    require_same_base,
)
from memory.ports.index import VectorIndex
from memory.ports.internalizer import Internalizer, Look, SkillWriter
from memory.ports.reader import Reader, Reading, Told
from memory.ports.reranker import Reranker
from memory.ports.store import MemoryStore
from memory.ports.wanted import ANYTHING, Wanted

__all__ = [
    "ANYTHING",
    "NOTHING",
    "REPEATED",
    "START",
    "ArchiveStore",
    "Backends",
    "BlobStore",
    "Changes",
    "Embedder",
    "Generation",
    "GenerationRequest",
    "Generator",
    "Group",
    "Internalizer",
    "Look",
    "MemoryStore",
    "Merge",
    "MergedAdapter",
    "Reader",
    "Reading",
    "Reranker",
    "Revision",
    "Score",
    "SkillWriter",
    "Told",
    "Trial",
    "VectorIndex",
    "Vectors",
    "Version",
    "Wanted",
    "require_same_base",
]


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
    archives: ArchiveStore | None = None  # where there is none, the servers' common folder has them
    reranker: Reranker | None = None  # where there is none, recall as text goes by embeddings and words
