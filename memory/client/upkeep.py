"""The verbs of upkeep: jobs of the server that are waited for, and archives that come and go."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Unpack

from memory.client import decoding, jobs
from memory.client.calls import Call, Server, Steps, asked, understood
from memory.client.encoding import named, names
from memory.client.verbs import status
from memory.errors import InvalidInput
from memory.records import new_id
from memory.records.inputs import Whose
from memory.upkeep.reports import MIN_ADAPTERS, CompactReport, ExportReport, ImportReport
from memory.write.added import Progress


def compact(
    server: Server,
    *,
    older_than: timedelta | None = None,
    min_adapters: int = MIN_ADAPTERS,
    dry_run: bool = False,
    progress: Progress | None = None,
    **whose: Unpack[Whose],
) -> Steps[CompactReport]:
    """Make few, denser memories of many, where they answer as well; of all the tenant's by default.

    Raises as `Memory.compact` does, and ServerError.
    """
    age = timedelta() if older_than is None else older_than
    body = names(named(whose)) | {"older_than_days": age / timedelta(days=1)}
    body |= {"min_adapters": min_adapters, "dry_run": dry_run}
    call = Call("POST", "/v1/compact", body=body, key=new_id())
    _, result = yield from jobs.asked_for(server, call, progress)
    return (yield from understood(server, lambda: decoding.report(CompactReport, result)))


def export(
    server: Server, path: str | Path, *, progress: Progress | None = None, **whose: Unpack[Whose]
) -> Steps[ExportReport]:
    """Write all of a user, agent, session or tenant into one archive; a tenant has to be named.

    The tenant is that of the key, and takes an admin's. Raises as `Memory.export` does, and ServerError.
    """
    tenant, scope = whose.get("tenant_id"), named({**whose, "tenant_id": None})
    if tenant is None:
        scope.required()
    else:
        own = (yield from status(server)).tenant_id
        if own != tenant:
            raise InvalidInput(f"the key is of tenant {own!r}, and exports nothing of {tenant!r}")
    call = Call("POST", "/v1/export", body=names(scope), key=new_id())
    job_id, result = yield from jobs.asked_for(server, call, progress)
    yield from asked(server, Call("GET", f"/v1/export/{job_id}", into=Path(path)))
    return (yield from understood(server, lambda: decoding.report(ExportReport, result, path=str(path))))


def import_(
    server: Server, path: str | Path, *, progress: Progress | None = None, **whose: Unpack[Whose]
) -> Steps[ImportReport]:
    """Add what an archive holds, under the names that it has there, or under those given here.

    Raises as `Memory.import_` does, and ServerError.
    """
    call = Call("POST", "/v1/import", names(named(whose)), upload=_readable(Path(path)))
    _, result = yield from jobs.asked_for(server, call, progress)
    return (yield from understood(server, lambda: decoding.report(ImportReport, result)))


def _readable(path: Path) -> Path:
    try:
        path.open("rb").close()
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror or error}") from error
    return path
