"""How records are shown to people: words, times and facts for the templates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlencode

from memory.records import SCOPE_FIELDS, Event, MemoryRecord, Scope, now
from memory.server.job_rows import Job
from memory.text.figures import counted, size

_BYTES = ("bytes_before", "bytes_after", "nbytes")
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


def query(scope: Scope) -> str:
    """Whom a scope names, as an address has it."""
    return urlencode({name: value for name in SCOPE_FIELDS if (value := getattr(scope, name)) is not None})


def results(job: Job) -> Iterator[tuple[str, str]]:
    """What a job says of what it did, but for ids."""
    for name, value in (job.result or {}).items():
        if value is not None and not isinstance(value, list | dict):
            shown = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
            shown = number(value) if isinstance(value, float) else shown
            yield name.replace("_", " ").capitalize(), size(value) if name in _BYTES else shown


def as_json(record: MemoryRecord) -> str:
    """The metadata of a memory; nothing for none."""
    return json.dumps(dict(record.metadata), ensure_ascii=False) if record.metadata else ""


FILTERS = {"moment": moment, "number": number, "happened": happened, "standing": standing}
FILTERS |= {"query": query, "results": results, "size": size, "counted": counted}
