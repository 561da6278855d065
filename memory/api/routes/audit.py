"""/v1/audit: which key wrote what, and which calls were denied."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, Field

from memory.api.callers import CallerDep
from memory.api.incoming import Parsed
from memory.api.routes.asking import Cursor, Limit
from memory.api.schemas.parts import MEMORY_ID, example, example_of
from memory.api.shared import SharedDep
from memory.server.audit import Entry

router = APIRouter(route_class=Parsed, prefix="/v1/audit", tags=["audit"])


class EntryOut(BaseModel):
    """One write, or one call that was denied."""

    model_config = example(
        id=MEMORY_ID,
        at="2026-05-04T12:00:00Z",
        key_id="5f1d7a84c2b96e03",
        action="DELETE /v1/memories/{memory_id}",
        target=MEMORY_ID,
        status=200,
    )

    id: str
    at: datetime
    key_id: str | None
    action: str
    target: str = Field(description="An id, or the digest of a name: sha256 of tenant, NUL, name.")
    status: int

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls(**{name: getattr(entry, name) for name in cls.model_fields})


class EntriesOut(BaseModel):
    """One page of the audit, newest first."""

    model_config = example(entries=[example_of(EntryOut)], cursor=None)

    entries: list[EntryOut]
    cursor: str | None = Field(description="Goes into the next call; null says that this was the last page.")


@router.get("", response_model=EntriesOut)
def page(caller: CallerDep, parts: SharedDep, limit: Limit = 100, cursor: Cursor = None) -> EntriesOut:
    """The tenant's audit, for its admin; for an operator, calls by operators and with no good key."""
    assert caller is not None
    found = parts.audit.page(caller.tenant_id, cursor, limit)
    return EntriesOut(entries=[EntryOut.of(entry) for entry in found.entries], cursor=found.cursor)
