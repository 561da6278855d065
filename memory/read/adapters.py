"""Loads, verifies, merges and caches adapters; regenerates damaged ones."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Protocol, cast

from memory.errors import BlobError, CorruptBlob, IncompatibleAdapter, NotFound, StoreConflict
from memory.ports import BlobStore, Internalizer, Merge, MergedAdapter, Reader, SkillWriter
from memory.read.lru import ByteLRU
from memory.records import Kind, MemoryRecord
from memory.text.normalise import plain
from memory.text.passage import Passage

if TYPE_CHECKING:
    from hypernet.lora.adapter import LoRA

_log = logging.getLogger(__name__)

Key = tuple[str, str]  # tenant, digest
MergedKey = tuple[str, tuple[tuple[str, float], ...]]  # tenant, (digest, weight) in merge order


class Maker(Protocol):
    """The writing side, as far as reading needs it."""

    def anew(self, record: MemoryRecord) -> MemoryRecord:
        """Make a damaged adapter again from its memory's text; returns the memory as it stands then."""
        ...

    def required_maker(self, kind: Kind) -> Internalizer | SkillWriter:
        """What makes the adapters of memories of a kind. Raises ModelUnavailable."""
        ...


class Adapters:
    """Records -> one merged adapter. Both caches are under the tenant, and let go of what is erased."""

    def __init__(
        self,
        blobs: BlobStore,
        internalizer: Internalizer,
        maker: Maker,
        reader: Reader,
        cache_bytes: int = 256 * 2**20,
    ) -> None:
        self._blobs = blobs
        self._internalizer = internalizer
        self._maker = maker
        self._reader = reader
        self._single: ByteLRU[Key, LoRA] = ByteLRU(cache_bytes // 2)
        self._merged: ByteLRU[MergedKey, LoRA] = ByteLRU(cache_bytes // 2)
        self._remaking = Lock()  # turns that miss the same adapter do not overtake each other

    def merge(
        self,
        records: Sequence[MemoryRecord],
        weights: Sequence[float],
        skills: Sequence[MemoryRecord] = (),
        made: Mapping[str, LoRA] | None = None,
    ) -> Merge | None:
        """What `merged` gives, by name and, when asked for, as tensors. Raises IncompatibleAdapter.

        `made` has by its id the adapter of a record that has none of its own.
        """
        if not records and not skills:
            return None
        for record in (*records, *skills):
            if not record.retired:
                self._check_fits(record)
        named = [
            MergedAdapter(record.id, record.adapter.digest, weight)
            for record, weight in zip(records, weights, strict=True)
        ]
        named += [MergedAdapter(skill.id, skill.adapter.digest, 1.0, skill=True) for skill in skills]
        tensors = partial(self._tensors, records, weights, skills, made)
        tenant_id = [*records, *skills][0].scope.tenant_id
        return Merge(tenant_id, self._internalizer.base_fingerprint, tuple(named), tensors)

    def _tensors(
        self,
        records: Sequence[MemoryRecord],
        weights: Sequence[float],
        skills: Sequence[MemoryRecord],
        made: Mapping[str, LoRA] | None,
    ) -> LoRA:
        return cast("LoRA", self.merged(records, weights, skills, made))

    def merged(
        self,
        records: Sequence[MemoryRecord],
        weights: Sequence[float],
        skills: Sequence[MemoryRecord] = (),
        made: Mapping[str, LoRA] | None = None,
    ) -> LoRA | None:
        """The exact sum of the records' and skills' adapters; None where there are neither.

        The bias adapter is in it once where there are records. Raises IncompatibleAdapter when one was made
        for other models than those in use.
        """
        if not records and not skills:
            return None
        tenant_id = [*records, *skills][0].scope.tenant_id
        weighed = [*zip(records, weights, strict=True), *((skill, 1.0) for skill in skills)]
        names = tuple((record.adapter.digest, weight) for record, weight in weighed)
        merged = self._merged.get((tenant_id, names))
        if merged is None:
            merged = self._sum(records, weights, skills, made or {})
            if all((tenant_id, digest) in self._single for digest, _ in names):  # else one was made again
                self._merged.put((tenant_id, names), merged, merged.nbytes)
        return merged

    def _sum(
        self,
        records: Sequence[MemoryRecord],
        weights: Sequence[float],
        skills: Sequence[MemoryRecord],
        made: Mapping[str, LoRA],
    ) -> LoRA:
        from hypernet.lora.adapter import LoRA

        joining = [self.load(skill) for skill in skills]
        if not records:
            return LoRA.concat(joining)
        loaded = [made[record.id] if record.id in made else self.load(record) for record in records]
        told = self._internalizer.combine(loaded, weights)
        device = next(iter(told.A.values())).device  # the base model's; what comes from storage is on the CPU
        return LoRA.concat([told, *(skill.to(device) for skill in joining)])

    def load(self, record: MemoryRecord) -> LoRA:
        """One adapter, without bias; that of a retired passage is made from its text, and not kept.

        Raises StoreConflict where the memory is no longer there.
        """
        if record.retired:
            return self._internalizer.generate([plain(self._reader.read(Passage.of(record)).standing)])[0]
        self._check_fits(record)
        tenant_id, digest = record.scope.tenant_id, record.adapter.digest
        lora = self._single.get((tenant_id, digest))
        if lora is None:
            record, lora = self._read(record)
            self._single.put((tenant_id, record.adapter.digest), lora, lora.nbytes)
        return lora

    def forget(self, tenant_id: str, digests: Collection[str]) -> None:
        """Let go of adapters that are gone, and of every merge they were in."""
        gone = set(digests)
        self._single.drop(lambda key: key[0] == tenant_id and key[1] in gone)
        self._merged.drop(lambda key: key[0] == tenant_id and any(digest in gone for digest, _ in key[1]))

    @property
    def lookups(self) -> tuple[int, int]:
        """(hits, misses) of both caches since the start."""
        caches = (self._merged, self._single)
        return sum(cache.hits for cache in caches), sum(cache.misses for cache in caches)

    def _read(self, record: MemoryRecord) -> tuple[MemoryRecord, LoRA]:
        try:
            return record, self._decoded(record)
        except BlobError as damage:
            _log.warning("the adapter of memory %s is made again from its text: %s", record.id, damage)
            try:
                with self._remaking:
                    renewed = self._maker.anew(record)
            except NotFound as gone:  # erased or compacted since it was read
                raise StoreConflict(f"memory {record.id} was taken away meanwhile; ask again") from gone
            return renewed, self._decoded(renewed)

    def _decoded(self, record: MemoryRecord) -> LoRA:
        data = self._blobs.get(record.scope.tenant_id, record.adapter.digest)
        try:
            maker = self._maker.required_maker(record.kind)
            lora = maker.unpack(data)
            maker.check(lora)
        except ValueError as error:
            raise CorruptBlob(
                f"adapter {record.adapter.digest} is not an adapter of this model: {error}"
            ) from error
        return lora

    def _check_fits(self, record: MemoryRecord) -> None:
        ref, maker = record.adapter, self._maker.required_maker(record.kind)
        for what, made_for, in_use in (
            ("base model", ref.base_fingerprint, self._internalizer.base_fingerprint),
            ("hypernetwork", ref.hypernet_fingerprint, maker.hypernet_fingerprint),
        ):
            if made_for != in_use:
                raise IncompatibleAdapter(
                    f"the adapter of memory {record.id} fits {what} {made_for[:12]}, "
                    f"in use is {in_use[:12]}; run `memory reindex` to make it again, or set the model back"
                )
