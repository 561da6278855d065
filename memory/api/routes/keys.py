"""/v1/keys: a tenant's admin makes and revokes its keys."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, Field

from memory.api.callers import TenantDep
from memory.api.incoming import Parsed
from memory.api.routes.asking import Named
from memory.api.schemas.parts import Time, example, example_of
from memory.api.shared import SharedDep
from memory.records import MAX_NAME
from memory.server.access import Access, KeyInfo, NewKey, Role

router = APIRouter(route_class=Parsed, prefix="/v1/keys", tags=["keys"])


class KeyIn(BaseModel):
    """A key to make."""

    model_config = example(role="write", name="support bot")

    role: Role = Field(description="read; write, which includes it; or admin, which includes both.")
    name: str = Field("", max_length=MAX_NAME, description="To tell keys apart.")
    expires_at: Time | None = None

    def made(self, access: Access, tenant_id: str) -> NewKey:
        return access.create_key(tenant_id, self.role, name=self.name, expires_at=self.expires_at)


class KeyOut(BaseModel):
    """A key, without its secret."""

    model_config = example(
        id="5f1d7a84c2b96e03",
        role="write",
        name="support bot",
        created_at="2026-05-04T12:00:00Z",
        expires_at=None,
        revoked_at=None,
    )

    id: str
    role: Role
    name: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, info: KeyInfo) -> Self:
        return cls(**{name: getattr(info, name) for name in KeyOut.model_fields})


class NewKeyOut(KeyOut):
    """A key just made."""

    model_config = example(**example_of(KeyOut), secret="pm_5f1d7a84c2b96e03_...")

    secret: str = Field(
        description="What callers send as their bearer token; shown this once.", examples=["pm_5f1d7a84_..."]
    )

    @classmethod
    def of_new(cls, key: NewKey) -> Self:
        return cls(**KeyOut.of(key.info).model_dump(), secret=key.secret)


class KeysOut(BaseModel):
    """A tenant's keys, oldest first; revoked and expired ones too."""

    model_config = example(keys=[example_of(KeyOut)])

    keys: list[KeyOut]


@router.get("", response_model=KeysOut)
def list_(tenant: TenantDep, parts: SharedDep) -> KeysOut:
    """The tenant's keys, without their secrets."""
    return KeysOut(keys=[KeyOut.of(key) for key in parts.access.keys(tenant.id)])


@router.post("", status_code=201, response_model=NewKeyOut)
def create(tenant: TenantDep, parts: SharedDep, given: KeyIn) -> NewKeyOut:
    """Make a key. Its secret is shown this once."""
    return NewKeyOut.of_new(given.made(parts.access, tenant.id))


@router.delete("/{key_id}", response_model=KeyOut)
def revoke(tenant: TenantDep, parts: SharedDep, key_id: Named) -> KeyOut:
    """End a key at once."""
    return KeyOut.of(parts.access.revoke(tenant.id, key_id))
