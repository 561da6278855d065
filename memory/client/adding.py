"""The verbs that add: the server answers with ids, or with a job that is waited for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Unpack

from memory.client.calls import Call, Pause, Server, Steps, asked, told, understood
from memory.client.encoding import content_body, lines, moment, named, names, turns_path
from memory.client.verbs import get, list_
from memory.errors import Cancelled, NotFound, ServerError
from memory.inputs import Content, Said, Whose
from memory.records import MAX_PAGE, MemoryRecord, Scope, check_metadata, new_id
from memory.write.added import Added, Progress

_FEW = 4  # memories that are asked for one by one
_POLL_S = (0.1, 2.0)  # from, to: how long to wait before a job is looked at again


@dataclass(frozen=True, slots=True)
class _Ids:
    """Of what was added."""

    wanted: list[str]  # one a passage, in its order
    created: list[str]
    superseded: list[str]
    document_id: str | None = None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> _Ids:
        memories = said["memories"]
        created = [one["id"] for one in memories if one["created"]]
        return cls([one["id"] for one in memories], created, list(said["superseded"]))

    @classmethod
    def of_job(cls, result: Mapping[str, Any]) -> _Ids:
        known = set(result["known"])
        created = [one for one in result["ids"] if one not in known]
        return cls(list(result["ids"]), created, list(result["superseded"]), result["document_id"])


@dataclass(frozen=True, slots=True)
class _Job:
    """Work that the server does later."""

    id: str
    state: str
    done: int
    total: int | None
    reason: str | None
    result: Mapping[str, Any] | None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> _Job:
        return cls(**{name: said[name] for name in cls.__slots__})


def add(
    server: Server,
    content: Content,
    *,
    metadata: Mapping[str, Any] | None = None,
    expires_at: datetime | None = None,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    document_id: str | None = None,
    progress: Progress | None = None,
    idempotency_key: str | None = None,
    **whose: Unpack[Whose],
) -> Steps[Added]:
    """Remember a text, or messages of a conversation; returns what stands for each passage of it.

    Durable when the call returns. A text so long that the server makes a job of it is waited for. Sent again
    after a broken connection it is remembered once; with an `idempotency_key` of your own also by another
    call. Raises as `Memory.add` does, and ServerError.
    """
    scope = named(whose).required()
    check_metadata(metadata or {})
    body = (
        content_body(content) | names(scope) | {"document_id": document_id, "metadata": dict(metadata or {})}
    )
    times = {"expires_at": expires_at, "valid_from": valid_from, "valid_until": valid_until}
    body |= {name: moment(name, at) for name, at in times.items()}
    call = Call("POST", "/v1/memories", body=body, key=idempotency_key or new_id())
    response = yield from asked(server, call)
    if response.status_code == 202:
        job = yield from understood(server, lambda: _Job.of(response.json()))
        ids = yield from _done(server, job, progress)
    else:
        ids = yield from understood(server, lambda: _Ids.of(response.json()))
    return (yield from _added(server, scope, ids))


def append(
    server: Server,
    messages: Said | Sequence[Said],
    *,
    idempotency_key: str | None = None,
    **whose: Unpack[Whose],
) -> Steps[Added]:
    """Append messages to a session and remember what they tell; blank ones are left out.

    Raises as `Memory.append` does, and ServerError.
    """
    scope = named(whose).required_session()
    owner = {"user_id": scope.user_id, "agent_id": scope.agent_id}
    body = {**owner, "messages": lines(messages)}
    call = Call("POST", turns_path(scope), body=body, key=idempotency_key or new_id())
    ids = yield from told(server, call, _Ids.of)
    return (yield from _added(server, scope, ids))


def _added(server: Server, scope: Scope, ids: _Ids) -> Steps[Added]:
    """The memories that were added; what was erased since is left out."""
    found: dict[str, MemoryRecord] = {}
    wanted = dict.fromkeys(ids.wanted)
    cursor = None
    for _ in range(len(wanted) // MAX_PAGE + 1 if len(wanted) > _FEW else 0):
        page = yield from list_(
            server, document_id=ids.document_id, limit=MAX_PAGE, cursor=cursor, **_whose(scope)
        )
        found |= {one.id: one for one in page.records}
        cursor = page.cursor
        if cursor is None:
            break
    for memory_id in wanted.keys() - found.keys():
        try:
            found[memory_id] = yield from get(server, memory_id)
        except NotFound:
            continue
    return Added([found[one] for one in ids.wanted if one in found], ids.created, ids.superseded)


def _done(server: Server, job: _Job, progress: Progress | None) -> Steps[_Ids]:
    """What a job added, once it is done. Raises ServerError for one that failed, and Cancelled."""
    wait, longest = _POLL_S
    while job.state in ("queued", "running"):
        if progress is not None and job.total:
            progress(job.done, job.total)
        yield Pause(wait)
        wait = min(longest, wait * 1.5)
        job = yield from told(server, Call("GET", f"/v1/jobs/{job.id}"), _Job.of)
    if job.state == "cancelled":
        raise Cancelled("the job was cancelled; what it had added by then stays")
    if job.state != "done":
        raise ServerError(f"the server could not do it: {job.reason}")
    if progress is not None and job.total:
        progress(job.total, job.total)
    result = job.result or {}
    return (yield from understood(server, lambda: _Ids.of_job(result)))


def _whose(scope: Scope) -> Whose:
    return Whose(user_id=scope.user_id, agent_id=scope.agent_id, session_id=scope.session_id)
