"""Moves all that is stored from one place to another: rows and adapters, of every tenant.

Adapters come first, then the rows that refer to them, and the target opens only when both are found there.
What was moved stays at the source. Interrupted anywhere, it is begun again and does what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from memory.errors import BlobError
from memory.ports import BlobStore
from memory.write.added import Progress

_AT_ONCE = 16  # adapters under way together


class Rows(Protocol):
    """The rows on their way; see `memory.backends.sql.moving`."""

    def held(self) -> AbstractContextManager[None]: ...
    def begin(self) -> None: ...
    def count(self) -> int: ...
    def adapters(self) -> Iterator[tuple[str, list[str]]]: ...
    def copy(self, copied: Callable[[int], None]) -> None: ...
    def check(self) -> Mapping[str, int]: ...
    def end(self) -> None: ...


@dataclass(frozen=True, slots=True)
class MoveReport:
    """What is at the target now."""

    rows: Mapping[str, int]  # by table
    adapters: int
    damaged: int  # adapters the source could not give; they are made again from their texts when needed


@dataclass
class Mover:
    """One move; without places for adapters, these stay where they are."""

    rows: Rows
    places: tuple[BlobStore, BlobStore] | None
    progress: Progress | None = None
    _done: int = field(default=0, init=False)
    _total: int = field(default=0, init=False)

    def __call__(self) -> MoveReport:
        """Move everything. Raises InvalidInput, StoreError."""
        with self.rows.held():
            self.rows.begin()
            self._total = self.rows.count()
            adapters = damaged = 0
            for tenant_id, digests in self.rows.adapters() if self.places else ():
                adapters += len(digests)
                damaged += self._copy(tenant_id, digests)
            self.rows.copy(self._copied)
            counts = self.rows.check()
            self.rows.end()
        return MoveReport(counts, adapters - damaged, damaged)

    def _copy(self, tenant_id: str, digests: list[str]) -> int:
        """Bring the adapters that are missing at the target; returns how many could not be read."""
        assert self.places is not None
        source, target = self.places

        def bring(digest: str) -> bool:
            try:
                data = source.get(tenant_id, digest)
            except BlobError:
                return False
            target.put(tenant_id, data)
            return True

        missing = target.missing(tenant_id, digests)
        self._total += len(missing)
        with ThreadPoolExecutor(_AT_ONCE, "moving") as threads:
            damaged = 0
            for brought in threads.map(bring, sorted(missing)):
                damaged += not brought
                self._copied(1)
        return damaged

    def _copied(self, number: int) -> None:
        self._done += number
        if self.progress is not None:
            self.progress(self._done, max(self._done, self._total))
