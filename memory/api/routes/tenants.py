"""/v1/tenants: for operators: who may have memories here, how many, and the keys of each."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from memory.api.callers import caller
from memory.api.incoming import Parsed
from memory.api.routes.asking import Named
from memory.api.routes.keys import KeyIn, KeyOut, KeysOut, NewKeyOut
from memory.api.schemas.parts import Name, example, example_of
from memory.api.shared import SharedDep
from memory.records import Scope
from memory.server.access import Tenant
from memory.server.quotas import Quotas

router = APIRouter(route_class=Parsed, prefix="/v1/tenants", tags=["tenants"], dependencies=[Depends(caller)])


class QuotasIn(BaseModel):
    """What a tenant may use; what is null or left out is not limited."""

    model_config = example(memories=100_000, bytes=2_000_000_000, requests_per_minute=600)

    memories: int | None = Field(default=None, ge=0, lt=2**62)
    bytes: int | None = Field(
        default=None,
        ge=0,
        lt=2**62,
        description="Of adapters, texts, metadata, turns, jobs, kept answers and archives.",
    )
    requests_per_minute: int | None = Field(default=None, ge=0, lt=2**31)

    def quotas(self) -> Quotas:
        return Quotas(self.memories, self.bytes, self.requests_per_minute)


class TenantIn(BaseModel):
    """A tenant to let in."""

    model_config = example(id="acme", quotas={"requests_per_minute": 600})

    id: Name = Field(examples=["acme"])
    quotas: QuotasIn = QuotasIn()


class TenantOut(BaseModel):
    """A tenant."""

    model_config = example(
        id="acme",
        created_at="2026-05-04T12:00:00Z",
        quotas={"memories": None, "bytes": None, "requests_per_minute": 600},
    )

    id: str
    created_at: datetime
    quotas: QuotasIn

    @classmethod
    def of(cls, tenant: Tenant) -> Self:
        q = tenant.quotas
        quotas = QuotasIn(memories=q.memories, bytes=q.bytes, requests_per_minute=q.requests_per_minute)
        return cls(id=tenant.id, created_at=tenant.created_at, quotas=quotas)


class TenantsOut(BaseModel):
    """All tenants, by name."""

    model_config = example(tenants=[example_of(TenantOut)])

    tenants: list[TenantOut]


@router.get("", response_model=TenantsOut)
def list_(parts: SharedDep) -> TenantsOut:
    """All tenants."""
    return TenantsOut(tenants=[TenantOut.of(one) for one in parts.access.tenants()])


@router.post("", status_code=201, response_model=TenantOut)
def create(parts: SharedDep, given: TenantIn) -> TenantOut:
    """Let a tenant in."""
    return TenantOut.of(parts.access.create_tenant(given.id, given.quotas.quotas()))


@router.get("/{tenant_id}", response_model=TenantOut)
def get(parts: SharedDep, tenant_id: Named) -> TenantOut:
    """One tenant."""
    return TenantOut.of(parts.access.tenant(tenant_id))


@router.put("/{tenant_id}/quotas", response_model=TenantOut)
def set_quotas(parts: SharedDep, tenant_id: Named, given: QuotasIn) -> TenantOut:
    """Change what a tenant may use, from its next request on."""
    return TenantOut.of(parts.access.set_quotas(tenant_id, given.quotas()))


@router.delete("/{tenant_id}", status_code=204)
def drop(parts: SharedDep, tenant_id: Named) -> None:
    """Shut a tenant out and erase all it has. The audit stays; interrupted, it can be asked for again."""
    parts.access.tenant(tenant_id)
    for key in parts.access.keys(tenant_id):  # first of all, so that nothing new comes in
        parts.access.revoke(tenant_id, key.id)
    parts.erase_jobs(Scope(tenant_id=tenant_id))
    parts.memory.forget_tenant(tenant_id)
    parts.archives.drop(tenant_id)
    parts.access.drop_tenant(tenant_id)


@router.get("/{tenant_id}/keys", response_model=KeysOut)
def keys(parts: SharedDep, tenant_id: Named) -> KeysOut:
    """A tenant's keys, without their secrets."""
    parts.access.tenant(tenant_id)
    return KeysOut(keys=[KeyOut.of(key) for key in parts.access.keys(tenant_id)])


@router.post("/{tenant_id}/keys", status_code=201, response_model=NewKeyOut)
def create_key(parts: SharedDep, tenant_id: Named, given: KeyIn) -> NewKeyOut:
    """Make a key of a tenant. Its secret is shown this once."""
    return NewKeyOut.of_new(given.made(parts.access, tenant_id))


@router.delete("/{tenant_id}/keys/{key_id}", response_model=KeyOut)
def revoke_key(parts: SharedDep, tenant_id: Named, key_id: Named) -> KeyOut:
    """End a tenant's key at once."""
    return KeyOut.of(parts.access.revoke(tenant_id, key_id))
