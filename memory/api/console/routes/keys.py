"""A tenant's keys, for its admins; and the first steps: make one, paste a command, see it arrive."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import Response

from memory.api.callers import TenantDep
from memory.api.console.forms import Fields, Form, moment, whole
from memory.api.console.pages import leads, page
from memory.api.routes.asking import Named
from memory.api.shared import Shared, SharedDep
from memory.records import now
from memory.server.access import ROLES, NewKey, Role

router = APIRouter(prefix="/console", include_in_schema=False)

FIRST_USER = "ana"  # whose memory the first command tells


def made(parts: Shared, tenant_id: str, fields: Fields) -> NewKey:
    """A new key, as a form says it. Raises InvalidInput, NotFound."""
    days = whole(fields, "days")
    ends = None if days is None else now() + timedelta(days=min(days, 36_500))
    role = cast(Role, fields.get("role", "write"))
    return parts.access.create_key(tenant_id, role, name=fields.get("name", ""), expires_at=ends)


@router.get("/keys")
def list_(request: Request, tenant: TenantDep, parts: SharedDep) -> Response:
    """The tenant's keys, without their secrets."""
    keys = parts.access.keys(tenant.id)
    return page("keys.html", request.scope, keys=keys, roles=ROLES, new=None, mine=tenant.caller.key_id)


@router.post("/keys")
def create(request: Request, tenant: TenantDep, parts: SharedDep, fields: Form) -> Response:
    """Make a key; the page shows its secret this once."""
    new = made(parts, tenant.id, fields)
    keys = parts.access.keys(tenant.id)
    return page("keys.html", request.scope, keys=keys, roles=ROLES, new=new, mine=tenant.caller.key_id)


@router.post("/keys/{key_id}/revoke")
def revoke(tenant: TenantDep, parts: SharedDep, key_id: Named) -> Response:
    """End a key at once."""
    parts.access.revoke(tenant.id, key_id)
    return leads("/console/keys")


@router.get("/start")
def start(request: Request, tenant: TenantDep) -> Response:
    """The first steps; where nobody needs a key, the command at once."""
    return _steps(request, None, ready=tenant.caller.key_id is None)


@router.post("/start")
def begin(request: Request, tenant: TenantDep, parts: SharedDep) -> Response:
    """Make a key, and show the command that uses it."""
    return _steps(request, parts.access.create_key(tenant.id, "write", name="first steps"), ready=True)


def _steps(request: Request, key: NewKey | None, *, ready: bool) -> Response:
    return page(
        "start.html",
        request.scope,
        key=key,
        ready=ready,
        user=FIRST_USER,
        server=f"{request.url.scheme}://{request.url.netloc}",
        since=now().isoformat(),
        found=None,
    )


@router.get("/start/arrived")
def arrived(request: Request, tenant: TenantDep, parts: SharedDep, fields: Form) -> Response:
    """What the command told, once it is there."""
    since = moment(fields, "since")
    found = parts.memory.list(since=since, limit=1, user_id=FIRST_USER, tenant_id=tenant.id).records
    return page(
        "arrived.html", request.scope, found=found[0] if found else None, since=fields.get("since", "")
    )
