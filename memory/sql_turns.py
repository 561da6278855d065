"""The turns of sessions, in SQL. Functions on a connection; SqlStore gives them their transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, and_, delete, func, insert, literal, select, tuple_, update

from memory.database import batches
from memory.records import SCOPE_FIELDS, Message, Scope, Session, Turn, new_id
from memory.rows import to_scope, to_turn, turn_columns
from memory.scoping import exactly, within
from memory.sql_changes import lock
from memory.tables import turns


def append(connection: Connection, scope: Scope, messages: Sequence[Message], at: datetime) -> list[Turn]:
    """Add turns at the end of the session."""
    lock(connection, scope.tenant_id)
    newest = connection.scalar(select(func.max(turns.c.ordinal)).where(exactly(turns, scope)))
    first = 0 if newest is None else newest + 1
    added = [
        Turn(scope, message.role, message.text, ordinal, created_at=at, internalized=message.recalled)
        for ordinal, message in enumerate(messages, first)
    ]
    connection.execute(insert(turns), [turn_columns(turn) for turn in added])
    return added


def read(connection: Connection, scope: Scope, last: int | None, internalized: bool | None) -> list[Turn]:
    """The session's turns, oldest first."""
    wanted = exactly(turns, scope)
    if internalized is not None:
        wanted = and_(wanted, turns.c.internalized.is_(internalized))
    newest_first = select(turns).where(wanted).order_by(turns.c.ordinal.desc()).limit(last)
    return [to_turn(row) for row in connection.execute(newest_first).mappings()][::-1]


def sessions(connection: Connection, scope: Scope, limit: int, after: tuple[str, str, str]) -> list[Session]:
    """Sessions within the scope, by session, user and agent."""
    names = (turns.c.session_id, turns.c.user_id, turns.c.agent_id)
    counts = (func.count().label("turns"), func.max(turns.c.created_at).label("last_at"))
    those = and_(
        within(turns, scope), turns.c.session_id != "", tuple_(*names) > tuple_(*map(literal, after))
    )
    wanted = select(turns.c.tenant_id, *names, *counts).where(those)
    grouped = wanted.group_by(turns.c.tenant_id, *names).order_by(*names).limit(limit)
    return [
        Session(to_scope(row), row["turns"], row["last_at"]) for row in connection.execute(grouped).mappings()
    ]


def mark(connection: Connection, scope: Scope, turn_ids: Collection[str]) -> None:
    """Note that adapters hold these turns."""
    for ids in batches(turn_ids):
        those = and_(exactly(turns, scope), turns.c.id.in_(ids))
        connection.execute(update(turns).where(those).values(internalized=True))


def session_scopes(connection: Connection, scope: Scope) -> list[Scope]:
    """The exact scopes within the scope that have turns."""
    whose = [turns.c[name] for name in ("tenant_id", *SCOPE_FIELDS)]
    those = select(*whose).where(within(turns, scope)).distinct().order_by(*whose)
    return [to_scope(row) for row in connection.execute(those).mappings()]


def restore(connection: Connection, scope: Scope, told: Sequence[Turn]) -> int:
    """Insert turns as they are, where the session has none."""
    if not told or connection.scalar(select(func.count()).select_from(turns).where(exactly(turns, scope))):
        return 0
    connection.execute(
        insert(turns), [turn_columns(replace(turn, scope=scope, id=new_id())) for turn in told]
    )
    return len(told)


def remove(connection: Connection, scope: Scope) -> list[str]:
    """Delete all turns within the scope; returns their ids."""
    those = within(turns, scope)
    ids = list(connection.scalars(select(turns.c.id).where(those).order_by(turns.c.id)))
    connection.execute(delete(turns).where(those))
    return ids
