"""For operators: tenants, their quotas and keys."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from memory.api.console.forms import Fields, Form, needed, whole
from memory.api.console.pages import leads, page
from memory.api.console.routes.keys import made
from memory.api.routes import tenants
from memory.api.routes.asking import Named
from memory.api.shared import Shared, SharedDep
from memory.errors import InvalidInput
from memory.server.access import ROLES, NewKey
from memory.server.quotas import Quotas

router = APIRouter(prefix="/console/tenants", include_in_schema=False)


@router.get("")
def list_(request: Request, parts: SharedDep) -> Response:
    """All tenants."""
    return page("tenants.html", request.scope, tenants=parts.access.tenants())


@router.post("")
def create(parts: SharedDep, fields: Form) -> Response:
    """Let a tenant in."""
    return leads(_address(parts.access.create_tenant(needed(fields, "id"), _quotas(fields)).id))


@router.get("/one")
def one(request: Request, parts: SharedDep, fields: Form) -> Response:
    """One tenant, what it has, its quotas and keys."""
    return _shown(request, parts, needed(fields, "id"))


@router.post("/quotas")
def set_quotas(parts: SharedDep, fields: Form) -> Response:
    """Change what a tenant may use; what is empty is not limited."""
    return leads(_address(parts.access.set_quotas(needed(fields, "id"), _quotas(fields)).id))


@router.post("/keys")
def create_key(request: Request, parts: SharedDep, fields: Form) -> Response:
    """Make a key of a tenant; the page shows its secret this once."""
    tenant_id = needed(fields, "id")
    return _shown(request, parts, tenant_id, made(parts, tenant_id, fields))


@router.post("/keys/{key_id}/revoke")
def revoke_key(parts: SharedDep, key_id: Named, fields: Form) -> Response:
    """End a tenant's key at once."""
    tenant_id = needed(fields, "id")
    parts.access.revoke(tenant_id, key_id)
    return leads(_address(tenant_id))


@router.post("/drop")
def drop(parts: SharedDep, fields: Form) -> Response:
    """Shut a tenant out, and erase all it has."""
    tenant_id = needed(fields, "id")
    if needed(fields, "confirm") != tenant_id:
        raise InvalidInput("the name was not typed as it is; nothing was erased")
    tenants.drop(parts, tenant_id)
    return leads("/console/tenants")


def _shown(request: Request, parts: Shared, tenant_id: str, new: NewKey | None = None) -> Response:
    return page(
        "tenant.html",
        request.scope,
        tenant=parts.access.tenant(tenant_id),
        stats=parts.memory.stats(tenant_id=tenant_id),
        keys=parts.access.keys(tenant_id),
        roles=ROLES,
        new=new,
    )


def _quotas(fields: Fields) -> Quotas:
    return Quotas(*(whole(fields, name) for name in ("memories", "bytes", "requests_per_minute")))


def _address(tenant_id: str) -> str:
    return f"/console/tenants/one?{urlencode({'id': tenant_id})}"
