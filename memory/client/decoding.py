"""What a server answers as records; each takes parsed JSON, and raises where that has another form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

from memory.read.explanation import Candidate, Explanation
from memory.read.recalled import Recall, Recalled
from memory.records import (
    PLAIN_FIELDS,
    TIME_FIELDS,
    AdapterChoice,
    AdapterRef,
    ErasureReceipt,
    HistoryEvent,
    Holding,
    HoldingPage,
    MemoryHit,
    MemoryRecord,
    Page,
    Removed,
    Scope,
    Session,
    SessionPage,
    Status,
    StoreStats,
    Turn,
)
from memory.upkeep.reports import CompactReport, ExportReport, ImportReport

Said = Mapping[str, Any]
R = TypeVar("R", CompactReport, ExportReport, ImportReport)


def record(said: Said) -> MemoryRecord:
    plain = {name: said[name] for name in PLAIN_FIELDS}
    times = {name: _maybe_time(said[name]) for name in TIME_FIELDS}
    adapter = AdapterRef(**{field.name: said["adapter"][field.name] for field in fields(AdapterRef)})
    return MemoryRecord(
        **{**plain, **times, "scope": scope(said), "adapter": adapter, "metadata": said["metadata"]}
    )


def scope(said: Said) -> Scope:
    return Scope(**{field.name: said[field.name] for field in fields(Scope)})


def page(said: Said) -> Page:
    return Page(tuple(record(one) for one in said["memories"]), said["cursor"])


def hits(said: Said) -> list[MemoryHit]:
    return [_hit(one) for one in said["hits"]]


def _hit(said: Said) -> MemoryHit:
    passage = None if said["passage"] is None else record(said["passage"])
    return MemoryHit(record(said["memory"]), said["score"], passage)


def choices(said: Said) -> list[AdapterChoice]:
    return [choice(one) for one in said["adapters"]]


def choice(said: Said) -> AdapterChoice:
    return AdapterChoice(**{field.name: said[field.name] for field in fields(AdapterChoice)})


def explanation(said: Said) -> Explanation:
    plain = ("share", "relevance", "outcome", "gave_way_to", "weight")
    return Explanation(
        tuple(
            Candidate(_hit(one["hit"]), **{name: one[name] for name in plain}) for one in said["candidates"]
        ),
        tuple(choices(said)),
        said["threshold"],
        said["margin"],
    )


def recall(said: Said) -> Recall:
    texts = [
        Recalled(
            **{field.name: said_one[field.name] for field in fields(Recalled)}
            | {"said_at": time(said_one["said_at"])}
        )
        for said_one in said["texts"]
    ]
    return Recall(texts, said["tokens"])


def turns(said: Said) -> list[Turn]:
    return [
        Turn(
            scope=scope(one),
            role=one["role"],
            text=one["content"],
            ordinal=one["ordinal"],
            id=one["id"],
            created_at=time(one["created_at"]),
            internalized=one["internalized"],
        )
        for one in said["turns"]
    ]


def sessions(said: Said) -> SessionPage:
    found = tuple(Session(scope(one), one["turns"], time(one["last_at"])) for one in said["sessions"])
    return SessionPage(found, said["cursor"])


def holdings(said: Said) -> HoldingPage:
    found = tuple(
        Holding(scope(one), one["document_id"], one["memories"], one["characters"], time(one["last_at"]))
        for one in said["holdings"]
    )
    return HoldingPage(found, said["cursor"])


def events(said: Said) -> list[HistoryEvent]:
    return [HistoryEvent(one["memory_id"], one["event"], time(one["at"])) for one in said["events"]]


def receipt(said: Said) -> ErasureReceipt:
    return ErasureReceipt(
        tenant_id=said["tenant_id"],
        memories=tuple(
            Removed(one["memory_id"], one["content_hash"], one["digest"]) for one in said["memories"]
        ),
        turns=tuple(said["turns"]),
        blobs=tuple(said["blobs"]),
        rebuilt=tuple(said["rebuilt"]),
        erased_at=time(said["erased_at"]),
    )


def status(said: Said, url: str) -> Status:
    stats = StoreStats(**{field.name: said["stats"][field.name] for field in fields(StoreStats)})
    return Status(url, said["model"], said["embedder"], said["tenant_id"], stats)


def report(kind: type[R], said: Said, **more: Any) -> R:
    """What a job reports."""
    known = {**said, **more}
    return kind(**{field.name: known[field.name] for field in fields(kind)})


def time(said: str) -> datetime:
    at = datetime.fromisoformat(said)
    if at.tzinfo is None:
        raise ValueError("a time without its zone")
    return at


def _maybe_time(said: str | None) -> datetime | None:
    return None if said is None else time(said)
