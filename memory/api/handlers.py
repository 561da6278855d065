"""Job handlers: each kind is one call of the memory, with progress. Results hold no text."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from memory.api.archives import Archives
from memory.api.extraction import Extraction
from memory.api.metrics import Metrics
from memory.errors import Erased, JobCancelled
from memory.ports.work import Work, working
from memory.records import TOLD_TIMES, Scope
from memory.records.inputs import Whose
from memory.server.access import Access
from memory.server.job_rows import Job
from memory.server.quotas import Quotas
from memory.server.room import Room, limited
from memory.server.worker import FINAL, Handler, Progress
from memory.service import Service

KINDS = ("add", "compact", "export", "import", "extract")
TURNS_KEY, GOES_ON = "turns_key", "goes_on"  # of what is added: as a request's key; to its session as it ends
_EXPORTS = 3  # times that an export begins anew because something in it was erased meanwhile


class Handlers:
    """One method a kind of job."""

    def __init__(
        self, memory: Service, metrics: Metrics, archives: Archives, access: Access, room: Room
    ) -> None:
        self._memory = memory
        self._metrics = metrics
        self._archives = archives
        self._access = access
        self._room = room
        self._extraction = Extraction(memory.settings)

    def by_kind(self) -> dict[str, Handler]:
        return dict(
            zip(KINDS, (self.add, self.compact, self.export, self.import_, self.extract), strict=True)
        )

    def add(self, job: Job, progress: Progress) -> Mapping[str, Any]:
        given = _payload(job)
        times: dict[str, Any] = {name: _time(given.get(name)) for name in TOLD_TIMES}
        key = given.get(TURNS_KEY) or job.id
        with self._metrics.internalizing(), _told(job):
            if given.get(GOES_ON):
                added = self._memory.append(given["messages"], idempotency_key=key, **whose(job.scope))
            else:
                added = self._memory.add(
                    given["messages"] if given.get("text") is None else given["text"],
                    metadata=given.get("metadata"),
                    document_id=given.get("document_id"),
                    progress=progress,
                    idempotency_key=key,
                    **times,
                    **whose(job.scope),
                )
        document = added[0].document_id if added else None
        ids = [record.id for record in added]
        return {
            "memories": len(added),
            "created": len(added.created),
            "document_id": document,
            "ids": ids,
            "known": [memory_id for memory_id in ids if memory_id not in added.created],
            "superseded": sorted(added.superseded),
            "skipped": [one.reason for one in added.skipped],
        }

    def extract(self, job: Job, progress: Progress) -> Mapping[str, Any]:
        """Remember statements that the upstream draws out of a turn, each by itself."""
        statements = self._extraction(_payload(job)["text"])
        ids: list[str] = []
        for done, statement in enumerate(statements):
            progress(done, len(statements))
            with self._metrics.internalizing(), _told(job):
                added = self._memory.add(
                    statement,
                    metadata={"extracted": True},
                    idempotency_key=f"{job.id} {done}",
                    **whose(job.scope),
                )
            ids += [record.id for record in added]
        return {"memories": len(ids), "ids": ids}

    def compact(self, job: Job, progress: Progress) -> Mapping[str, Any]:
        given = _payload(job)
        report = self._memory.compact(
            older_than=timedelta(days=given["older_than_days"]),
            min_adapters=given["min_adapters"],
            dry_run=given["dry_run"],
            progress=progress,
            **whose(job.scope),
        )
        return asdict(report)

    def export(self, job: Job, progress: Progress) -> Mapping[str, Any]:
        """The archive has the job's id for its name."""
        _payload(job)
        path = self._archives.path(job.scope.tenant_id, job.id)
        path.unlink(missing_ok=True)  # of an attempt before
        self._room.check(job.scope.tenant_id, self._access.quotas(job.scope.tenant_id), memories=0)
        for attempt in range(_EXPORTS):
            since = self._archives.erased(job.scope.tenant_id)
            try:
                report = asdict(self._memory.export(path, progress=progress, **whose(job.scope)))
                self._archives.keep(job.scope.tenant_id, job.id, since)
                break
            except Erased:  # what was read is not kept: once more, without what was erased
                if attempt + 1 == _EXPORTS:
                    raise
        del report["path"]
        return report

    def import_(self, job: Job, progress: Progress) -> Mapping[str, Any]:
        tenant_id, name = job.scope.tenant_id, _payload(job)["archive"]
        path = self._archives.fetched(tenant_id, name)
        try:
            quotas = self._access.quotas(tenant_id)
            # Again: it may have waited.
            check_import(self._memory, self._room, path, job.scope, quotas, progress)
            with _told(job):
                report = asdict(self._memory.import_(path, progress=progress, **whose(job.scope)))
        except (*FINAL, JobCancelled):  # it is not tried again, and holds what people said
            self._archives.remove(tenant_id, name)
            raise
        finally:
            self._archives.release(path)
        self._archives.remove(tenant_id, name)
        return report


def check_import(
    memory: Service, room: Room, path: Path, scope: Scope, quotas: Quotas, progress: Progress | None = None
) -> None:
    """Refuse an archive that the tenant has no room for, before anything of it is added.

    The archive itself goes once it is imported. Raises QuotaExceeded, and InvalidInput for a file that is not
    an archive.
    """
    if limited(quotas):
        added = memory.import_size(path, progress=progress, **whose(scope))
        nbytes = path.stat().st_size
        room.check(scope.tenant_id, quotas, memories=added.memories, size=added.nbytes, but=nbytes)


def _told(job: Job) -> AbstractContextManager[None]:
    """The job as the work that began when it was asked for."""
    return working(Work(job.scope.tenant_id, job.since))


def _payload(job: Job) -> Mapping[str, Any]:
    if job.payload is None:
        raise JobCancelled("what it was about has been erased")
    return job.payload


def _time(said: str | None) -> datetime | None:
    return None if said is None else datetime.fromisoformat(said)


def whose(scope: Scope) -> Whose:
    """A scope as the service takes it."""
    return Whose(
        tenant_id=scope.tenant_id,
        user_id=scope.user_id,
        agent_id=scope.agent_id,
        session_id=scope.session_id,
    )
