"""Export and import: what somebody told, from one installation to another.

Where the models are the same, adapters are taken over; elsewhere they are made again from their texts. What
is there already is not added again: an import that was interrupted, and is repeated, does what is missing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain, groupby, islice, pairwise
from pathlib import Path
from typing import TypeVar

from memory.errors import BlobError, Erased, InvalidInput, NotFound
from memory.ports import BlobStore, Internalizer, MemoryStore
from memory.ports.work import current
from memory.records import MemoryRecord, Scope
from memory.text.passage import Passage
from memory.upkeep import archive
from memory.upkeep.reports import ExportReport, ImportReport
from memory.upkeep.watched import Ticker, Watched, bounded
from memory.write.adapter_factory import AdapterFactory, Made
from memory.write.added import Progress
from memory.write.passage_writer import PASSAGES_PER_BATCH

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ImportSize:
    """What an import would add."""

    memories: int
    nbytes: int  # of adapters, as the archive says, and characters of text


@dataclass
class _Tally:
    memories: int = 0
    past: int = 0
    turns: int = 0
    known: int = 0
    taken: int = 0
    made: int = 0


class Exporter:
    """Writes archives."""

    def __init__(self, store: MemoryStore, blobs: BlobStore) -> None:
        self._store = store
        self._blobs = blobs

    def __call__(self, path: Path, scope: Scope, progress: Progress | None = None) -> ExportReport:
        """All that the scope covers, in one file. Raises InvalidInput, StoreError."""
        if path.is_dir():
            raise InvalidInput(f"{path} is a folder; name a file")
        if not path.parent.is_dir():
            raise InvalidInput(f"the folder {path.parent} does not exist; create it first")
        began = time.perf_counter()
        total = self._store.stats(scope).memories
        with archive.written(path, scope) as writer:
            digests: dict[str, None] = {}

            def memories() -> Iterator[dict[str, object]]:
                for done, record in enumerate(self._store.everything(scope.tenant_id, scope), 1):
                    digests[record.adapter.digest] = None
                    if progress is not None:
                        progress(done, max(done, total))
                    yield archive.record_document(record)

            writer.lines(archive.MEMORIES, memories())
            past = self._store.everything_retired(scope.tenant_id, scope)
            writer.lines(archive.PAST, (archive.record_document(record) for record in past))
            sessions = self._store.session_scopes(scope)
            told = chain.from_iterable(self._store.turns(session) for session in sessions)
            writer.lines(archive.TURNS, (archive.turn_document(turn) for turn in told))
            for digest in digests:
                with suppress(BlobError):  # a damaged one is made again where it is imported
                    writer.adapter(digest, self._blobs.get(scope.tenant_id, digest))
        counts = writer.counts
        return ExportReport(
            path=str(path),
            memories=counts[archive.MEMORIES],
            past=counts[archive.PAST],
            turns=counts[archive.TURNS],
            adapters=writer.adapters,
            nbytes=path.stat().st_size,
            seconds=time.perf_counter() - began,
        )


class Importer:
    """Reads archives."""

    def __init__(
        self, store: MemoryStore, making: AdapterFactory, internalizer: Internalizer, max_text_bytes: int
    ) -> None:
        self._store = store
        self._making = making
        self._internalizer = internalizer
        self._most = max_text_bytes

    def __call__(
        self, path: Path, target: Scope, *, named: bool, progress: Progress | None = None
    ) -> ImportReport:
        """Add what an archive holds to the target's tenant; `named` says that the caller named it.

        What the target names besides takes the place of what the archive names. Raises InvalidInput.
        """
        began = time.perf_counter()
        with self._opened(path, target, named, progress) as run:
            run.memories()
            run.past()
            run.turns()
        tally = run.tally
        return ImportReport(
            memories=tally.memories,
            past=tally.past,
            turns=tally.turns,
            known=tally.known,
            taken=tally.taken,
            made=tally.made,
            seconds=time.perf_counter() - began,
        )

    def size(self, path: Path, target: Scope, *, named: bool, progress: Progress | None = None) -> ImportSize:
        """What the same call would add; adds nothing. Raises InvalidInput."""
        with self._opened(path, target, named, progress) as run:
            return run.size()

    @contextmanager
    def _opened(
        self, path: Path, target: Scope, named: bool, progress: Progress | None = None
    ) -> Iterator[_Run]:
        ticker = Ticker(progress or (lambda *_: None))
        with archive.opened(path, ticker.pulse) as reader:
            _check_target(reader.manifest, target, named)
            yield _Run(self._store, self._making, self._internalizer, self._most, reader, target, ticker)


class _Run:
    """One import under way."""

    def __init__(
        self,
        store: MemoryStore,
        making: AdapterFactory,
        internalizer: Internalizer,
        max_text_bytes: int,
        reader: archive.ArchiveReader,
        target: Scope,
        progress: Progress,
    ) -> None:
        self._store = store
        self._making = making
        self._internalizer = internalizer
        self._most = max_text_bytes
        self._reader = reader
        self._target = target
        self._progress = progress
        self._total = reader.manifest.counts.get(archive.MEMORIES, 0)
        self._now = store.now()
        self._dissolved: set[str] = set()  # compacted memories whose passages are there in part
        self._stands: dict[str, str] = {}  # id in the archive -> id of what stands for it here
        self.tally = _Tally()

    def size(self) -> ImportSize:
        """What is not there yet."""
        new = (
            record for record in self._reader.records(archive.MEMORIES) if not self._there(self._id(record))
        )
        sizes = [record.adapter.nbytes + len(record.text) for record in new]
        return ImportSize(len(sizes), sum(sizes))

    def memories(self) -> None:
        """Those with adapters, oldest first."""
        held: dict[str, list[str]] = {}
        holders: dict[str, str] = {}
        for passage in self._reader.records(archive.PAST):
            if passage.held_by is not None:
                holders[passage.id] = passage.held_by
            if passage.held_by is not None and passage.valid_until is None:
                held.setdefault(passage.held_by, []).append(passage.id)
        _check_chains(holders)
        done = 0
        for some in _batches(self._reader.records(archive.MEMORIES)):
            done += len(some)
            self._unless_erased(self._add, [record for record in some if self._wanted(record, held)])
            self._progress(done, max(done, self._total))

    def past(self) -> None:
        """Retired passages, and what holds no longer."""
        for some in _batches(self._reader.records(archive.PAST)):
            loose = [p for p in some if p.held_by in self._dissolved and p.valid_until is None]
            free = [replace(p, held_by=None) for p in loose if not self._there(self._id(p))]
            self._unless_erased(self._add, free)
            self._unless_erased(self._keep, [passage for passage in some if passage not in loose])

    def turns(self) -> None:
        """Those of sessions that have none here."""
        told = (replace(turn, scope=self._scope(turn.scope)) for turn in self._reader.turns())
        for scope, turns in groupby(told, key=lambda turn: turn.scope):
            told_there = Watched(self._reader.pulse, bounded(turns))
            ordinals = [turn.ordinal for turn in told_there]
            if any(later <= earlier for earlier, later in pairwise(ordinals)):
                raise InvalidInput("the archive is not imported: the turns of a session are not in order")
            with suppress(Erased):  # whose session it is was forgotten since the import was asked for
                self.tally.turns += self._store.restore_turns(scope, told_there)

    def _wanted(self, record: MemoryRecord, held: dict[str, list[str]]) -> bool:
        """Whether it is to be added; what is only of the past is kept here, and what is there is counted."""
        if self._there(self._id(record)):
            self.tally.known += 1
            return False
        if record.compacted and any(
            self._active(self._named(passage)) for passage in held.get(record.id, ())
        ):
            self._dissolved.add(record.id)
            return False
        if not record.current(self._now) and record.valid_until is not None:
            self._unless_erased(self._keep, [record])
            return False
        return record.expires_at is None or record.expires_at > self._now

    def _unless_erased(
        self, write: Callable[[list[MemoryRecord]], None], records: list[MemoryRecord]
    ) -> None:
        """Write what was not erased since the import was asked for; what is erased just now is found next."""
        work = current(self._target.tenant_id)
        while True:
            since = [] if work is None else self._store.erasures(work.tenant_id, work.since)
            left = [
                record
                for record in records
                if not any(
                    erasure.covers(replace(record, scope=self._scope(record.scope))) for erasure in since
                )
            ]
            with suppress(Erased):
                return write(left)

    def _add(self, records: list[MemoryRecord]) -> None:
        if not records:
            return
        for record in records:
            if len(record.text.encode()) > self._most:
                raise InvalidInput("the archive holds a text over MEMORY_MAX_TEXT_BYTES; raise it")
        made = self._adapters(records)
        name, dim = self._making.embedder
        mine = [
            replace(r, id=self._id(r), scope=self._scope(r.scope), adapter=ref, embedder=name, dim=dim)
            for r, (ref, _) in zip(records, made, strict=True)
        ]
        vectors = self._making.embed([Passage.of(record) for record in mine])
        staged = self._making.staged(self._target.tenant_id, made)
        stored = staged.commit(lambda check: self._store.add(mine, vectors, before_commit=check))
        for theirs, own, stands in zip(records, mine, stored, strict=True):
            self._stands[theirs.id] = stands.id
            new = own.id == stands.id
            self.tally.memories += new
            self.tally.known += not new

    def _adapters(self, records: list[MemoryRecord]) -> list[Made]:
        """Taken over where the models are ours, else made again."""
        found = [self._taken(record) for record in records]
        missing = [i for i, one in enumerate(found) if one is None]
        made: dict[int, Made] = {}
        for i in (i for i in missing if records[i].kind == "image"):
            made[i] = self._making.again(records[i])
        for kind in {records[i].kind for i in missing} - {"image"}:
            same = [i for i in missing if records[i].kind == kind]
            made |= zip(
                same, self._making.adapters([Passage.of(records[i]) for i in same], kind), strict=True
            )
        self.tally.taken += len(records) - len(missing)
        self.tally.made += len(missing)
        return [one if one is not None else made[i] for i, one in enumerate(found)]

    def _taken(self, record: MemoryRecord) -> Made | None:

        ref, maker = record.adapter, self._making.required_maker(record.kind)
        ours = (self._internalizer.base_fingerprint, maker.hypernet_fingerprint)
        if not ref.digest or (ref.base_fingerprint, ref.hypernet_fingerprint) != ours:
            return None
        data = self._reader.adapter(ref.digest)
        if data is None:
            return None
        with suppress(ValueError):  # damaged, or nothing that our models make: made again from the text
            lora = maker.unpack(data)
            maker.check(lora)
            return self._making.serialized(lora, record.kind)
        return None

    def _keep(self, records: list[MemoryRecord]) -> None:
        """Store as retired passages."""
        if not records:
            return
        name, dim = self._making.embedder
        mine = [
            replace(
                record,
                id=self._id(record),
                scope=self._scope(record.scope),
                held_by=record.held_by and self._stands.get(record.held_by, self._named(record.held_by)),
                superseded_by=record.superseded_by and self._named(record.superseded_by),
                embedder=name,
                dim=dim,
            )
            for record in {record.id: record for record in records}.values()
        ]
        new = self._store.keep_past(mine, self._making.embed([Passage.of(record) for record in mine]))
        self.tally.past += new
        self.tally.known += len(mine) - new

    def _scope(self, scope: Scope) -> Scope:
        """Where something goes: what the target names, else what the archive names."""
        return Scope(
            user_id=self._target.user_id or scope.user_id,
            agent_id=self._target.agent_id or scope.agent_id,
            session_id=self._target.session_id or scope.session_id,
            tenant_id=self._target.tenant_id,
        )

    def _id(self, record: MemoryRecord) -> str:
        return self._named(record.id)

    def _named(self, memory_id: str) -> str:
        """The id here: the same, and another one, always the same one, for somebody else's copy."""
        if not self._target.names_somebody:
            return memory_id
        whose = "\0".join(
            [memory_id, *(str(getattr(self._target, f)) for f in ("user_id", "agent_id", "session_id"))]
        )
        return memory_id[:16] + hashlib.sha256(whose.encode()).hexdigest()[:16]

    def _active(self, memory_id: str) -> bool:
        with suppress(NotFound):
            self._store.get(Scope(tenant_id=self._target.tenant_id), memory_id)
            return True
        return False

    def _there(self, memory_id: str) -> bool:
        tenant = Scope(tenant_id=self._target.tenant_id)
        return self._active(memory_id) or bool(self._store.retired(tenant, ids=[memory_id]))


def _check_target(manifest: archive.Manifest, target: Scope, named: bool) -> None:
    if manifest.scope.tenant_id != target.tenant_id and not named:
        raise InvalidInput(
            f"the archive is of tenant {manifest.scope.tenant_id!r}, here is {target.tenant_id!r}; "
            "name the tenant that it shall go into"
        )
    if target.user_id is not None and manifest.scope.user_id is None and manifest.scope.session_id is None:
        raise InvalidInput("the archive may hold several users; it cannot go to one of them")


def _check_chains(holders: dict[str, str]) -> None:
    """Refuse passages that hold each other in a circle: what is done to a holder is done to what it holds."""
    seen: set[str] = set()
    for passage in holders:
        chain: set[str] = set()
        while passage in holders and passage not in seen:
            if passage in chain:
                raise InvalidInput("the archive is not imported: passages hold each other in a circle")
            chain.add(passage)
            passage = holders[passage]
        seen |= chain


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while some := list(islice(iterator, PASSAGES_PER_BATCH)):
        yield some
