"""State shared by all requests: the memory and the services around it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from subprocess import Popen
from threading import Lock, Thread
from typing import Annotated, Any, Self

from anyio import CapacityLimiter
from fastapi import Depends, Request

from memory.api.activity import Activity
from memory.api.archives import Archives
from memory.api.console.signed_in import SignedIn
from memory.api.descriptors import Shares
from memory.api.handlers import KINDS, Handlers, whose
from memory.api.metrics import Metrics
from memory.api.places import Places
from memory.api.single_flight import SingleFlight
from memory.backends.sql.database import Database
from memory.errors import NotFound, ParametricMemoryError, StoreBusy, StoreUnavailable
from memory.records import ErasureReceipt, MemoryRecord, Scope
from memory.server.access import Access
from memory.server.audit import Audit
from memory.server.idempotency import Idempotency
from memory.server.jobs import Jobs
from memory.server.quotas import Limiter
from memory.server.room import Room
from memory.server.words import reason_of
from memory.server.worker import Worker
from memory.server.worker_process import WorkerProcess
from memory.service import Service

_log = logging.getLogger(__name__)

_SHARES = 4  # of the places that are worked in, one tenant has at most one of so many
_DOOR_THREADS = 8
_STOPS_WITHIN_S = 20.0  # a running job, once it is told to

Begin = Callable[[str], Popen[bytes]]  # starts a process for jobs, for a worker of that name


class Model:
    """Loads the models in the background when the server starts, and knows whether that went well."""

    def __init__(self, load: Callable[[], object], then: Callable[[], object] | None = None) -> None:
        """`then` is called once they are loaded."""
        self._load = load
        self._then = then
        self._lock = Lock()
        self._thread: Thread | None = None
        self.loaded = False
        self.reason = ""  # why loading failed the last time

    def warm(self) -> None:
        """Begin to load, unless that is done or under way; after a failure, try again."""
        with self._lock:
            if self.loaded or (self._thread is not None and self._thread.is_alive()):
                return
            self._thread = Thread(target=self._run, name="memory-warm", daemon=True)
            self._thread.start()

    def wait(self, seconds: float) -> None:
        """Let loading end, for at most so long."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self._load()
        except ParametricMemoryError as error:
            _log.warning("cannot load the model: %s", error)
            self.reason = reason_of(error)
        else:
            self.loaded, self.reason = True, ""
            if self._then is not None:
                self._then()


@dataclass(frozen=True, slots=True)
class Kept:
    """What jobs need beside the memory."""

    jobs: Jobs
    access: Access
    archives: Archives
    room: Room

    @classmethod
    def of(cls, memory: Service, database: Database) -> Self:
        """What is in the memory's database and its folder of archives."""
        archives = Archives(
            memory.exports,
            memory.settings.max_archive_bytes,
            lambda of: memory.begin(Scope(tenant_id=of)).since,
        )
        return cls(Jobs(database), Access(database), archives, Room(database, archives.size))


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What a worker calls beside its jobs: each hour, and each half minute."""

    purges: Sequence[Callable[[], object]] = ()
    sweeps: Sequence[Callable[[], object]] = ()


def job_worker(memory: Service, database: Database, *, name: str) -> Worker:
    """What works on jobs in a process of their own."""
    return _worker(memory, Kept.of(memory, database), Metrics(memory), Upkeep(), name)


def _worker(memory: Service, kept: Kept, metrics: Metrics, upkeep: Upkeep, name: str | None = None) -> Worker:
    return Worker(
        kept.jobs,
        Handlers(memory, metrics, kept.archives, kept.access, kept.room).by_kind(),
        threads=memory.settings.job_workers,
        lease_s=memory.settings.job_lease_s,
        purges=upkeep.purges,
        sweeps=upkeep.sweeps,
        name=name,
    )


def _keeper(memory: Service, kept: Kept, upkeep: Upkeep) -> Worker:
    """No jobs: these are worked on elsewhere."""
    lease_s = memory.settings.job_lease_s
    return Worker(kept.jobs, {}, threads=0, lease_s=lease_s, purges=upkeep.purges, sweeps=upkeep.sweeps)


@dataclass(frozen=True, slots=True)
class Shared:
    """The parts of one server. Everything in here may be used by many threads."""

    memory: Service
    database: Database
    access: Access
    limiter: Limiter
    room: Room
    audit: Audit
    idempotency: Idempotency
    jobs: Jobs
    metrics: Metrics
    activity: Activity
    archives: Archives
    model: Model
    worker: Worker | WorkerProcess
    places: Places
    readiness: SingleFlight[Any]
    signed_in: SignedIn
    door: CapacityLimiter  # threads that look at keys, and write the audit of who is refused

    @classmethod
    def around(
        cls,
        memory: Service,
        database: Database,
        loaded: Callable[[], object] | None = None,
        begin: Begin | None = None,
    ) -> Shared:
        """The parts of a server for this memory, whose tables are in this database.

        `begin` starts the process that jobs run in; without it they run here.
        """
        settings = memory.settings
        kept = Kept.of(memory, database)
        idempotency, metrics = Idempotency(database), Metrics(memory)
        audit = Audit(database)
        door = CapacityLimiter(_DOOR_THREADS)
        requests = Shares.of(settings).requests
        purges: list[Callable[[], object]] = [kept.archives.purge, idempotency.purge, audit.purge_refused]
        if settings.audit_days:
            purges.append(lambda: audit.purge(timedelta(days=settings.audit_days)))
        upkeep = Upkeep(purges, [memory.expire])
        return cls(
            memory=memory,
            database=database,
            access=kept.access,
            limiter=Limiter(database),
            room=kept.room,
            audit=audit,
            idempotency=idempotency,
            jobs=kept.jobs,
            metrics=metrics,
            activity=Activity(),
            archives=kept.archives,
            model=Model(lambda: _use(memory), loaded),
            worker=_worker(memory, kept, metrics, upkeep)
            if begin is None
            else WorkerProcess(kept.jobs, KINDS, begin, keeper=_keeper(memory, kept, upkeep)),
            places=Places(requests, share=max(1, requests // _SHARES)),
            readiness=SingleFlight(door),
            signed_in=SignedIn(),
            door=door,
        )

    def wake(self) -> None:
        """Have a new job looked at now."""
        self.worker.wake()

    def erase_jobs(
        self, scope: Scope, document_id: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Take what jobs hold of a scope, and stop them. Raises StoreBusy while one cannot be stopped."""
        for job in self.jobs.erase(scope, document_id=document_id, metadata=metadata):
            if not self.jobs.wait(job, _STOPS_WITHIN_S):
                raise StoreBusy("a job of this scope is still running; ask for the erasure again")

    def forget(
        self, scope: Scope, document_id: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> ErasureReceipt:
        """Erase all of a scope, or a document or what has some metadata in it, jobs and answers too.

        Raises MissingScope, StoreBusy.
        """
        if document_id is None:
            scope.required()
        self.erase_jobs(scope, document_id, metadata)  # first: one might add some
        receipt = self.memory.forget(document_id=document_id, metadata=metadata, **whose(scope))
        self.idempotency.erase(scope)
        return receipt

    def delete(self, memory_id: str, scope: Scope, *, expects: MemoryRecord | None = None) -> ErasureReceipt:
        """Forget one memory, and what may say it: a skill's own answer, and archives.

        Raises NotFound, and StoreConflict where the memory is no longer as `expects` says.
        """
        one = whose(scope)
        with suppress(
            NotFound, StoreUnavailable
        ):  # a compacted or damaged passage can be deleted all the same
            record = self.memory.get(memory_id, **one)
            if record.kind == "skill":
                self.idempotency.erase(record.scope)
        return self.memory.delete(memory_id, expects=expects, **one)


def _use(memory: Service) -> None:
    """Use every model once, so that each is loaded. What is looked for does not matter, nor who."""
    memory.count_tokens([{"role": "user", "content": "warm"}])
    memory.select("warm", user_id="nobody")


async def shared(request: Request) -> Shared:
    """The parts of the server that this request came to."""
    found: Shared = request.app.state.shared
    return found


SharedDep = Annotated[Shared, Depends(shared)]
