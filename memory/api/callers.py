"""Who calls: a key in `Authorization: Bearer`, or nobody where that is allowed."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from memory.api.shared import Parts, Shared
from memory.errors import Forbidden, Unauthenticated
from memory.server.access import Caller, Role

_bearer = HTTPBearer(auto_error=False, description="A key, as `memory keys create` shows it once.")

Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


@dataclass(frozen=True, slots=True)
class Tenant:
    """A caller that has memories: every call in its name stays inside `id`."""

    id: str
    caller: Caller


def caller(request: Request, parts: Parts, credentials: Credentials) -> Caller:
    """Whoever calls. Raises Unauthenticated, and QuotaExceeded for too many requests a minute."""
    found = _identified(request, parts, credentials)
    request.state.caller = found
    parts.limiter.check(found.tenant_id, found.quotas)
    return found


Called = Annotated[Caller, Depends(caller)]


def needs(role: Role, *, writes: bool = False) -> Callable[..., Tenant]:
    """A dependency: the tenant whose key has the role. What writes is put on record by the audit."""

    def tenant(request: Request, found: Called) -> Tenant:
        request.state.writes = writes
        if found.tenant_id is None:
            raise Forbidden("an operator's key has no memories; use a tenant's key")
        found.require(role)
        return Tenant(found.tenant_id, found)

    return tenant


def operator(request: Request, found: Called) -> None:
    """A dependency: an operator, who manages tenants."""
    request.state.writes = request.method != "GET"
    found.require_operator()


Reader = Annotated[Tenant, Depends(needs("read"))]
Writer = Annotated[Tenant, Depends(needs("write", writes=True))]
AdminReader = Annotated[Tenant, Depends(needs("admin"))]
Admin = Annotated[Tenant, Depends(needs("admin", writes=True))]


def _identified(request: Request, parts: Shared, credentials: Credentials) -> Caller:
    shown = "" if credentials is None else credentials.credentials
    settings = parts.memory.settings
    ours = shown.startswith("pm_")  # clients that insist on a key send one they made up
    if settings.anonymous and not ours and from_here(request):
        return Caller(settings.tenant, "admin", None)
    if shown:
        return parts.access.authenticate(shown)
    raise Unauthenticated("give a key: Authorization: Bearer pm_...; `memory keys create` makes one")


def from_here(request: Request) -> bool:
    """Whether a program on this machine asks, and not a web page that it shows.

    A page can send requests to this machine; it gives itself away by its Origin, or, where its name was
    made to point here, by the Host it asks for.
    """
    client = request.client.host if request.client is not None else ""
    asked = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    origin = request.headers.get("origin")
    page = origin is None or is_loopback(urlsplit(origin).hostname or "")
    return is_loopback(client) and is_loopback(asked) and page


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
