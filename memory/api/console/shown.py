"""How records are shown to people: words, times and facts for the templates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from memory.records import Event, MemoryRecord, now
from memory.text.figures import counted, size

HAPPENED: dict[Event, str] = {
    "ADD": "Told",
    "UPDATE": "Changed",
    "DELETE": "Erased",
    "OUTDATE": "Superseded by something newer",
    "RETIRE": "Retired: its adapter is gone, its text kept for the past",
}


def moment(at: datetime | None) -> str:
    """A time of the server's, in UTC; nothing for none."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"


def number(value: float) -> str:
    """With two places."""
    return f"{value:.2f}"


def happened(event: Event) -> str:
    """What an event of a memory's history means."""
    return HAPPENED[event]


def standing(record: MemoryRecord) -> Iterator[str]:
    """What is special about a memory, a word or two each."""
    at = now()
    if record.pinned:
        yield "pinned"
    if record.superseded_by:
        yield "superseded"
    elif record.valid_until is not None and record.valid_until <= at:
        yield "of the past"
    if record.valid_from is not None and record.valid_from > at:
        yield f"from {moment(record.valid_from)}"
    if record.expires_at is not None:
        yield f"expires {moment(record.expires_at)}"
    if record.compacted:
        yield f"made of {counted(record.compacted, 'passage')}"


def facts(record: MemoryRecord) -> list[tuple[str, str]]:
    """What is known of a memory beside its text, without what is not."""
    scope, adapter = record.scope, record.adapter
    pairs = [
        *(("User", scope.user_id), ("Agent", scope.agent_id), ("Session", scope.session_id)),
        ("Document", record.document_id),
        ("Said by", record.role),
        ("Told", moment(record.created_at)),
        ("Changed", moment(record.updated_at)),
        ("Holds from", moment(record.valid_from)),
        ("Held until", moment(record.valid_until)),
        ("Expires", moment(record.expires_at)),
        ("Uses", f"{record.uses}, the last {moment(record.used_at)}" if record.uses else "none yet"),
        ("Metadata", as_json(record)),
        ("Adapter", f"rank {adapter.rank}, {size(adapter.nbytes)}"),
        ("Id", record.id),
        ("State", ", ".join(standing(record))),
    ]
    return [(name, value) for name, value in pairs if value]


def as_json(record: MemoryRecord) -> str:
    """The metadata of a memory; nothing for none."""
    return json.dumps(dict(record.metadata), ensure_ascii=False) if record.metadata else ""


FILTERS = {"moment": moment, "number": number, "happened": happened, "standing": standing}
FILTERS |= {"size": size, "counted": counted}
