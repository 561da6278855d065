"""Blobs staged by a write, and blobs that a write leaves unreferenced.

    blobs are put, whatever that takes -> under the tenant's lock: are they all still there? -> rows commit

An erasure removes blobs under the same lock. So one that took a blob away between its put and the commit is
seen before the commit, and the blobs are put again: no row points at nothing, and no lock waits for bytes.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from threading import Lock
from typing import TypeVar

from memory.errors import MissingBlob, StoreConflict
from memory.ports import BlobStore
from memory.write.retry import ATTEMPTS

T = TypeVar("T")
Check = Callable[[], None]
_AT_ONCE = 8  # blobs on their way to the disk or the network


class StagedBlobs:
    """Adapter bytes by digest, durable before a row refers to them."""

    def __init__(
        self,
        blobs: BlobStore,
        tenant_id: str,
        data: Mapping[str, bytes],
        leftovers: Leftovers | None = None,
    ) -> None:
        """`leftovers` hears of the blobs of a write that is refused."""
        self._blobs = blobs
        self._leftovers = leftovers
        self._tenant_id = tenant_id
        self._data = dict(data)

    def __or__(self, other: StagedBlobs) -> StagedBlobs:
        return StagedBlobs(self._blobs, self._tenant_id, self._data | other._data, self._leftovers)

    def commit(self, rows: Callable[[Check], T]) -> T:
        """Put the blobs, then have `rows` commit what refers to them; returns what it returns.

        It is given the check to run before the commit, with the tenant's lock held, and is called again
        where that finds a blob gone. Raises as `rows` does, and StoreConflict where blobs keep going.
        """
        try:
            for _ in range(ATTEMPTS):
                self._put()
                with suppress(MissingBlob):
                    return rows(self._check)
            raise StoreConflict("erasures keep taking away the adapters of this write; try again")
        except BaseException:
            if self._leftovers is not None:
                self._leftovers.note(self._tenant_id, self._data, refused=True)
            raise

    def _put(self) -> None:
        """Several at a time: each waits for the disk, or the network, which takes many as fast as one."""
        put = partial(self._blobs.put, self._tenant_id)
        if len(self._data) < 2:
            deque(map(put, self._data.values()), maxlen=0)
            return
        with ThreadPoolExecutor(_AT_ONCE, "memory-blobs") as putting:
            deque(putting.map(put, self._data.values()), maxlen=0)  # raises what any of them raises

    def _check(self) -> None:
        missing = self._blobs.missing(self._tenant_id, list(self._data))
        if missing:
            raise MissingBlob(f"adapter {sorted(missing)[0]} was taken away before its row was committed")


class Leftovers:
    """Digests that lost a row in this process since their tenant's blobs were last released.

    They are candidates only: the store says which of them no row refers to any more. What a process leaves
    behind when it dies is found by the next one, which compares all blobs with all rows once.
    """

    def __init__(self) -> None:
        self._digests: dict[str, set[str]] = defaultdict(set)
        self._refused: set[str] = set()
        self._lock = Lock()

    def note(self, tenant_id: str, digests: Collection[str], *, refused: bool = False) -> None:
        """These may be unreferenced by now; those of a refused write may even be of what was erased."""
        with self._lock:
            if refused:
                self._refused.add(tenant_id)
            self._digests[tenant_id].update(digest for digest in digests if digest)

    @contextmanager
    def of(self, tenant_id: str, digests: Collection[str]) -> Iterator[None]:
        """Note them when the block ends, also by an error: it may have committed all the same."""
        try:
            yield
        finally:
            self.note(tenant_id, digests)

    def refused(self, tenant_id: str) -> bool:
        """Whether blobs of a refused write of the tenant's wait to be released."""
        return tenant_id in self._refused

    def there_are(self, tenant_id: str) -> bool:
        """Whether any of the tenant's wait to be released."""
        return bool(self._digests.get(tenant_id))

    def take(self, tenant_id: str) -> set[str]:
        """All that was noted of a tenant, to be released; who fails notes it again."""
        with self._lock:
            self._refused.discard(tenant_id)
            return self._digests.pop(tenant_id, set())
