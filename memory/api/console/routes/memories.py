"""Memories: found, looked at, told, changed and forgotten."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from memory.api.callers import TenantDep
from memory.api.console.forms import Form, metadata, moment, needed, whose
from memory.api.console.pages import leads, page
from memory.api.routes.asking import MemoryId
from memory.api.routes.memories import check_quotas
from memory.api.shared import SharedDep
from memory.records import MemoryRecord, Scope

router = APIRouter(prefix="/console/memories", include_in_schema=False)

_PAGE = 50


@router.get("")
def list_(request: Request, tenant: TenantDep, parts: SharedDep, fields: Form) -> Response:
    """Somebody's memories: all, the newest first, or those that matter for a query."""
    whom, records, cursor = whose(fields, tenant.id), tuple[MemoryRecord, ...](), None
    named = any(whom[name] for name in ("user_id", "agent_id", "session_id"))
    if named and "query" in fields:
        hits = parts.memory.search(
            fields["query"], k=_PAGE, as_of=moment(fields), filters=metadata(fields), **whom
        )
        records = tuple(hit.record for hit in hits)
    elif named:
        found = parts.memory.list(
            document_id=fields.get("document_id"),
            limit=_PAGE,
            cursor=fields.get("cursor"),
            as_of=moment(fields),
            **whom,
        )
        records, cursor = found.records, found.cursor
    return page("memories.html", request.scope, fields=fields, records=records, cursor=cursor, named=named)


@router.post("")
def tell(request: Request, tenant: TenantDep, parts: SharedDep, fields: Form) -> Response:
    """Remember a text."""
    text = needed(fields, "text")
    check_quotas(parts, tenant, len(text.encode()))
    with parts.metrics.internalizing():
        added = parts.memory.add(text, **whose(fields, tenant.id))
    return page("told.html", request.scope, added=added)


@router.get("/{memory_id}")
def one(request: Request, tenant: TenantDep, parts: SharedDep, memory_id: MemoryId) -> Response:
    """One memory and its history."""
    record = parts.memory.get(memory_id, tenant_id=tenant.id)
    events = parts.memory.history(memory_id, tenant_id=tenant.id)
    return page("memory.html", request.scope, record=record, events=events)


@router.post("/{memory_id}")
def change(tenant: TenantDep, parts: SharedDep, memory_id: MemoryId, fields: Form) -> Response:
    """Another text, or pinned or not; the old text is of the past."""
    seen = parts.memory.get(memory_id, tenant_id=tenant.id)
    text = fields.get("text")
    record = parts.memory.update(
        memory_id,
        None if text == seen.text else text,
        pinned="pinned" in fields,
        expects=seen,
        tenant_id=tenant.id,
    )
    return leads(f"/console/memories/{record.id}")


@router.post("/{memory_id}/forget")
def forget(request: Request, tenant: TenantDep, parts: SharedDep, memory_id: MemoryId) -> Response:
    """Forget one memory; its receipt."""
    receipt = parts.delete(memory_id, Scope(tenant_id=tenant.id))
    return page("receipt.html", request.scope, receipt=receipt)
