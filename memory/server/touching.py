"""Which rows of a server may hold text of a scope: the question that an erasure asks."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, and_

from memory.records import SCOPE_FIELDS, Scope


def touching(table: Table, scope: Scope) -> ColumnElement[bool]:
    """Rows of the tenant whose scope may overlap this one: where both name a field, the names are equal.

    Wider than `scoping.within`: erasing one session of Ana's takes the answer that was given to Ana
    without a session too, for it may say what that session said.
    """
    given = [
        table.c[field].in_((value, ""))
        for field in SCOPE_FIELDS
        if (value := getattr(scope, field)) is not None
    ]
    return and_(table.c.tenant_id == scope.tenant_id, *given)
