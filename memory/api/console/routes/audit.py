"""The audit: which key wrote what, and which calls were denied."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from memory.api.callers import CallerDep
from memory.api.console.forms import Form
from memory.api.console.pages import page
from memory.api.shared import SharedDep

router = APIRouter(prefix="/console", include_in_schema=False)

_PAGE = 100


@router.get("/audit")
def audit(request: Request, caller: CallerDep, parts: SharedDep, fields: Form) -> Response:
    """The tenant's, or, for an operator, what operators did and calls with no good key."""
    assert caller is not None
    found = parts.audit.page(caller.tenant_id, fields.get("cursor"), _PAGE)
    return page("audit.html", request.scope, found=found)
