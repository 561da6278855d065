"""The last hour, drawn: requests, their latency, how many turns recalled, adapters merged."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from memory.api.activity import Minute
from memory.api.callers import CallerDep
from memory.api.console.drawn import bars, lines
from memory.api.console.pages import page
from memory.api.shared import SharedDep

router = APIRouter(prefix="/console", include_in_schema=False)


@router.get("/activity")
def activity(request: Request, caller: CallerDep, parts: SharedDep) -> Response:
    """A tenant's own; for an operator everybody's."""
    assert caller is not None
    hour = parts.activity.last_hour(caller.tenant_id)
    recalling, turns = sum(one.recalling for one in hour), sum(one.turns for one in hour)
    charts = (
        bars("Requests a minute", hour, {"answered": _answered, "refused or failed": lambda one: one.failed}),
        lines(
            "Latency in ms",
            hour,
            {"median": lambda one: one.quantile(0.5), "95th percentile": _slow},
        ),
        lines(
            "Turns that recalled, in %",
            hour,
            {"an adapter was selected": lambda one: 100 * one.recalling / one.turns},
            of=lambda one: one.turns,
            summary=f"{recalling} of {turns} in the last hour",
        ),
        bars("Adapters merged for turns", hour, {"adapters": lambda one: one.adapters}),
    )
    load = parts.memory.load() if caller.tenant_id is None else None
    return page("activity.html", request.scope, charts=charts, load=load)


def _slow(one: Minute) -> float:
    return one.quantile(0.95)


def _answered(one: Minute) -> float:
    return one.requests - one.failed
