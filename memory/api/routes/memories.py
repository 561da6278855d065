"""/v1/memories: add, list, get, change, delete, history."""

from __future__ import annotations

import json
from functools import partial
from types import EllipsisType
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from memory.api.apart import added_apart, goes_apart
from memory.api.callers import CallingTenant, TenantDep
from memory.api.etags import IfMatch, IfNoneMatch, etag, expected, matches
from memory.api.handlers import TURNS_KEY
from memory.api.incoming import Parsed
from memory.api.once import Answer, IdempotencyKey, call_name, once
from memory.api.routes.asking import AsOf, Cursor, Limit, MemoryId, QueryScope
from memory.api.routes.jobs import JobOut, submitted
from memory.api.schemas.forgetting import ReceiptOut
from memory.api.schemas.memories import (
    AddedOut,
    AddIn,
    ChangeIn,
    EventOut,
    HistoryOut,
    MemoriesOut,
    MemoryOut,
)
from memory.api.schemas.parts import FILTERS, Time
from memory.api.shared import Shared, SharedDep
from memory.records import TOLD_TIMES, Kind, State, check_metadata
from memory.records.inputs import (
    caption_in,
    check_copies,
    check_expiry,
    check_span,
    data_url_in,
    items_in,
    messages_in,
    text_in,
)

router = APIRouter(route_class=Parsed, prefix="/v1/memories", tags=["memories"])

_LATER = {"text", "messages", "document_id", "metadata", *TOLD_TIMES}  # what a job is told

Prefer = Annotated[
    str | None, Header(description="`respond-async`: answer at once with a job, whatever the size.")
]


@router.post(
    "",
    status_code=201,
    response_model=AddedOut,
    responses={202: {"model": JobOut, "description": "Too much for one request; a job does it."}},
)
def add(
    request: Request,
    tenant: TenantDep,
    parts: SharedDep,
    given: AddIn,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> Response:
    """Remember a text or messages. Durable when it answers 201; a job's when the job is done."""
    size = _size(given)
    large = size > parts.memory.settings.async_text_bytes or "respond-async" in (prefer or "").lower()
    later = large and given.image is None  # a job keeps no pictures

    def act() -> Answer:
        _check(parts, tenant, given)
        if later:
            payload = given.model_dump(mode="json", include=_LATER)
            return submitted(parts, "add", given.scope(tenant.id), payload, idempotency_key)
        if goes_apart(parts, size) and given.image is None:
            payload = given.model_dump(mode="json", include=_LATER)
            payload[TURNS_KEY] = call_name(request, idempotency_key)
            refuse = partial(_check, parts, tenant, given)
            return Answer(added_apart(parts, given.scope(tenant.id), payload, refuse), 201)
        with parts.metrics.internalizing():
            added = parts.memory.add(
                given.content,
                image=None if given.image is None else data_url_in(given.image),
                metadata=given.metadata,
                expires_at=given.expires_at,
                valid_from=given.valid_from,
                valid_until=given.valid_until,
                document_id=given.document_id,
                idempotency_key=call_name(request, idempotency_key),
                **given.whose(tenant.id),
            )
        return Answer(AddedOut.of(added), 201)

    return once(request, parts, tenant, idempotency_key, act, given.scope(tenant.id))


@router.get("", response_model=MemoriesOut)
def list_(
    tenant: TenantDep,
    parts: SharedDep,
    scope: QueryScope,
    kind: Kind | None = None,
    document_id: Annotated[str | None, Query(min_length=1, max_length=255)] = None,
    superseded_by: Annotated[str | None, Query(min_length=1, max_length=64, description="An id.")] = None,
    filters: Annotated[str | None, Query(description=FILTERS, examples=['{"source": "support"}'])] = None,
    since: Annotated[Time | None, Query(description="Told then or later.")] = None,
    until: Annotated[Time | None, Query(description="Told before.")] = None,
    state: Annotated[State, Query(description="Which of them; past: what holds no longer.")] = "current",
    limit: Limit = 100,
    cursor: Cursor = None,
    as_of: AsOf = None,
) -> MemoriesOut:
    """Memories of a user, agent or session, newest first; with `as_of`, the passages that held then."""
    page = parts.memory.list(
        kind=kind,
        document_id=document_id,
        superseded_by=superseded_by,
        filters=None if filters is None else items_in("filters", filters),
        since=since,
        until=until,
        state=state,
        limit=limit,
        cursor=cursor,
        as_of=as_of,
        **scope.whose(tenant.id),
    )
    return MemoriesOut(memories=[MemoryOut.of(record) for record in page.records], cursor=page.cursor)


@router.get(
    "/{memory_id}", response_model=MemoryOut, responses={304: {"description": "It is as you know it."}}
)
def get(
    tenant: TenantDep,
    parts: SharedDep,
    memory_id: MemoryId,
    scope: QueryScope,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """One memory, with its ETag."""
    memory = MemoryOut.of(parts.memory.get(memory_id, **scope.whose(tenant.id)))
    tag = etag(memory)
    if if_none_match is not None and matches(if_none_match, tag):
        return Response(status_code=304, headers={"ETag": tag})
    return Answer(memory, headers={"ETag": tag}).response()


@router.patch("/{memory_id}", response_model=MemoryOut)
def change(
    tenant: TenantDep,
    parts: SharedDep,
    memory_id: MemoryId,
    scope: QueryScope,
    given: ChangeIn,
    if_match: IfMatch = None,
) -> Response:
    """Change text, metadata, expiry or what goes first; new text is internalized, the old is of the past."""
    whose = scope.whose(tenant.id)
    until: EllipsisType | None = ... if "expires_at" not in given.model_fields_set else None
    seen = parts.memory.get(memory_id, **whose)  # before anything is written, also what a first write tidies
    with expected(if_match, lambda: seen) as expects:
        record = parts.memory.update(
            memory_id,
            given.text,
            metadata=given.metadata,
            expires_at=given.expires_at or until,
            pinned=given.pinned,
            keep_past=given.keep_past,
            expects=expects,
            **whose,
        )
    memory = MemoryOut.of(record)
    return Answer(memory, headers={"ETag": etag(memory)}).response()


@router.delete("/{memory_id}", response_model=ReceiptOut)
def delete(
    tenant: TenantDep, parts: SharedDep, memory_id: MemoryId, scope: QueryScope, if_match: IfMatch = None
) -> ReceiptOut:
    """Forget one memory."""
    with expected(if_match, lambda: parts.memory.get(memory_id, **scope.whose(tenant.id))) as expects:
        return ReceiptOut.of(parts.delete(memory_id, scope.scope(tenant.id), expects=expects))


@router.get("/{memory_id}/history", response_model=HistoryOut)
def history(tenant: TenantDep, parts: SharedDep, memory_id: MemoryId, scope: QueryScope) -> HistoryOut:
    """What happened to a memory, oldest first, also after it is gone; never what it said."""
    events = parts.memory.history(memory_id, **scope.whose(tenant.id))
    return HistoryOut(
        events=[EventOut(memory_id=one.memory_id, event=one.event, at=one.at) for one in events]
    )


def _size(given: AddIn) -> int:
    """Of its text, in bytes of UTF-8."""
    return len((given.text or "").encode()) + sum(message.size for message in given.messages or [])


def _check(parts: Shared, tenant: CallingTenant, given: AddIn) -> None:
    """Refuse now what would fail later, in a job too."""
    most = parts.memory.settings.max_text_bytes
    given.scope(tenant.id).required()
    check_expiry(given.expires_at)
    check_span(given.valid_from, given.valid_until)
    check_metadata(given.metadata)
    if given.image is not None:
        data_url_in(given.image)
        check_copies(given.metadata, [caption_in(given.text or "", most)])
    elif given.text is not None:
        check_copies(given.metadata, [text_in(given.text, most)])
    else:
        said = messages_in([message.model_dump() for message in given.messages or []], most)
        check_copies(given.metadata, [message.text for message in said])
    check_quotas(parts, tenant, _size(given) + len(json.dumps(given.metadata)))


def check_quotas(parts: Shared, tenant: CallingTenant, size: int) -> None:
    """Refuse one more memory of so many bytes of text where the tenant has no room. Raises QuotaExceeded."""
    parts.room.check(tenant.id, tenant.caller.quotas, size=size)
