"""The verbs that keep a store in order: compact, export, import, reindex."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from memory.errors import Erased
from memory.ports.work import Work
from memory.records.inputs import Whose
from memory.service.base import ServiceBase
from memory.upkeep.reports import MIN_ADAPTERS, CompactReport, ExportReport, ImportReport
from memory.write.added import Progress

if TYPE_CHECKING:
    from memory.upkeep.histories.telling import HistoryReport
    from memory.upkeep.transfer import ImportSize


class Upkeep(ServiceBase):
    """Verbs of an operator."""

    def compact(
        self,
        *,
        older_than: timedelta | None = None,
        min_adapters: int = MIN_ADAPTERS,
        dry_run: bool = False,
        progress: Progress | None = None,
        **whose: Unpack[Whose],
    ) -> CompactReport:
        """Make few, denser memories of many, where they answer as well; of all the tenant's by default.

        Only what was told before `older_than` ago, and only where a session, document or user's own memories
        are `min_adapters` or more. `dry_run` shows what would be joined, and changes nothing. Raises
        InvalidInput, IncompatibleAdapter, ModelUnavailable, StoreError.
        """
        scope = self._writing(self._scope(whose))
        with self._at_work(scope.tenant_id):  # what it joins has to be there when it is joined
            return self._cases.compactor(
                scope, older_than=older_than, min_adapters=min_adapters, dry_run=dry_run, progress=progress
            )

    def export(
        self, path: str | Path, *, progress: Progress | None = None, **whose: Unpack[Whose]
    ) -> ExportReport:
        """Write all of a user, agent, session or tenant into one archive; a tenant has to be named.

        Raises MissingScope, InvalidInput, StoreError.
        """
        scope = self._scope(whose)
        if whose.get("tenant_id") is None:
            scope.required()
        self._cases.usage.write()
        work = Work(scope.tenant_id, self._backends.store.erased(scope.tenant_id), scope)
        report = self._cases.exporter(Path(path), scope, progress)
        try:
            self._check_standing(work)
        except Erased:
            Path(path).unlink(missing_ok=True)
            raise
        return report

    def import_(
        self, path: str | Path, *, progress: Progress | None = None, **whose: Unpack[Whose]
    ) -> ImportReport:
        """Add what an archive holds, under the names that it has there, or under those given here.

        An archive of another tenant than this one's goes into a tenant that is named. Adapters of the same
        models are taken over, others are made again; importing twice adds nothing. Raises InvalidInput for
        an archive that is damaged or was altered, ModelUnavailable, StoreError.
        """
        scope = self._writing(self._scope(whose))
        with self._at_work(scope.tenant_id, self.begin(scope)):
            return self._cases.importer(
                Path(path), scope, named=whose.get("tenant_id") is not None, progress=progress
            )

    def import_history(
        self,
        path: str | Path,
        source: str,
        *,
        dry_run: bool = False,
        progress: Progress | None = None,
        **whose: Unpack[Whose],
    ) -> HistoryReport:
        """Add what another product kept: `source` is chatgpt, claude, mem0, zep or openai-messages.

        Conversations become sessions, under the names and dates that the file has; who is named here takes
        the place of whom it names, and the settings' user that of nobody. Importing twice adds nothing, and
        a dry run never does. Raises InvalidInput for a file of another form, and as `add` does.
        """
        scope = self._scope(whose) if dry_run else self._writing(self._scope(whose))
        with self._at_work(scope.tenant_id, self.begin(scope)):
            return self._cases.histories(
                Path(path), source, scope, self.settings.user, dry_run=dry_run, progress=progress
            )

    def import_size(
        self, path: str | Path, *, progress: Progress | None = None, **whose: Unpack[Whose]
    ) -> ImportSize:
        """How much `import_` would add of an archive; adds nothing. Raises InvalidInput, StoreError."""
        scope, named = self._scope(whose), whose.get("tenant_id") is not None
        return self._cases.importer.size(Path(path), scope, named=named, progress=progress)

    def reindex(self, *, progress: Progress | None = None, **whose: Unpack[Whose]) -> int:
        """Make again what another embedder, base model or hypernetwork made; returns how many memories."""
        tenant_id = self._scope(whose).tenant_id
        done = self._cases.ingest.reindex(tenant_id, progress)
        self._cases.eraser.replaced(tenant_id)
        return done

    def sweep(self) -> int:
        """Remove adapter files that no memory of any tenant refers to, an hour old; returns how many.

        Interrupted writes and erasures leave them. A folder is swept at the first write of each process, an
        object store only here and, for one tenant, at its erasures.
        """
        return self._cases.eraser.sweep()
