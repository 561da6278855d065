"""Templates into answers, with the headers that a page needs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Scope

from memory.api.console.shown import FILTERS
from memory.server.access import Caller

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",  # with none, browsers would not say where a form comes from
}

_TENANTS = ("Ask", "Memories", "People", "Jobs", "Activity", "Keys", "Audit")
_OPERATORS = ("Tenants", "Activity", "Audit")
_ADMINS = ("Keys", "Audit")


@cache
def _templates() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("memory.api.console", "templates")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    made.filters |= FILTERS
    return made


def page(name: str, scope: Scope, status: int = 200, **given: Any) -> HTMLResponse:
    """A page, or part of one, for whoever sends the request."""
    caller: Caller | None = scope.get("state", {}).get("caller")
    seen = {"caller": caller, "path": scope.get("path", ""), "pages": _pages(caller)}
    html = _templates().get_template(name).render(**seen, **given)
    return HTMLResponse(html, status, headers=HEADERS)


def _pages(caller: Caller | None) -> list[tuple[str, str]]:
    """The pages that a caller has."""
    if caller is None:
        return []
    names = _OPERATORS if caller.tenant_id is None else _TENANTS
    allowed = names if caller.role == "admin" else [name for name in names if name not in _ADMINS]
    return [(name, f"/console/{name.lower()}") for name in allowed]


def leads(path: str) -> RedirectResponse:
    """To another page, to be read there."""
    return RedirectResponse(path, 303)


def problem_page(status: int, detail: str, headers: Mapping[str, str], scope: Scope) -> Response:
    """An error as a page; whoever is not signed in gets the form for that."""
    if status == 401:
        form = page("sign_in.html", scope, 401, wrong=None)
        form.headers["HX-Redirect"] = "/console"  # for a page that asks for a part of itself
        return form
    shown = page("problem.html", scope, status, title=HTTPStatus(status).phrase, detail=detail)
    shown.headers.update(dict(headers))
    return shown
