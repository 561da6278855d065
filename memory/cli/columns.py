"""Table columns of memories, hits and events."""

from __future__ import annotations

from datetime import datetime

from memory.cli.output import Column
from memory.records import HistoryEvent, MemoryHit, MemoryRecord, now

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def ago(at: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = max(0, int((now() - at).total_seconds()))
    size, unit = next((u for u in _UNITS if seconds >= u[0]), _UNITS[-1])
    return f"{seconds // size} {unit}"


def one_line(text: str) -> str:
    """A passage on one line."""
    return " / ".join(line.strip() for line in text.splitlines() if line.strip())


def origin(record: MemoryRecord) -> str:
    """The document or session a memory is from."""
    return record.document_id or record.scope.session_id or ""


MEMORIES: tuple[Column[MemoryRecord], ...] = (
    Column("id", lambda r: r.id, style="cyan", fit="whole"),
    Column("age", lambda r: r.created_at, lambda r: ago(r.created_at), justify="right", fit="whole"),
    Column("from", origin, fit="crop"),
    Column("text", lambda r: r.text, lambda r: one_line(r.text), fit="crop"),
)
HITS: tuple[Column[MemoryHit], ...] = (
    Column("score", lambda h: f"{h.score:.3f}", justify="right", fit="whole"),
    Column("id", lambda h: h.record.id, style="cyan", fit="whole"),
    Column("text", lambda h: h.record.text, lambda h: one_line(h.record.text)),
)
EVENTS: tuple[Column[HistoryEvent], ...] = (
    Column("at", lambda e: e.at, fit="whole"),
    Column("event", lambda e: e.event),
    Column("id", lambda e: e.memory_id, style="cyan", fit="whole"),
)
