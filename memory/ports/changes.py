"""What a store's calls take and return: versions, changes, revisions, groups."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from memory.records import MemoryRecord, Scope

if TYPE_CHECKING:  # what reads rows alone has no use for NumPy
    import numpy as np
    from numpy.typing import NDArray

Vectors: TypeAlias = "NDArray[np.float32]"  # [N, D], rows of length 1


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
