"""The verbs that add: the server answers with ids, or with a job that is waited for (`jobs`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Unpack

from memory.client import decoding, jobs
from memory.client.calls import Call, Server, Steps, asked, told, understood
from memory.client.encoding import ANY_SIZE, content_body, image_body, lines, moment, named, names, turns_path
from memory.client.verbs import get, list_
from memory.errors import NotFound
from memory.records import MAX_PAGE, MemoryRecord, Scope, Skipped, check_metadata, new_id
from memory.records.inputs import Content, Picture, Said, Whose, text_in
from memory.write.added import Added, Progress

_FEW = 4  # memories that are asked for one by one


@dataclass(frozen=True, slots=True)
class _Ids:
    """Of what was added."""

    wanted: list[str]  # one a passage, in its order
    created: list[str]
    superseded: list[str]
    document_id: str | None = None
    skipped: Sequence[Skipped] = ()

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> _Ids:
        memories = said["memories"]
        created = [one["id"] for one in memories if one["created"]]
        skipped = [Skipped(one["text"] or "", one["reason"]) for one in said.get("skipped", ())]
        wanted = [one["id"] for one in memories]
        return cls(wanted, created, list(said["superseded"]), skipped=skipped)

    @classmethod
    def of_job(cls, result: Mapping[str, Any]) -> _Ids:
        known = set(result["known"])
        created = [one for one in result["ids"] if one not in known]
        return cls(list(result["ids"]), created, list(result["superseded"]), result["document_id"])


def add(
    server: Server,
    content: Content = "",
    *,
    image: Picture | None = None,
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
    said = content_body(content) if image is None else image_body(image, content)
    body = said | names(scope) | {"document_id": document_id, "metadata": dict(metadata or {})}
    times = {"expires_at": expires_at, "valid_from": valid_from, "valid_until": valid_until}
    body |= {name: moment(name, at) for name, at in times.items()}
    call = Call("POST", "/v1/memories", body=body, key=idempotency_key or new_id())
    response = yield from asked(server, call)
    if response.status_code == 202:
        result = yield from jobs.finished(server, response, progress)
        ids = yield from understood(server, lambda: _Ids.of_job(result))
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


def add_skill(
    server: Server, description: str, *, pinned: bool = True, **whose: Unpack[Whose]
) -> Steps[MemoryRecord]:
    """Make a task described in words a skill: its adapter joins the turns of its scope.

    Raises as `Memory.add_skill` does, and ServerError.
    """
    body = names(named(whose).required()) | {"description": text_in(description, ANY_SIZE), "pinned": pinned}
    call = Call("POST", "/v1/skills", body=body, key=new_id())
    return (yield from told(server, call, decoding.record))


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
    records = [found[one] for one in ids.wanted if one in found]
    return Added(records, ids.created, ids.superseded, ids.skipped)


def _whose(scope: Scope) -> Whose:
    return Whose(user_id=scope.user_id, agent_id=scope.agent_id, session_id=scope.session_id)
