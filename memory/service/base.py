"""What all verbs share: whose memory is meant, and work that an erasure ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from memory.errors import Erased, IncompatibleAdapter
from memory.ports import Backends
from memory.ports.work import Work, current, working
from memory.read.options import AskOptions
from memory.records import ChatReply, Scope
from memory.records.inputs import scope_in
from memory.settings import Settings
from memory.upkeep.exports import Exports

if TYPE_CHECKING:
    from memory.service.wiring import UseCases


class ServiceBase:
    """Backends and use cases, and how a verb reaches them."""

    def __init__(self, settings: Settings, backends: Backends) -> None:
        """Take what `memory.bootstrap` chose; use cases are wired when a verb first needs one."""
        self.settings = settings
        self.reader = backends.reader
        self._backends = backends
        self._wired: UseCases | None = None
        self._checked: set[str] = set()  # tenants whose embeddings are known to fit the embedder
        self._lock, self._wiring = Lock(), Lock()
        self._background: ThreadPoolExecutor | None = None

    @property
    def exports(self) -> Exports:
        """Where a server has its archives."""
        return Exports(self.settings.exports_folder, self._backends.archives)

    @property
    def _cases(self) -> UseCases:
        with self._wiring:
            if self._wired is None:
                from memory.service.wiring import wire

                self._wired = wire(self.settings, self._backends, self.exports)
            return self._wired

    def begin(self, scope: Scope, *, reads: Scope | None = None) -> Work:
        """Work that begins now, or that this thread is at already: an erasure from here on ends it."""
        at = current(scope.tenant_id)
        since = self._backends.store.erased(scope.tenant_id) if at is None else at.since
        return Work(scope.tenant_id, since, reads)

    @contextmanager
    def _at_work(self, tenant_id: str, work: Work | None = None) -> Iterator[None]:
        """Writes inside are of this work; what a refused one left behind is taken away."""
        try:
            with working(work):
                yield
        finally:
            self._cases.eraser.settle(tenant_id)

    def _pieces(self, work: Work, pieces: Iterator[str | ChatReply]) -> Iterator[str | ChatReply]:
        """The pieces, each made as part of the work; the whole reply only where nothing of it was erased."""
        with closing(cast(Any, pieces)):
            while True:
                with self._at_work(work.tenant_id, work):
                    piece = next(pieces, None)
                if piece is None:
                    return
                if not isinstance(piece, str):
                    self._check_standing(work)
                yield piece

    def _check_standing(self, work: Work) -> None:
        """Raise Erased where something that the work read was erased since it began."""
        erasures = self._backends.store.erasures(work.tenant_id, work.since)
        if work.reads is not None and any(erasure.touches(work.reads) for erasure in erasures):
            raise Erased("some of what this was made from was erased while it ran; ask again")

    def _scope(self, given: Mapping[str, Any]) -> Scope:
        unknown = given.keys() - AskOptions.__annotations__.keys()
        if unknown:
            raise TypeError(f"unexpected keyword argument {sorted(unknown)[0]!r}")
        return scope_in(given, self.settings.tenant)

    def _reading(self, scope: Scope) -> Scope:
        """The scope, once its tenant is known to be readable. Raises IncompatibleAdapter."""
        if scope.tenant_id not in self._checked:
            embedder = self._backends.embedder.name
            others = self._backends.store.embedders(scope.tenant_id) - {embedder}
            if others:
                raise IncompatibleAdapter(
                    f"there are memories embedded by {sorted(others)[0]!r}, in use is {embedder!r}; "
                    "run `memory reindex`, or set MEMORY_EMBEDDER back"
                )
            self._checked.add(scope.tenant_id)
        return scope

    def _writing(self, scope: Scope) -> Scope:
        """The same for a scope to be written; the first time, what was left behind is taken away."""
        self._reading(scope)
        self._cases.eraser.tidy(scope.tenant_id)
        self._cases.usage.write_if_due()
        return scope
