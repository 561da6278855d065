"""Authentication: a bearer key, or an anonymous caller where that is allowed."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers
from starlette.types import Scope

from memory.api.console import signed_in
from memory.api.origins import hostname
from memory.api.shared import Shared
from memory.errors import Unauthenticated
from memory.server.access import Caller

_bearer = HTTPBearer(auto_error=False, description="A key, as `memory keys create` shows it once.")

Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]

# What proxies add: behind one, whoever calls from this machine may be anybody.
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


@dataclass(frozen=True, slots=True)
class CallingTenant:
    """A caller that has memories: every call in its name stays inside `id`."""

    id: str
    caller: Caller


# Async, as every dependency that waits for nothing: FastAPI has threads call the others, one after the other.
async def caller(request: Request, credentials: Credentials) -> Caller | None:  # noqa: ARG001  described, and read at the door
    """Whoever calls, as the door found out."""
    found: Caller | None = request.state.caller
    return found


CallerDep = Annotated[Caller | None, Depends(caller)]


async def tenant(found: CallerDep) -> CallingTenant:
    """The tenant that calls; whether its key reaches this far, the door has checked (`rights`)."""
    assert found is not None
    assert found.tenant_id is not None
    return CallingTenant(found.tenant_id, found)


TenantDep = Annotated[CallingTenant, Depends(tenant)]


def identified(scope: Scope, parts: Shared) -> Caller:
    """Whoever sends a request. Raises Unauthenticated."""
    headers = Headers(scope=scope)
    scheme, _, shown = headers.get("authorization", "").partition(" ")
    shown = shown.strip() if scheme.lower() == "bearer" else ""
    settings = parts.memory.settings
    ours = shown.startswith("pm_")  # clients that insist on a key send one they made up
    in_console = signed_in.in_console(scope["path"]) and not shown
    if in_console:
        key_id = parts.signed_in.key_of(scope)
        if key_id is not None:
            signed_in.check_origin(scope)
            return parts.access.caller_of(key_id)
    if settings.anonymous and not ours and _from_here(scope, headers):
        if in_console:
            signed_in.check_origin(scope)
        return Caller(settings.tenant, "admin", None)
    if shown:
        return parts.access.authenticate(shown)
    if in_console:
        raise Unauthenticated("Sign in with an API key.")
    raise Unauthenticated("give a key: Authorization: Bearer pm_...; `memory keys create` makes one")


def _from_here(scope: Scope, headers: Headers) -> bool:
    """Whether nothing speaks against it that a program on this machine asks.

    Letting anybody in is decided by the settings alone. This refuses web pages, which give themselves away
    by their Origin, or, where their name was made to point here, by the Host they ask for; and proxies that
    say that they are one.
    """
    client = (scope.get("client") or ("", 0))[0]
    asked = hostname(f"//{headers.get('host', '')}")
    origin = headers.get("origin")
    page = origin is not None and not is_loopback(hostname(origin))
    forwarded = any(name in headers for name in _FORWARDED)
    return is_loopback(client) and is_loopback(asked) and not page and not forwarded


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
