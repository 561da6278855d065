"""Users, agents and their documents: counted, uploaded, exported, erased."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from memory.api.apart import goes_apart
from memory.api.callers import TenantDep
from memory.api.console.forms import Form, Upload, needed, whose
from memory.api.console.pages import leads, page
from memory.api.routes.jobs import queued
from memory.api.routes.memories import check_quotas
from memory.api.shared import SharedDep
from memory.errors import InvalidInput
from memory.ports.work import working
from memory.records.inputs import scope_in, text_in
from memory.text.documents import text_of

router = APIRouter(prefix="/console", include_in_schema=False)

_PAGE = 100


@router.get("/people")
def people(request: Request, tenant: TenantDep, parts: SharedDep, fields: Form) -> Response:
    """Everybody who told something that holds, by name."""
    found = parts.memory.holdings(tenant_id=tenant.id, limit=_PAGE, cursor=fields.get("cursor"))
    stats = parts.memory.stats(tenant_id=tenant.id)
    return page("people.html", request.scope, found=found, stats=stats, quotas=tenant.caller.quotas)


@router.get("/people/one")
def one(request: Request, tenant: TenantDep, parts: SharedDep, fields: Form) -> Response:
    """One user or agent, and their documents."""
    scope = whose(fields, tenant.id)
    scope_in(scope, tenant.id).required()
    documents = parts.memory.holdings(by_document=True, limit=_PAGE, cursor=fields.get("cursor"), **scope)
    stats = parts.memory.stats(**scope)
    return page("person.html", request.scope, fields=fields, stats=stats, documents=documents)


@router.post("/documents")
def upload(request: Request, tenant: TenantDep, parts: SharedDep, sent: Upload) -> Response:
    """Remember a document; a long one by a job."""
    scope = whose(sent.fields, tenant.id)
    target = scope_in(scope, tenant.id).required()
    document = sent.fields.get("document_id", sent.name)
    settings = parts.memory.settings
    with working(parts.memory.begin(target)):  # what is erased while it is read stays so
        text = text_in(text_of(sent.name, sent.data), settings.max_text_bytes)
        size = len(text.encode())
        check_quotas(parts, tenant, size)
        if size > settings.async_text_bytes or goes_apart(parts, size):
            job = queued(parts, "add", target, {"text": text, "document_id": document})
            return leads(f"/console/jobs/{job.id}")
        with parts.metrics.internalizing():
            added = parts.memory.add(text, document_id=document, **scope)
    return page("told.html", request.scope, added=added)


@router.post("/export")
def export(tenant: TenantDep, parts: SharedDep, fields: Form) -> Response:
    """All of somebody's as one archive: a job, whose page has the file."""
    scope = scope_in(whose(fields, tenant.id), tenant.id).required()
    with working(parts.memory.begin(scope)):
        job = queued(parts, "export", scope, {})
    return leads(f"/console/jobs/{job.id}")


@router.post("/erase")
def erase(request: Request, tenant: TenantDep, parts: SharedDep, fields: Form) -> Response:
    """All of somebody's, or one document of theirs; the receipt."""
    scope = scope_in(whose(fields, tenant.id), tenant.id).required()
    name = fields.get("document_id") or scope.user_id or scope.agent_id or scope.session_id
    if needed(fields, "confirm") != name:
        raise InvalidInput("the name was not typed as it is; nothing was erased")
    request.state.target = name
    return page("receipt.html", request.scope, receipt=parts.forget(scope, fields.get("document_id")))
