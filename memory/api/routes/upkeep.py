"""/v1/compact, /v1/export and /v1/import: long operations, run as jobs."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from pydantic import Field
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from memory.api.callers import CallingTenant, TenantDep
from memory.api.handlers import check_import
from memory.api.incoming import Parsed
from memory.api.once import Answer, IdempotencyKey, once
from memory.api.rights import WHOLE_TENANT
from memory.api.routes.asking import JobId, QueryScope
from memory.api.routes.jobs import JobOut, submitted
from memory.api.routes.memories import check_quotas
from memory.api.schemas.parts import ScopeIn, example
from memory.api.shared import Shared, SharedDep
from memory.errors import Conflict, Forbidden, NotFound
from memory.ports.work import Work, working
from memory.records import Scope
from memory.upkeep.reports import MIN_ADAPTERS

router = APIRouter(route_class=Parsed, prefix="/v1", tags=["upkeep"])


class CompactIn(ScopeIn):
    """What to compact: all of a user, agent or session, or of the tenant where nobody is named."""

    model_config = example(user_id="ana", older_than_days=30)

    older_than_days: float = Field(0, ge=0, le=36_500, description="Leave alone what was told since.")
    min_adapters: int = Field(
        MIN_ADAPTERS, ge=2, le=1_000_000, description="Leave alone where there are fewer."
    )
    dry_run: bool = Field(False, description="Count what would be joined, and change nothing.")


class ExportIn(ScopeIn):
    """Whose memories and turns; of the whole tenant where nobody is named, which takes an admin's key."""

    model_config = example(user_id="ana")


@router.post("/compact", status_code=202, response_model=JobOut)
def compact(
    request: Request,
    tenant: TenantDep,
    parts: SharedDep,
    given: CompactIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Make few, denser memories of many, where they answer as well. A job."""

    scope = given.scope(tenant.id)

    def act() -> Answer:
        payload = given.model_dump(include={"older_than_days", "min_adapters", "dry_run"})
        return submitted(parts, "compact", scope, payload, idempotency_key)

    return once(request, parts, tenant, idempotency_key, act, scope)


@router.post("/export", status_code=202, response_model=JobOut)
def export(
    request: Request,
    tenant: TenantDep,
    parts: SharedDep,
    given: ExportIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Write all of somebody's into one archive. A job; when it is done, /v1/export/{job_id} has the file."""
    scope = given.scope(tenant.id)
    _check_whole(tenant, scope)
    parts.room.check(tenant.id, tenant.caller.quotas, memories=0)
    return once(
        request,
        parts,
        tenant,
        idempotency_key,
        lambda: submitted(parts, "export", scope, {}, idempotency_key),
        scope,
    )


@router.get(
    "/export/{job_id}",
    response_class=FileResponse,
    responses={200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}},
)
def download(tenant: TenantDep, parts: SharedDep, job_id: JobId) -> FileResponse:
    """The archive of an export that is done; kept for a day, or until something of the tenant is erased."""
    job = parts.jobs.get(tenant.id, job_id)
    if job.kind != "export":
        raise NotFound(f"no export {job_id!r} here")
    done = job.state == "done"
    path = parts.archives.fetched(tenant.id, job_id) if done else None  # first: an erasure took its names
    if path is None:
        _check_whole(tenant, job.scope)
        raise Conflict(f"the export is {job.state}; come back when it is done")
    try:
        _check_whole(tenant, job.scope)
    except Forbidden:
        parts.archives.release(path)
        raise
    release = BackgroundTask(parts.archives.release, path)
    return FileResponse(
        path, media_type="application/zip", filename=f"memory-{job_id}.zip", background=release
    )


@router.post(
    "/import",
    status_code=202,
    response_model=JobOut,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def import_(request: Request, tenant: TenantDep, parts: SharedDep, scope: QueryScope) -> Response:
    """Add what an archive holds, under its names or those given here. A job; again, it adds nothing."""
    await run_in_threadpool(check_quotas, parts, tenant, 0)
    room = await run_in_threadpool(parts.room.left, tenant.id, tenant.caller.quotas)
    target = scope.scope(tenant.id)
    work = await run_in_threadpool(parts.memory.begin, target)  # what is erased from here on is not imported
    name = await parts.archives.receive(tenant.id, request.stream(), room)
    answer = await run_in_threadpool(_import, parts, tenant, target, name, work)
    return answer.response()


def _import(parts: Shared, tenant: CallingTenant, scope: Scope, name: str, work: Work) -> Answer:
    """A job for an upload that there is room for; one that there is none for is not kept."""
    try:
        path = parts.archives.existing(tenant.id, name)
        check_import(parts.memory, parts.room, path, scope, tenant.caller.quotas)
        parts.archives.keep(tenant.id, name, work.since)
        with working(work):
            return submitted(parts, "import", scope, {"archive": name}, None)
    except BaseException:
        parts.archives.remove(tenant.id, name)
        raise


def _check_whole(tenant: CallingTenant, scope: Scope) -> None:
    if not scope.names_somebody:
        tenant.caller.require(WHOLE_TENANT)
