"""Jobs: how far they are, again or no more; and compaction, which is one."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from memory.api.callers import TenantDep
from memory.api.console.forms import Form, whole, whose
from memory.api.console.pages import leads, page
from memory.api.routes import jobs, upkeep
from memory.api.routes.asking import JobId
from memory.api.shared import SharedDep
from memory.ports.work import working
from memory.records.inputs import scope_in
from memory.upkeep.reports import MIN_ADAPTERS

router = APIRouter(prefix="/console", include_in_schema=False)

_PAGE = 50


@router.get("/jobs")
def list_(request: Request, tenant: TenantDep, parts: SharedDep, fields: Form) -> Response:
    """The tenant's jobs; `part` is the table alone, as the page asks for it while something runs."""
    found = parts.jobs.list(tenant.id, limit=_PAGE, cursor=fields.get("cursor"))
    name = "jobs_table.html" if "part" in fields else "jobs.html"
    return page(name, request.scope, found=found, fields=fields, min_adapters=MIN_ADAPTERS)


@router.get("/jobs/{job_id}")
def one(request: Request, tenant: TenantDep, parts: SharedDep, job_id: JobId, fields: Form) -> Response:
    """One job; `part` is what changes of it."""
    name = "job_state.html" if "part" in fields else "job.html"
    return page(name, request.scope, job=parts.jobs.get(tenant.id, job_id))


@router.post("/jobs/{job_id}/retry")
def retry(tenant: TenantDep, parts: SharedDep, job_id: JobId) -> Response:
    """Queue a failed job again."""
    return leads(f"/console/jobs/{jobs.retry(tenant, parts, job_id).id}")


@router.post("/jobs/{job_id}/cancel")
def cancel(tenant: TenantDep, parts: SharedDep, job_id: JobId) -> Response:
    """Stop a job."""
    return leads(f"/console/jobs/{jobs.cancel(tenant, parts, job_id).id}")


@router.get("/exports/{job_id}")
def download(tenant: TenantDep, parts: SharedDep, job_id: JobId) -> Response:
    """The archive of an export that is done."""
    return upkeep.download(tenant, parts, job_id)


@router.post("/compact")
def compact(tenant: TenantDep, parts: SharedDep, fields: Form) -> Response:
    """Make few memories of many, or say what would become of them."""
    given = upkeep.CompactIn(
        older_than_days=whole(fields, "older_than_days", 0) or 0,
        min_adapters=whole(fields, "min_adapters", MIN_ADAPTERS) or MIN_ADAPTERS,
        dry_run="dry_run" in fields,
    )
    scope = scope_in(whose(fields, tenant.id), tenant.id)
    payload = given.model_dump(include={"older_than_days", "min_adapters", "dry_run"})
    with working(parts.memory.begin(scope)):
        job = jobs.queued(parts, "compact", scope, payload)
    return leads(f"/console/jobs/{job.id}")
