"""The turns of sessions, in SQL. Functions on a connection; SqlStore gives them their transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection, and_, delete, func, insert, literal, select, tuple_, update

from memory.backends.repeated import turn_ids
from memory.backends.sql.changes import lock
from memory.backends.sql.database import batches
from memory.backends.sql.reading import NO_TIME, latest, readable_turn, rows
from memory.backends.sql.rows import to_turn, turn_columns, whose
from memory.backends.sql.scoping import exactly, within
from memory.backends.sql.tables import turns
from memory.ports import REPEATED
from memory.records import SCOPE_FIELDS, Message, Scope, Session, Turn, new_id

_AT_ONCE = 500  # turns of an import
_LAST = 2**31 - 2  # ordinal of a turn: what a damaged row says in place of one may be anything


def append(
    connection: Connection, scope: Scope, messages: Sequence[Message], at: datetime, key: str | None
) -> list[Turn]:
    """Add turns at the end of the session, unless a call with this key did."""
    lock(connection, scope.tenant_id)
    ids = [new_id() for _ in messages]
    if key is not None:
        ids, there = _called(connection, scope, key, len(messages), at)
        if there:
            return there
    theirs = and_(exactly(turns, scope), turns.c.ordinal.between(0, _LAST))
    newest = connection.scalar(select(func.max(turns.c.ordinal)).where(theirs))
    first = 0 if newest is None else newest + 1
    added = [
        Turn(scope, message.role, message.text, ordinal, turn_id, message.said_at or at, message.recalled)
        for (ordinal, message), turn_id in zip(enumerate(messages, first), ids, strict=True)
    ]
    connection.execute(insert(turns), [turn_columns(turn) for turn in added])
    return added


def _called(
    connection: Connection, scope: Scope, key: str, many: int, at: datetime
) -> tuple[list[str], list[Turn]]:
    """Ids for the turns of a call with this key, and those turns, where it came before."""
    candidates = turn_ids(scope, key, many)
    while True:
        ids = next(candidates)
        wanted = and_(exactly(turns, scope), turns.c.id == ids[0])
        row = connection.execute(select(turns).where(wanted)).mappings().first()
        if row is None:
            return ids, []
        if row["created_at"] > at - REPEATED:
            first = turns.c.ordinal >= row["ordinal"]
            theirs = select(turns).where(exactly(turns, scope), first).order_by(turns.c.ordinal).limit(many)
            return ids, [to_turn(found) for found in connection.execute(theirs).mappings()]


def read(connection: Connection, scope: Scope, last: int | None, internalized: bool | None) -> list[Turn]:
    """The session's turns, oldest first."""
    wanted = exactly(turns, scope)
    if internalized is not None:
        wanted = and_(wanted, turns.c.internalized.is_(internalized))
    newest_first = select(turns).where(wanted).order_by(turns.c.ordinal.desc()).limit(last)
    return [turn for row in rows(connection, newest_first) if (turn := readable_turn(row)) is not None][::-1]


def sessions(connection: Connection, scope: Scope, limit: int, after: tuple[str, str, str]) -> list[Session]:
    """Sessions within the scope, by session, user and agent."""
    names = (turns.c.session_id, turns.c.user_id, turns.c.agent_id)
    counts = (func.count().label("turns"), latest(turns).label("last_at"))
    those = and_(
        within(turns, scope), turns.c.session_id != "", tuple_(*names) > tuple_(*map(literal, after))
    )
    wanted = select(turns.c.tenant_id, *names, *counts).where(those)
    grouped = wanted.group_by(turns.c.tenant_id, *names).order_by(*names).limit(limit)
    return [
        Session(whose(row), row["turns"], row["last_at"] or NO_TIME)
        for row in connection.execute(grouped).mappings()
    ]


def mark(connection: Connection, scope: Scope, turn_ids: Collection[str]) -> None:
    """Note that adapters hold these turns."""
    for ids in batches(turn_ids):
        those = and_(exactly(turns, scope), turns.c.id.in_(ids))
        connection.execute(update(turns).where(those).values(internalized=True))


def session_scopes(connection: Connection, scope: Scope) -> list[Scope]:
    """The exact scopes within the scope that have turns."""
    names = [turns.c[name] for name in ("tenant_id", *SCOPE_FIELDS)]
    those = select(*names).where(within(turns, scope)).distinct().order_by(*names)
    return [whose(row) for row in connection.execute(those).mappings()]


def restore(connection: Connection, scope: Scope, told: Sequence[Turn]) -> int:
    """Insert turns as they are, where the session has none."""
    if not told or connection.scalar(select(func.count()).select_from(turns).where(exactly(turns, scope))):
        return 0
    going = iter(told)
    while some := list(islice(going, _AT_ONCE)):  # so that whoever goes through them can end it
        rows = [turn_columns(replace(turn, scope=scope, id=new_id())) for turn in some]
        connection.execute(insert(turns), rows)
    return len(told)


def remove(connection: Connection, scope: Scope) -> list[str]:
    """Delete all turns within the scope; returns their ids."""
    those = within(turns, scope)
    ids = list(connection.scalars(select(turns.c.id).where(those).order_by(turns.c.id)))
    connection.execute(delete(turns).where(those))
    return ids
