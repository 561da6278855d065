"""Tenants, API keys and roles.

A key reads `pm_<id>_<secret>`. It is shown when it is made; kept is the sha256 of its secret part, which
is 256 random bits, so that a stolen table opens nothing and needs no slow hash.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, cast, get_args

from sqlalchemy import ColumnElement, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from memory.backends.sql.database import Database
from memory.backends.sql.tables import accounts, answers, api_keys, jobs, request_counts, served
from memory.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from memory.records import check_name
from memory.server.quotas import UNLIMITED, Quotas

Role = Literal["read", "write", "admin"]  # each includes those before it

ROLES: tuple[Role, ...] = get_args(Role)
_SECRET = re.compile(r"pm_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)
_NOBODYS = hashlib.sha256(b"").hexdigest()  # compared with when there is no key of that id
_QUOTAS = (accounts.c.memories, accounts.c.bytes, accounts.c.requests_per_minute)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever showed a key, and what the key is good for."""

    tenant_id: str | None  # None is an operator, who manages tenants and has no memories
    role: Role
    key_id: str | None  # None where no key was asked for
    quotas: Quotas = UNLIMITED

    def require(self, role: Role) -> None:
        """Refuse a caller whose role is lower. Raises Forbidden."""
        if ROLES.index(self.role) < ROLES.index(role):
            raise Forbidden(f"this needs a key with the role {role!r}, yours has {self.role!r}")

    def require_operator(self) -> None:
        """Refuse a tenant's caller. Raises Forbidden."""
        if self.tenant_id is not None:
            raise Forbidden("this needs an operator's key, one that was made without a tenant")


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key as it may be looked at: all but its secret."""

    id: str
    tenant_id: str | None
    role: Role
    name: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made, with the only copy of its secret."""

    info: KeyInfo
    secret: str = field(repr=False)

    @property
    def id(self) -> str:
        """Of the key."""
        return self.info.id


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant that was let in."""

    id: str
    created_at: datetime
    quotas: Quotas


class Access:
    """Tenants and keys, in SQL. Safe to share between threads."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime] | None = None) -> None:
        self._database = database
        self._clock = clock or database.now

    # -- tenants

    def create_tenant(self, tenant_id: str, quotas: Quotas = UNLIMITED) -> Tenant:
        """Let a tenant in. Raises Conflict when it is there already, InvalidInput for no name."""
        check_name("tenant_id", tenant_id)
        tenant = Tenant(tenant_id, self._clock(), quotas)
        values = {"tenant_id": tenant_id, "created_at": tenant.created_at, **_quota_columns(quotas)}
        with self._database.write() as connection:
            try:
                connection.execute(insert(accounts).values(values))
            except IntegrityError as error:
                raise Conflict(f"there is a tenant {tenant_id!r} already") from error
        return tenant

    def tenants(self) -> list[Tenant]:
        """All of them, by name."""
        with self._database.read() as connection:
            found = [_to_tenant(row) for row in connection.execute(select(accounts))]
        return sorted(found, key=lambda tenant: tenant.id)

    def tenant(self, tenant_id: str) -> Tenant:
        """One. Raises NotFound."""
        with self._database.read() as connection:
            row = connection.execute(select(accounts).where(accounts.c.tenant_id == tenant_id)).first()
        if row is None:
            raise _no_tenant(tenant_id)
        return _to_tenant(row)

    def quotas(self, tenant_id: str) -> Quotas:
        """What a tenant may use; all there is where none was let in, as for anonymous callers."""
        with self._database.read() as connection:
            row = connection.execute(select(*_QUOTAS).where(accounts.c.tenant_id == tenant_id)).first()
        return UNLIMITED if row is None else Quotas(*row)

    def set_quotas(self, tenant_id: str, quotas: Quotas) -> Tenant:
        """Change what a tenant may use, from the next request on. Raises NotFound."""
        this = accounts.c.tenant_id == tenant_id
        with self._database.write() as connection:
            changed = connection.execute(update(accounts).where(this).values(_quota_columns(quotas)))
            if changed.rowcount == 0:
                raise _no_tenant(tenant_id)
        return self.tenant(tenant_id)

    def drop_tenant(self, tenant_id: str) -> None:
        """Shut a tenant out: its keys, jobs and stored answers go; the audit stays. Raises NotFound.

        Its memories are another matter: `Memory.forget_tenant` erases them.
        """
        with self._database.write() as connection:
            for table in (api_keys, request_counts, answers, jobs, served):
                connection.execute(delete(table).where(table.c.tenant_id == tenant_id))
            gone = connection.execute(delete(accounts).where(accounts.c.tenant_id == tenant_id))
            if gone.rowcount == 0:
                raise _no_tenant(tenant_id)

    # -- keys

    def create_key(
        self, tenant_id: str | None, role: Role, *, name: str = "", expires_at: datetime | None = None
    ) -> NewKey:
        """Make a key of a tenant, or an operator's. Raises NotFound for an unknown tenant, InvalidInput."""
        at = self._clock()
        _check_key(role, name, expires_at, at)
        if tenant_id is not None:
            self.tenant(tenant_id)
        key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        info = KeyInfo(key_id, tenant_id, role, name, at, expires_at)
        columns = {name: getattr(info, name) for name in KeyInfo.__slots__}
        with self._database.write() as connection:
            try:
                connection.execute(insert(api_keys).values(**columns, digest=_digest(secret)))
            except IntegrityError as error:  # dropped in between
                raise _no_tenant(str(tenant_id)) from error
        return NewKey(info, f"pm_{key_id}_{secret}")

    def keys(self, tenant_id: str | None) -> list[KeyInfo]:
        """A tenant's keys, or the operators', oldest first; revoked and expired ones too."""
        return self._keys(api_keys.c.tenant_id == tenant_id)

    def every_key(self) -> list[KeyInfo]:
        """The keys of all tenants and operators, oldest first."""
        return self._keys()

    def _keys(self, *those: ColumnElement[bool]) -> list[KeyInfo]:
        wanted = select(api_keys).where(*those).order_by(api_keys.c.created_at, api_keys.c.id)
        with self._database.read() as connection:
            return [_to_key(row) for row in connection.execute(wanted)]

    def revoke(self, tenant_id: str | None, key_id: str) -> KeyInfo:
        """End a key at once; again, nothing changes. Raises NotFound, also for another tenant's key."""
        this = (api_keys.c.id == key_id) & (api_keys.c.tenant_id == tenant_id)
        with self._database.write() as connection:
            unrevoked = update(api_keys).where(this, api_keys.c.revoked_at.is_(None))
            connection.execute(unrevoked.values(revoked_at=self._clock()))
            row = connection.execute(select(api_keys).where(this)).first()
        if row is None:
            raise NotFound(f"no key {key_id!r} here; list the keys to see their ids")
        return _to_key(row)

    def authenticate(self, secret: str) -> Caller:
        """Whose key this is. Raises Unauthenticated, the same for whatever is wrong with it.

        What is compared takes the same time whether or not there is such a key.
        """
        parts = _SECRET.fullmatch(secret)
        key_id, random = parts.groups() if parts else ("", secret)
        row = self._key_row(key_id)
        same = hmac.compare_digest(_digest(random), _NOBODYS if row is None else row.digest)
        if row is None or not same or not _in_force(row, self._clock()):
            raise Unauthenticated("the key is missing, unknown, expired or revoked; ask for a new one")
        return _to_caller(row)

    def caller_of(self, key_id: str) -> Caller:
        """Whoever showed this key before, as long as it is in force. Raises Unauthenticated."""
        row = self._key_row(key_id)
        if row is None or not _in_force(row, self._clock()):
            raise Unauthenticated("the key is expired or revoked; ask for a new one")
        return _to_caller(row)

    def _key_row(self, key_id: str) -> Row[Any] | None:
        columns = select(api_keys, *_QUOTAS).join_from(api_keys, accounts, isouter=True)
        with self._database.read() as connection:
            return connection.execute(columns.where(api_keys.c.id == key_id)).first()


def _check_key(role: str, name: str, expires_at: datetime | None, at: datetime) -> None:
    if role not in ROLES:
        raise InvalidInput(f"the role is {role!r}; give one of {', '.join(ROLES)}")
    check_name("the name of the key", name or None)
    if expires_at is not None and expires_at.tzinfo is None:
        raise InvalidInput(f"expires_at {expires_at} has no time zone; use an aware datetime")
    if expires_at is not None and expires_at <= at:
        raise InvalidInput(f"expires_at {expires_at} has passed; give a moment to come")


def _in_force(row: Row[tuple[object, ...]], at: datetime) -> bool:
    return row.revoked_at is None and (row.expires_at is None or row.expires_at > at)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _quota_columns(quotas: Quotas) -> dict[str, int | None]:
    return {column.name: getattr(quotas, column.name) for column in _QUOTAS}


def _to_tenant(row: Row[tuple[object, ...]]) -> Tenant:
    quotas = Quotas(row.memories, row.bytes, row.requests_per_minute)
    return Tenant(row.tenant_id, row.created_at, quotas)


def _to_caller(row: Row[Any]) -> Caller:
    quotas = Quotas(row.memories, row.bytes, row.requests_per_minute)
    return Caller(row.tenant_id, cast(Role, row.role), row.id, quotas)


def _to_key(row: Row[tuple[object, ...]]) -> KeyInfo:
    return KeyInfo(**{name: getattr(row, name) for name in KeyInfo.__slots__})


def _no_tenant(tenant_id: str) -> NotFound:
    return NotFound(f"no tenant {tenant_id!r}; list the tenants to see their names")
