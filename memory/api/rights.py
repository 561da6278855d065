"""The permission table: which keys may call which route. A route that is not in it answers 404."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from starlette.routing import compile_path

from memory.errors import Forbidden
from memory.server.access import Caller, Role

Kind = Literal["anyone", "tenant", "operator", "either"]


@dataclass(frozen=True, slots=True)
class Right:
    """Who may call a route."""

    kind: Kind  # whose keys open it
    role: Role = "read"  # the lowest that does
    writes: bool = False  # put on record by the audit
    keyless: bool = False  # also for those who need no key

    def check(self, caller: Caller) -> None:
        """Refuse a caller whose key does not reach that far. Raises Forbidden."""
        if self.kind == "operator" and not (self.keyless and caller.key_id is None):
            caller.require_operator()
        elif self.kind == "tenant" and caller.tenant_id is None:
            raise Forbidden("an operator's key has no memories; use a tenant's key")
        caller.require(self.role)


_OPEN = Right("anyone")
_READ = Right("tenant")
_WRITE = Right("tenant", "write", writes=True)
_EXPORT = Right("tenant", "read", writes=True)
_KEYS, _NEW_KEYS = Right("tenant", "admin"), Right("tenant", "admin", writes=True)
_TENANTS = Right("operator")
_MANAGE = Right("operator", "write", writes=True)
_RULE, _NEW_RULE = Right("operator", "admin"), Right("operator", "admin", writes=True)

METRICS = "/metrics"  # with MEMORY_OPEN_METRICS, for anyone
CHAT_REMEMBERS: Role = "write"  # a chat that is remembered needs this role; one that is not, `read`
TOOL_WRITES: Role = "write"  # a tool of /mcp that stores or erases needs this role; those that read, `read`
WHOLE_TENANT: Role = "admin"  # an export of everybody's needs this role; one of a user's, `read`

RIGHTS: Mapping[tuple[str, str], Right] = {
    ("GET", "/health/live"): _OPEN,
    ("GET", "/health/ready"): _OPEN,
    ("GET", "/docs"): _OPEN,
    ("GET", "/docs/{file}"): _OPEN,
    ("GET", "/openapi.json"): _OPEN,
    ("GET", METRICS): Right("operator", keyless=True),
    ("GET", "/"): _OPEN,
    ("GET", "/console"): Right("either"),
    ("GET", "/console/static/{file}"): _OPEN,
    ("GET", "/console/sign-in"): _OPEN,
    ("POST", "/console/sign-in"): _OPEN,
    ("POST", "/console/sign-out"): _OPEN,
    ("GET", "/console/ask"): _READ,
    ("POST", "/console/ask"): _READ,
    ("GET", "/console/memories"): _READ,
    ("POST", "/console/memories"): _WRITE,
    ("GET", "/console/memories/{memory_id}"): _READ,
    ("POST", "/console/memories/{memory_id}"): _WRITE,
    ("POST", "/console/memories/{memory_id}/forget"): _WRITE,
    ("GET", "/console/people"): _READ,
    ("GET", "/console/people/one"): _READ,
    ("POST", "/console/documents"): _WRITE,
    ("POST", "/console/export"): _EXPORT,
    ("POST", "/console/erase"): _WRITE,
    ("GET", "/console/jobs"): _READ,
    ("GET", "/console/jobs/{job_id}"): _READ,
    ("POST", "/console/jobs/{job_id}/retry"): _WRITE,
    ("POST", "/console/jobs/{job_id}/cancel"): _WRITE,
    ("GET", "/console/exports/{job_id}"): _READ,
    ("POST", "/console/compact"): _WRITE,
    ("GET", "/console/activity"): Right("either"),
    ("GET", "/console/keys"): _KEYS,
    ("POST", "/console/keys"): _NEW_KEYS,
    ("POST", "/console/keys/{key_id}/revoke"): _NEW_KEYS,
    ("GET", "/console/start"): _KEYS,
    ("POST", "/console/start"): _NEW_KEYS,
    ("GET", "/console/start/arrived"): _KEYS,
    ("GET", "/console/audit"): Right("either", "admin"),
    ("GET", "/console/tenants"): _TENANTS,
    ("POST", "/console/tenants"): _MANAGE,
    ("GET", "/console/tenants/one"): _TENANTS,
    ("POST", "/console/tenants/quotas"): _MANAGE,
    ("POST", "/console/tenants/keys"): _NEW_RULE,
    ("POST", "/console/tenants/keys/{key_id}/revoke"): _NEW_RULE,
    ("POST", "/console/tenants/drop"): _NEW_RULE,
    ("POST", "/mcp"): _READ,
    ("GET", "/v1/memories"): _READ,
    ("POST", "/v1/memories"): _WRITE,
    ("GET", "/v1/memories/{memory_id}"): _READ,
    ("PATCH", "/v1/memories/{memory_id}"): _WRITE,
    ("DELETE", "/v1/memories/{memory_id}"): _WRITE,
    ("GET", "/v1/memories/{memory_id}/history"): _READ,
    ("POST", "/v1/search"): _READ,
    ("POST", "/v1/select"): _READ,
    ("POST", "/v1/explain"): _READ,
    ("POST", "/v1/recall"): _READ,
    ("GET", "/v1/sessions"): _READ,
    ("GET", "/v1/sessions/{session_id:path}/turns"): _READ,
    ("POST", "/v1/sessions/{session_id:path}/turns"): _WRITE,
    ("POST", "/v1/forget"): _WRITE,
    ("GET", "/v1/holdings"): _READ,
    ("GET", "/v1/status"): _READ,
    ("POST", "/v1/tokens"): _READ,
    ("POST", "/v1/compact"): _WRITE,
    ("POST", "/v1/export"): _EXPORT,
    ("GET", "/v1/export/{job_id}"): _READ,
    ("POST", "/v1/import"): _WRITE,
    ("GET", "/v1/jobs"): _READ,
    ("GET", "/v1/jobs/{job_id}"): _READ,
    ("POST", "/v1/jobs/{job_id}/retry"): _WRITE,
    ("POST", "/v1/jobs/{job_id}/cancel"): _WRITE,
    ("POST", "/v1/chat/completions"): _READ,
    ("POST", "/v1/responses"): _READ,
    ("GET", "/v1/models"): _READ,
    ("GET", "/v1/models/{model:path}"): _READ,
    ("GET", "/v1/skills"): _READ,
    ("POST", "/v1/skills"): _WRITE,
    ("GET", "/v1/adapters/{memory_id}"): _READ,
    ("GET", "/v1/keys"): _KEYS,
    ("POST", "/v1/keys"): _NEW_KEYS,
    ("DELETE", "/v1/keys/{key_id}"): _NEW_KEYS,
    ("GET", "/v1/audit"): Right("either", "admin"),
    ("GET", "/v1/tenants"): _TENANTS,
    ("POST", "/v1/tenants"): _MANAGE,
    ("GET", "/v1/tenants/{tenant_id}"): _TENANTS,
    ("DELETE", "/v1/tenants/{tenant_id}"): _NEW_RULE,
    ("PUT", "/v1/tenants/{tenant_id}/quotas"): _MANAGE,
    ("GET", "/v1/tenants/{tenant_id}/keys"): _RULE,
    ("POST", "/v1/tenants/{tenant_id}/keys"): _NEW_RULE,
    ("DELETE", "/v1/tenants/{tenant_id}/keys/{key_id}"): _NEW_RULE,
}


@dataclass(frozen=True, slots=True)
class Found:
    """What an address leads to."""

    template: str
    params: Mapping[str, str]
    rights: Mapping[str, Right]  # by method


def _compiled() -> list[tuple[re.Pattern[str], str, dict[str, Right]]]:
    by_path: dict[str, dict[str, Right]] = {}
    for (method, template), right in RIGHTS.items():
        by_path.setdefault(template, {})[method] = right
    return [(compile_path(template)[0], template, rights) for template, rights in by_path.items()]


_PATHS = _compiled()


def found(path: str) -> Found | None:
    """The route of a path, in the order of the table; None where there is none."""
    for pattern, template, rights in _PATHS:
        if match := pattern.match(path):
            return Found(template, match.groupdict(), rights)
    return None
