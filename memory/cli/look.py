"""`memory list`, `memory show`, `memory history` and `memory status`: inspect what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Annotated, Any

import typer

from memory.cli.columns import EVENTS, MEMORIES
from memory.cli.options import Agent, Anybody, Json, Metadata, Session, User, full_id, items, setup, whose
from memory.cli.output import Output, jsonable
from memory.cli.times import AsOf, moment
from memory.records import MAX_PAGE, MemoryRecord, State, StoreStats, every_record
from memory.text.figures import size

Id = Annotated[
    str, typer.Argument(metavar="ID", help="Memory id, or its beginning, as `memory list` shows it.")
]


def list_(
    context: typer.Context,
    document: Annotated[
        str | None, typer.Option("--document", "-d", metavar="NAME", help="Only this document.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Maximum number of rows.")] = 100,
    everything: Annotated[bool, typer.Option("--all", help="List everything.")] = False,
    as_of: AsOf = None,
    metadata: Metadata = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="Told then or later.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Told before.")] = None,
    state: Annotated[
        State, typer.Option("--state", help="current; pinned; past, what holds no longer; or coming.")
    ] = "current",
    user: User = None,
    session: Session = None,
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """List memories, newest first."""
    out = Output(as_json)
    narrowed: dict[str, Any] = {
        "document_id": document,
        "filters": items(metadata),
        "state": state,
        "as_of": moment(as_of),
    }
    narrowed |= {"since": moment(since, "--since"), "until": moment(until, "--until")}
    with setup(context).memory() as memory:
        pages = partial(memory.list, **narrowed, **whose(context, user, session, agent))
        size = MAX_PAGE if everything else min(MAX_PAGE, limit + 1)  # one more: are there any?
        every = every_record(lambda cursor: pages(limit=size, cursor=cursor))
        records = list(every if everything else islice(every, limit + 1))
    more = not everything and len(records) > limit
    records = records if everything else records[:limit]
    out.rows(records, MEMORIES, {"memories": records, "more": more})
    if more:
        out.note(f"Showing the newest {len(records)}; --all shows all.")
    elif out.terminal and not records:
        out.note("No memories here.")


def show(context: typer.Context, memory_id: Id, user: Anybody = None, as_json: Json = False) -> None:
    """Show everything stored about a memory."""
    out = Output(as_json)
    with setup(context).memory() as memory:
        record = memory.get(memory_id, user_id=user)
    out.pairs(_details(record), record)


def history(context: typer.Context, memory_id: Id, user: Anybody = None, as_json: Json = False) -> None:
    """Show the events of a memory, even after its erasure, but never its text."""
    out = Output(as_json)
    with setup(context).memory() as memory:
        events = memory.history(full_id(memory, memory_id, user), user_id=user)
    out.rows(events, EVENTS, {"events": events})


def status(context: typer.Context, user: User = None, as_json: Json = False) -> None:
    """Show where memories are stored, the models in use, and counts."""
    out = Output(as_json)
    with setup(context).memory() as memory:
        found = memory.status()
        whom = whose(context, user)["user_id"]
        mine = memory.stats(user_id=whom)
    shown = size if out.terminal else int
    out.pairs(
        [
            *((name, value) for name, value in jsonable(found).items() if name != "stats"),
            ("user_id", whom),
            *_counts("", found.stats, shown),
            *_counts("user_", mine, shown),
        ],
        jsonable(found) | {"user_id": whom, "user_stats": mine},
    )


def _counts(whose: str, stats: StoreStats, bytes_: Callable[[int], object]) -> Iterator[tuple[str, object]]:
    """The counts by name, bytes as they are to be shown."""
    for name, count in jsonable(stats).items():
        yield f"{whose}{name}", bytes_(count) if name == "adapter_bytes" else count


def _details(record: MemoryRecord) -> list[tuple[str, object]]:
    """What is known of a memory, without what is not."""
    scope, adapter = record.scope, record.adapter
    pairs = [
        ("id", record.id), ("text", record.text), ("kind", record.kind), ("tenant", scope.tenant_id),
        ("user", scope.user_id), ("agent", scope.agent_id), ("session", scope.session_id),
        ("document", record.document_id), ("position", record.position), ("role", record.role),
        ("turns", _turns(record)), ("created", record.created_at), ("updated", record.updated_at),
        ("expires", record.expires_at), ("valid from", record.valid_from),
        ("valid until", record.valid_until), ("superseded by", record.superseded_by),
        ("pinned", record.pinned or None), ("uses", record.uses or None), ("used", record.used_at),
        ("compacted", record.compacted or None), ("metadata", dict(record.metadata) or None),
        ("adapter", adapter.digest), ("rank", adapter.rank), ("bytes", adapter.nbytes),
        ("base model", adapter.base_fingerprint), ("hypernetwork", adapter.hypernet_fingerprint),
        ("embedder", record.embedder),
    ]  # fmt: skip
    return [(name, value) for name, value in pairs if value is not None]


def _turns(record: MemoryRecord) -> str | None:
    if record.first_turn is None:
        return None
    return f"{record.first_turn}-{record.last_turn}"
