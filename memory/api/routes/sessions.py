"""/v1/sessions: conversations and their turns."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from memory.api.apart import added_apart, goes_apart
from memory.api.callers import TenantDep
from memory.api.handlers import GOES_ON, TURNS_KEY
from memory.api.incoming import Parsed
from memory.api.once import Answer, IdempotencyKey, call_name, once
from memory.api.routes.asking import Cursor, Limit, Named, QueryScope
from memory.api.routes.memories import check_quotas
from memory.api.schemas.memories import AddedOut
from memory.api.schemas.sessions import AppendIn, SessionOut, SessionsOut, TurnOut, TurnsOut
from memory.api.shared import SharedDep
from memory.records import MAX_PAGE
from memory.records.inputs import Whose, messages_in, scope_in

router = APIRouter(route_class=Parsed, prefix="/v1/sessions", tags=["sessions"])

User = Annotated[str | None, Query(min_length=1, max_length=255, description="Whose session.")]
Agent = Annotated[str | None, Query(min_length=1, max_length=255, description="With which agent.")]


@router.get("", response_model=SessionsOut)
def list_(
    tenant: TenantDep, parts: SharedDep, scope: QueryScope, limit: Limit = 100, cursor: Cursor = None
) -> SessionsOut:
    """The conversations of a user or agent, by name."""
    page = parts.memory.sessions(limit=limit, cursor=cursor, **scope.whose(tenant.id))
    return SessionsOut(
        sessions=[
            SessionOut(
                session_id=one.scope.session_id or "",
                tenant_id=one.scope.tenant_id,
                user_id=one.scope.user_id,
                agent_id=one.scope.agent_id,
                turns=one.turns,
                last_at=one.last_at,
            )
            for one in page.sessions
        ],
        cursor=page.cursor,
    )


@router.get("/{session_id:path}/turns", response_model=TurnsOut)
def turns(
    tenant: TenantDep,
    parts: SharedDep,
    session_id: Named,
    user_id: User = None,
    agent_id: Agent = None,
    last: Annotated[int, Query(ge=1, le=MAX_PAGE, description="The newest so many.")] = 100,
) -> TurnsOut:
    """The newest turns of exactly this session (of this user and agent, where it has them), oldest first."""
    whose = Whose(tenant_id=tenant.id, user_id=user_id, agent_id=agent_id, session_id=session_id)
    return TurnsOut(turns=[TurnOut.of(turn) for turn in parts.memory.turns(last=last, **whose)])


@router.post("/{session_id:path}/turns", status_code=201, response_model=AddedOut)
def append(
    request: Request,
    tenant: TenantDep,
    parts: SharedDep,
    session_id: Named,
    given: AppendIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Go on with a session: messages become turns of it, and what they tell is remembered."""
    whose = Whose(tenant_id=tenant.id, user_id=given.user_id, agent_id=given.agent_id, session_id=session_id)

    def act() -> Answer:
        size = sum(message.size for message in given.messages)
        check_quotas(parts, tenant, size)
        if goes_apart(parts, size):
            messages_in([one.model_dump() for one in given.messages], parts.memory.settings.max_text_bytes)
            said = given.model_dump(mode="json", include={"messages"})
            said |= {GOES_ON: True, TURNS_KEY: call_name(request, idempotency_key)}
            refuse = partial(check_quotas, parts, tenant, size)
            return Answer(added_apart(parts, scope_in(whose, tenant.id), said, refuse), 201)
        with parts.metrics.internalizing():
            added = parts.memory.append(
                [message.model_dump() for message in given.messages],
                idempotency_key=call_name(request, idempotency_key),
                **whose,
            )
        return Answer(AddedOut.of(added), 201)

    return once(request, parts, tenant, idempotency_key, act, scope_in(whose, tenant.id))
