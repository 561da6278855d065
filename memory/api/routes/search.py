"""/v1/search and /v1/select: what memory has for a query or a turn."""

from __future__ import annotations

from fastapi import APIRouter

from memory.api.callers import Reader
from memory.api.schemas import ChoiceOut, ChoicesOut, HitOut, HitsOut, SearchIn, SelectIn
from memory.api.shared import Parts

router = APIRouter(prefix="/v1", tags=["search"])


@router.post("/search", response_model=HitsOut)
def search(tenant: Reader, parts: Parts, given: SearchIn) -> HitsOut:
    """The memories nearest to a query, nearest first."""
    hits = parts.memory.search(given.query, k=given.k, as_of=given.as_of, **given.whose(tenant.id))
    return HitsOut(hits=[HitOut.of(hit) for hit in hits])


@router.post("/select", response_model=ChoicesOut)
def select(tenant: Reader, parts: Parts, given: SelectIn) -> ChoicesOut:
    """The adapters that a turn saying this would merge; none where nothing matters for it."""
    choices = parts.memory.select(given.query, as_of=given.as_of, **given.whose(tenant.id))
    return ChoicesOut(adapters=[ChoiceOut.of(choice) for choice in choices])
