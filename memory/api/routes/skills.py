"""/v1/skills: descriptions of how to answer that become adapters."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import Field

from memory.api.callers import TenantDep
from memory.api.incoming import Parsed
from memory.api.once import Answer, IdempotencyKey, once
from memory.api.routes.asking import Cursor, Limit, QueryScope
from memory.api.schemas.memories import MemoriesOut, MemoryOut
from memory.api.schemas.parts import ScopeIn, Text, example
from memory.api.shared import SharedDep

router = APIRouter(route_class=Parsed, prefix="/v1/skills", tags=["skills"])


class SkillIn(ScopeIn):
    """A way to answer, for all turns of a user, agent or session, or for those that are near it."""

    model_config = example(user_id="ana", description="Only the bare value, no extra words.")

    description: Text = Field(examples=["Only the bare value, no extra words."])
    pinned: bool = Field(True, description="Join every turn of the scope; else those near the description.")


@router.post("", status_code=201, response_model=MemoryOut)
def add(
    request: Request,
    tenant: TenantDep,
    parts: SharedDep,
    given: SkillIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Make a skill. Again, it only changes `pinned`."""

    def act() -> Answer:
        skill = parts.memory.add_skill(given.description, pinned=given.pinned, **given.whose(tenant.id))
        return Answer(MemoryOut.of(skill), 201)

    return once(request, parts, tenant, idempotency_key, act, given.scope(tenant.id))


@router.get("", response_model=MemoriesOut)
def list_(
    tenant: TenantDep, parts: SharedDep, scope: QueryScope, limit: Limit = 100, cursor: Cursor = None
) -> MemoriesOut:
    """The skills of a user, agent or session, newest first; as memories they are deleted."""
    page = parts.memory.list(kind="skill", limit=limit, cursor=cursor, **scope.whose(tenant.id))
    return MemoriesOut(memories=[MemoryOut.of(record) for record in page.records], cursor=page.cursor)
