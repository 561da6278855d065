"""Signing in and out, and the files of the pages."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from starlette.exceptions import HTTPException

from memory.api.callers import CallerDep
from memory.api.console.forms import Form, needed
from memory.api.console.pages import leads, page
from memory.api.console.signed_in import COOKIE, LASTS_S, check_origin
from memory.api.shared import SharedDep
from memory.errors import Unauthenticated

router = APIRouter(prefix="/console", include_in_schema=False)
entrance = APIRouter(include_in_schema=False)

_STATIC = Path(__file__).parent.parent / "static"
_FILES = ("style.css", "icon.svg", "htmx-2.0.11.min.js")


@entrance.get("/")
def entered() -> Response:
    """Whoever opens the server's address in a browser."""
    return leads("/console")


@router.get("")
def home(caller: CallerDep, parts: SharedDep) -> Response:
    """The first page; operators have no memories to ask, and who has none yet takes the first steps."""
    assert caller is not None
    if caller.tenant_id is None:
        return leads("/console/tenants")
    new = caller.role == "admin" and not parts.memory.stats(tenant_id=caller.tenant_id).memories
    return leads("/console/start" if new else "/console/ask")


@router.get("/static/{file}")
def static(file: str) -> FileResponse:
    """A file of the pages."""
    if file not in _FILES:
        raise HTTPException(404, "there is no such file")
    return FileResponse(_STATIC / file)


@router.get("/sign-in")
def form(request: Request) -> Response:
    """The form that takes a key."""
    return page("sign_in.html", request.scope, wrong=None)


@router.post("/sign-in")
def sign_in(request: Request, parts: SharedDep, fields: Form) -> Response:
    """Begin a session, whose cookie is no key."""
    key = needed(fields, "key")
    check_origin(request.scope)
    address = request.client.host if request.client else ""
    parts.signed_in.check_attempts(address)
    try:
        caller = parts.access.authenticate(key)
    except Unauthenticated as error:
        parts.signed_in.failed(address)
        return page("sign_in.html", request.scope, 401, wrong=str(error))
    answer = leads("/console")
    answer.set_cookie(
        COOKIE,
        parts.signed_in.begin(caller.key_id or ""),
        max_age=LASTS_S,
        path="/console",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


@router.post("/sign-out")
def sign_out(request: Request, parts: SharedDep) -> Response:
    """End the session."""
    parts.signed_in.end(request.scope)
    answer = leads("/console/sign-in")
    answer.delete_cookie(COOKIE, path="/console", httponly=True, samesite="strict")
    return answer
