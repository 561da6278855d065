"""Tenant and scope filters: the only module that builds them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BindParameter, ColumnElement, Table, and_, bindparam, func, or_

from memory.backends.sql.tables import UtcDateTime, history, memories
from memory.ports.work import name_digest
from memory.records import SCOPE_FIELDS, Scope

AT = bindparam("at", type_=UtcDateTime())  # the moment, for statements that are made once


def scope_columns(scope: Scope) -> dict[str, str]:
    """Column values for a row written in the scope; a field not given is ''."""
    return {"tenant_id": scope.tenant_id} | {field: getattr(scope, field) or "" for field in SCOPE_FIELDS}


def within(table: Table, scope: Scope) -> ColumnElement[bool]:
    """Rows of the tenant that match each field the scope gives."""
    given = [
        table.c[field] == value for field in SCOPE_FIELDS if (value := getattr(scope, field)) is not None
    ]
    return and_(table.c.tenant_id == scope.tenant_id, *given)


def exactly(table: Table, scope: Scope) -> ColumnElement[bool]:
    """Rows written in this very scope: a field not given matches only a field not given."""
    return and_(*(table.c[column] == value for column, value in scope_columns(scope).items()))


def bound(table: Table) -> ColumnElement[bool]:
    """`exactly`, its values to be given as `scope_columns` has them: for statements that are made once."""
    return and_(*(table.c[column] == bindparam(column) for column in ("tenant_id", *SCOPE_FIELDS)))


def given(scope: Scope) -> dict[str, str]:
    """The tenant, and the fields that the scope gives."""
    fields = {field: getattr(scope, field) for field in SCOPE_FIELDS}
    return {"tenant_id": scope.tenant_id} | {
        field: name for field, name in fields.items() if name is not None
    }


def bound_within(table: Table, names: tuple[str, ...]) -> ColumnElement[bool]:
    """`within` a scope that gives these fields, its values to be given as `given` has them."""
    return and_(*(table.c[column] == bindparam(column) for column in names))


def covering(table: Table) -> ColumnElement[bool]:
    """Rows of the tenant whose own scope takes in one: a field they have not is open.

    That one's values are to be given as `scope_columns` has them. The scope's columns are wrapped, so that no
    planner reads all that a user ever told to find a few rows.
    """
    wrapped = {field: func.coalesce(table.c[field], "") for field in SCOPE_FIELDS}
    fields = [or_(wrapped[field] == "", wrapped[field] == bindparam(field)) for field in SCOPE_FIELDS]
    return and_(table.c.tenant_id == bindparam("tenant_id"), *fields)


def unexpired(table: Table, at: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Rows whose end, if they have one, has not come."""
    ends = table.c.expires_at
    return or_(ends.is_(None), ends > at)


def alive(table: Table, scope: Scope, at: datetime) -> ColumnElement[bool]:
    """Rows of the scope that have not expired: all that any read can see."""
    return and_(within(table, scope), unexpired(table, at))


def visible(scope: Scope, at: datetime) -> ColumnElement[bool]:
    """Memories of the scope that hold now: what reads see that find."""
    return and_(within(memories, scope), holding(at))


def holding(at: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Memories that have not expired and hold now, whosever they are."""
    begins, ends = memories.c.valid_from, memories.c.valid_until
    holds = and_(or_(begins.is_(None), begins <= at), or_(ends.is_(None), ends > at))
    return and_(unexpired(memories, at), holds)


def held(table: Table, scope: Scope, at: datetime, as_of: datetime) -> ColumnElement[bool]:
    """Passages of the scope, not expired by now, that held at an earlier time; no compacted memories."""
    ends = table.c.valid_until
    since = func.coalesce(table.c.valid_from, table.c.created_at)
    held = and_(alive(table, scope, at), since <= as_of, or_(ends.is_(None), ends > as_of))
    return and_(held, table.c.compacted == 0) if "compacted" in table.c else held


def touching_digests(table: Table, tenant_id: str, names: tuple[str, ...]) -> ColumnElement[bool]:
    """Rows whose scope, kept as digests, may overlap with these digests: where both have one, they are equal.

    Wider than `within`: erasing one session of Ana's takes the answer that was given to Ana without a
    session too, for it may say what that session said.
    """
    given = [
        table.c[field].in_((digest, "")) for field, digest in zip(SCOPE_FIELDS, names, strict=True) if digest
    ]
    return and_(table.c.tenant_id == tenant_id, *given)


def history_columns(scope: Scope) -> dict[str, str]:
    """Whose a memory was, as digests salted with tenant and field; '' for a field not given."""
    return {"tenant_id": scope.tenant_id} | {
        _digest_column(field): name_digest(scope.tenant_id, field, getattr(scope, field))
        for field in SCOPE_FIELDS
    }


def in_history(scope: Scope) -> ColumnElement[bool]:
    """Events of the tenant about memories that match each field the scope gives."""
    columns = history_columns(scope)
    return and_(*(history.c[column] == digest for column, digest in columns.items() if digest))


def _digest_column(field: str) -> str:
    return field.replace("_id", "_digest")
