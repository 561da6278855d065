"""Memories: found, looked at, told, changed and forgotten."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

from fastapi import APIRouter, Request
from fastapi.responses import Response

from memory.api.callers import TenantDep
from memory.api.console.forms import Fields, Form, metadata, moment, needed, whose
from memory.api.console.pages import leads, page
from memory.api.console.shown import as_json, facts
from memory.api.etags import Changed, etag, expected
from memory.api.handlers import whose as scope_of
from memory.api.routes.asking import MemoryId
from memory.api.routes.memories import check_quotas
from memory.api.schemas.memories import MemoryOut
from memory.api.shared import Shared, SharedDep
from memory.errors import InvalidInput
from memory.ports import Wanted
from memory.records import MemoryRecord, Scope, State
from memory.records.inputs import Whose, scope_in

router = APIRouter(prefix="/console/memories", include_in_schema=False)

_PAGE = 50
_NARROWING = ("document_id", "metadata", "state", "since", "until", "as_of")
_STATES = {
    "current": "What holds now",
    "pinned": "Pinned",
    "past": "What holds no longer",
    "coming": "What does not hold yet",
}


@router.get("")
def list_(request: Request, tenant: TenantDep, parts: SharedDep, fields: Form) -> Response:
    """Somebody's memories: all, the newest first, or those that matter for a query."""
    scope = whose(fields, tenant.id)
    records, cursor, damaged = tuple[MemoryRecord, ...](), None, tuple[str, ...]()
    named = scope_in(scope, tenant.id).names_somebody
    if named and "query" in fields:
        records = _searched(parts, scope, fields)
    elif named:
        place: dict[str, Any] = {"cursor": fields.get("cursor"), "limit": _PAGE}
        found = parts.memory.list(**asdict(_wanted(fields)), as_of=moment(fields), **place, **scope)
        records, cursor, damaged = found.records, found.cursor, found.damaged
    return page(
        "memories.html",
        request.scope,
        fields=fields,
        records=records,
        cursor=cursor,
        damaged=damaged,
        named=named,
        narrowed=any(name in fields for name in _NARROWING),
        states=_STATES,
    )


def _searched(parts: Shared, scope: Whose, fields: Fields) -> tuple[MemoryRecord, ...]:
    """Of the memories nearest to a query those that are wanted."""
    wanted, as_of = _wanted(fields), moment(fields)
    if wanted.state in ("past", "coming"):
        raise InvalidInput("a search finds what holds, now or at the date in `As of`; choose another state")
    hits = parts.memory.search(fields["query"], k=_PAGE, as_of=as_of, filters=wanted.filters, **scope)
    return tuple(
        hit.record
        for hit in hits
        if wanted.meets(hit.record) and (wanted.state == "current" or hit.record.pinned)
    )


def _wanted(fields: Fields) -> Wanted:
    return Wanted(
        document_id=fields.get("document_id"),
        filters=metadata(fields) or {},
        since=moment(fields, "since"),
        until=moment(fields, "until"),
        state=cast(State, fields.get("state", "current")),
    )


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
    """One memory, what it superseded, and its history."""
    return _shown(request, parts, parts.memory.get(memory_id, tenant_id=tenant.id))


@router.post("/{memory_id}")
def change(
    request: Request, tenant: TenantDep, parts: SharedDep, memory_id: MemoryId, fields: Form
) -> Response:
    """Another text or metadata, or pinned or not; the old text is of the past."""
    seen = parts.memory.get(memory_id, tenant_id=tenant.id)
    text, told = fields.get("text"), metadata(fields) or {}
    try:
        with expected(needed(fields, "etag"), lambda: seen) as expects:
            record = parts.memory.update(
                memory_id,
                None if text == seen.text.strip() else text,
                metadata=None if told == seen.metadata else told,
                pinned="pinned" in fields,
                expects=expects,
                tenant_id=tenant.id,
            )
    except Changed:
        return _shown(request, parts, parts.memory.get(memory_id, tenant_id=tenant.id), lost=fields)
    return leads(f"/console/memories/{record.id}")


@router.post("/{memory_id}/forget")
def forget(
    request: Request, tenant: TenantDep, parts: SharedDep, memory_id: MemoryId, fields: Form
) -> Response:
    """Forget one memory, as it was looked at; its receipt."""
    seen = parts.memory.get(memory_id, tenant_id=tenant.id)
    with expected(needed(fields, "etag"), lambda: seen) as expects:
        receipt = parts.delete(memory_id, Scope(tenant_id=tenant.id), expects=expects)
    return page("receipt.html", request.scope, receipt=receipt)


def _shown(request: Request, parts: Shared, record: MemoryRecord, lost: Fields | None = None) -> Response:
    """The page of a memory; with what was sent, where somebody else came first."""
    older = parts.memory.list(superseded_by=record.id, state="past", limit=_PAGE, **scope_of(record.scope))
    return page(
        "memory.html",
        request.scope,
        200 if lost is None else 412,
        record=record,
        facts=facts(record),
        metadata=as_json(record),
        etag=etag(MemoryOut.of(record)),
        older=older.records,
        events=parts.memory.history(record.id, tenant_id=record.scope.tenant_id),
        lost=lost,
    )
