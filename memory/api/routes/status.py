"""/v1/status, /v1/holdings and /v1/tokens: the models in use, how much is in it; how long a text is."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from memory.api.callers import TenantDep, tenant
from memory.api.incoming import Parsed
from memory.api.routes.asking import Cursor, Limit, QueryScope
from memory.api.routes.models import model_name
from memory.api.schemas.looking import HoldingsOut
from memory.api.schemas.parts import ContentIn, example
from memory.api.shared import SharedDep

router = APIRouter(route_class=Parsed, prefix="/v1", tags=["status"])


class StatsOut(BaseModel):
    """Counts; current and outdated memories alike."""

    model_config = ConfigDict(from_attributes=True)

    memories: int
    documents: int
    sessions: int
    turns: int
    characters: int = Field(description="Of text.")
    adapter_bytes: int = Field(description="An adapter file that several memories share counts once.")


class StatusOut(BaseModel):
    """What the memory is made with, and how much is in it."""

    model_config = example(
        version="0.1.0",
        model="reference",
        embedder="all-MiniLM-L6-v2",
        tenant_id="acme",
        stats={
            "memories": 12,
            "documents": 1,
            "sessions": 2,
            "turns": 8,
            "characters": 640,
            "adapter_bytes": 737280,
        },
    )

    version: str = Field(description="Of the server's package.")
    model: str
    embedder: str = Field(description="Name of the model that embeds texts.")
    tenant_id: str
    stats: StatsOut


class TokensIn(ContentIn):
    """A text, or messages of a prompt."""

    model_config = example(text="My dog is called Biscuit.")


class TokensOut(BaseModel):
    """How many there are."""

    model_config = example(tokens=7)

    tokens: int


@router.get("/status", response_model=StatusOut)
def status(caller: TenantDep, parts: SharedDep, scope: QueryScope) -> StatusOut:
    """The models in use, and counts: of a user, agent or session, or of the tenant where nobody is named."""
    found = parts.memory.status(**scope.whose(caller.id))
    return StatusOut(
        version=version("parametric-memory"),
        model=model_name(parts.memory.settings),
        embedder=found.embedder,
        tenant_id=found.tenant_id,
        stats=StatsOut.model_validate(found.stats),
    )


@router.get("/holdings", response_model=HoldingsOut)
def holdings(
    caller: TenantDep,
    parts: SharedDep,
    scope: QueryScope,
    by_document: Annotated[
        bool, Query(description="Each document of theirs, in place of each of them.")
    ] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> HoldingsOut:
    """What users and agents have now, by name; of the tenant where nobody is named."""
    page = parts.memory.holdings(
        by_document=by_document, limit=limit, cursor=cursor, **scope.whose(caller.id)
    )
    return HoldingsOut.of(page)


@router.post("/tokens", response_model=TokensOut, dependencies=[Depends(tenant)])
def tokens(parts: SharedDep, given: TokensIn) -> TokensOut:
    """Tokens of a text, or of the prompt that messages make, as the model counts them."""
    return TokensOut(tokens=parts.memory.count_tokens(given.content))
