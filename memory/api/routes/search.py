"""/v1/search, /v1/select, /v1/explain and /v1/recall: what memory has for a query or a turn."""

from __future__ import annotations

from fastapi import APIRouter

from memory.api.callers import TenantDep
from memory.api.incoming import Parsed
from memory.api.schemas.finding import ChoiceOut, ChoicesOut, HitOut, HitsOut, SearchIn, SelectIn
from memory.api.schemas.looking import ExplanationOut
from memory.api.schemas.recalling import RecallIn, RecallOut
from memory.api.shared import SharedDep

router = APIRouter(route_class=Parsed, prefix="/v1", tags=["search"])


@router.post("/search", response_model=HitsOut)
def search(tenant: TenantDep, parts: SharedDep, given: SearchIn) -> HitsOut:
    """The memories that matter most for a query, by embedding and shared words, the best first."""
    hits = parts.memory.search(
        given.query, k=given.k, as_of=given.as_of, filters=given.filters, **given.whose(tenant.id)
    )
    return HitsOut(hits=[HitOut.of(hit) for hit in hits])


@router.post("/select", response_model=ChoicesOut)
def select(tenant: TenantDep, parts: SharedDep, given: SelectIn) -> ChoicesOut:
    """The adapters that a turn saying this would merge; none where nothing matters for it."""
    choices = parts.memory.select(
        given.query, as_of=given.as_of, filters=given.filters, **given.whose(tenant.id)
    )
    return ChoicesOut(adapters=[ChoiceOut.of(choice) for choice in choices])


@router.post("/explain", response_model=ExplanationOut)
def explain(tenant: TenantDep, parts: SharedDep, given: SelectIn) -> ExplanationOut:
    """What /v1/select chooses, and why: each candidate, its cosine and words, and its outcome."""
    why = parts.memory.explain(
        given.query, as_of=given.as_of, filters=given.filters, **given.whose(tenant.id)
    )
    return ExplanationOut.of(why)


@router.post("/recall", response_model=RecallOut)
def recall(tenant: TenantDep, parts: SharedDep, given: RecallIn) -> RecallOut:
    """The texts that another model should read before it answers, within a token budget."""
    recalled = parts.memory.recall(
        given.query,
        k=given.k,
        max_tokens=given.max_tokens,
        before=[message.model_dump() for message in given.before or ()],
        as_of=given.as_of,
        filters=given.filters,
        **given.whose(tenant.id),
    )
    return RecallOut.of(recalled)
