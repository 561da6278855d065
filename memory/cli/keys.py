"""`memory keys create`, `list` and `revoke`: API keys of the server."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from memory.cli.options import Json, WrongUsage, opened_database
from memory.cli.output import Column, Output
from memory.cli.times import span
from memory.errors import NotFound
from memory.records import now

if TYPE_CHECKING:
    from memory.backends.sql.database import Database
    from memory.server.access import Access, KeyInfo, Role

keys = typer.Typer(help="Create, list and revoke API keys for `memory serve`.")


@keys.command("create")
def create(
    context: typer.Context,
    tenant: Annotated[
        str | None, typer.Option("--tenant", "-t", metavar="NAME", help="Tenant; created if new.")
    ] = None,
    operator: Annotated[
        bool, typer.Option("--operator", help="Operator key: manages tenants and their keys.")
    ] = False,
    role: Annotated[
        str | None,
        typer.Option(
            "--role",
            "-r",
            metavar="ROLE",
            help="read, write or admin; each includes the previous. By default write; of an operator, admin.",
        ),
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Label of the key.")] = "",
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="TIME", help="Lifetime: 90d, 12h, 2w.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create an API key and show it once: only its hash is stored."""
    if (tenant is None) != operator:
        raise WrongUsage("whose key? name a --tenant, or give --operator")
    ends = None if expires is None else _ends(expires)
    role = role or ("admin" if operator else "write")
    out = Output(as_json)
    with opened_database(context) as database:
        access = _access(database)
        is_new = tenant is not None and _let_in(access, tenant)
        made = access.create_key(tenant, _role(role), name=name, expires_at=ends)
        _audit(database, tenant, "keys create", made.id)
    if is_new:
        out.note(f"Created tenant {tenant}.")
    said = [("key", made.secret), ("id", made.id), ("tenant", tenant), ("role", role), ("expires", ends)]
    out.pairs([(what, value) for what, value in said if value is not None], _document(made.info, made.secret))
    if out.terminal:
        out.note("Save it now: it cannot be shown again.")


@keys.command("list")
def list_(
    context: typer.Context,
    tenant: Annotated[
        str | None, typer.Option("--tenant", "-t", metavar="NAME", help="Only this tenant.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List keys, oldest first, without their secrets."""
    out = Output(as_json)
    with opened_database(context) as database:
        access = _access(database)
        found = access.every_key() if tenant is None else access.keys(access.tenant(tenant).id)
    out.rows(found, _KEYS, {"keys": [_document(key) for key in found]})


@keys.command("revoke")
def revoke(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="Key id, as `memory keys list` shows it.")],
    as_json: Json = False,
) -> None:
    """Revoke a key immediately and permanently."""
    out = Output(as_json)
    with opened_database(context) as database:
        access = _access(database)
        known = {key.id: key for key in access.every_key()}
        if key_id not in known:
            raise NotFound(f"no key {key_id!r}; `memory keys list` shows their ids")
        revoked = access.revoke(known[key_id].tenant_id, key_id)
        _audit(database, revoked.tenant_id, "keys revoke", key_id)
    out.pairs([("id", revoked.id), ("revoked", revoked.revoked_at)], _document(revoked))


def _access(database: Database) -> Access:
    from memory.server.access import Access

    return Access(database)


def _audit(database: Database, tenant_id: str | None, action: str, key_id: str) -> None:
    from memory.server.audit import Audit

    Audit(database).record(tenant_id, None, action, key_id)


def _let_in(access: Access, tenant_id: str) -> bool:
    """Make the tenant where it is new; returns whether it was."""
    try:
        access.tenant(tenant_id)
    except NotFound:
        access.create_tenant(tenant_id)
        return True
    return False


def _role(given: str) -> Role:
    from memory.server.access import ROLES

    for role in ROLES:
        if role == given:
            return role
    raise WrongUsage(f"the role is {given!r}; give one of {', '.join(ROLES)}")


def _ends(given: str) -> datetime:
    """So long from now."""
    lifetime = span(given, "--expires")
    try:
        ends = now() + lifetime
    except OverflowError as error:
        raise WrongUsage(f"--expires is {given!r}; that is too long") from error
    if ends <= now():
        raise WrongUsage(f"--expires is {given!r}; a key lives for a while, such as 12h or 90d")
    return ends


def _document(key: KeyInfo, secret: str | None = None) -> dict[str, object]:
    shown = {what: getattr(key, what) for what in type(key).__slots__}
    return shown if secret is None else {"key": secret, **shown}


def _state(key: KeyInfo) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now() else "in force"


_KEYS: tuple[Column[KeyInfo], ...] = (
    Column("id", lambda key: key.id, style="cyan", fit="whole"),
    Column("tenant", lambda key: key.tenant_id or "(operator)", fit="crop"),
    Column("role", lambda key: key.role),
    Column("name", lambda key: key.name, fit="crop"),
    Column("state", _state),
    Column("created", lambda key: key.created_at, fit="whole"),
    Column("expires", lambda key: key.expires_at, fit="whole"),
)
