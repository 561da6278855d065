"""The verbs, each as steps (`memory.client.calls`): what is sent, and what becomes of the answer.

Arguments and errors are those of `memory.Memory`; `adding` has the verbs that add, `chatting` those that
reply. What can be checked without a server is, before anything is sent; what depends on its settings, such as
the size of a text, the server checks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import EllipsisType
from typing import Any, Unpack

from memory.client import decoding
from memory.client.calls import Call, Server, Steps, asked, told, understood
from memory.client.encoding import (
    ANY_SIZE,
    content_body,
    lines,
    memory_name,
    moment,
    named,
    names,
    query_body,
    turns_path,
)
from memory.errors import InvalidInput, StoreConflict
from memory.read.explanation import Explanation
from memory.read.options import Filters
from memory.read.recalled import Recall
from memory.records import (
    MAX_PAGE,
    AdapterChoice,
    ErasureReceipt,
    HistoryEvent,
    HoldingPage,
    Kind,
    MemoryHit,
    MemoryRecord,
    Page,
    SessionPage,
    State,
    Status,
    StoreStats,
    Turn,
    check_metadata,
    new_id,
)
from memory.records.inputs import Content, Said, Whose, filters_in, text_in


def search(
    server: Server,
    query: str,
    *,
    k: int = 4,
    as_of: datetime | None = None,
    filters: Filters | None = None,
    **whose: Unpack[Whose],
) -> Steps[list[MemoryHit]]:
    """The k memories that matter most for a query, by embedding and shared words, the best first.

    Raises as `Memory.search` does, and ServerError.
    """
    body = query_body(query, as_of, filters, whose) | {"k": k}
    return (yield from told(server, Call("POST", "/v1/search", body=body), decoding.hits))


def select(
    server: Server,
    query: str,
    *,
    as_of: datetime | None = None,
    filters: Filters | None = None,
    **whose: Unpack[Whose],
) -> Steps[list[AdapterChoice]]:
    """The adapters that a turn saying this would merge; none where nothing matters for it."""
    body = query_body(query, as_of, filters, whose)
    return (yield from told(server, Call("POST", "/v1/select", body=body), decoding.choices))


def explain(
    server: Server,
    query: str,
    *,
    as_of: datetime | None = None,
    filters: Filters | None = None,
    **whose: Unpack[Whose],
) -> Steps[Explanation]:
    """What `select` chooses, and why: each candidate, its cosine and words, and its outcome."""
    body = query_body(query, as_of, filters, whose)
    return (yield from told(server, Call("POST", "/v1/explain", body=body), decoding.explanation))


def recall(
    server: Server,
    query: str,
    *,
    k: int = 20,
    max_tokens: int | None = None,
    before: Sequence[Said] | None = None,
    as_of: datetime | None = None,
    filters: Filters | None = None,
    **whose: Unpack[Whose],
) -> Steps[Recall]:
    """The texts that another model should read before it answers; `str` of it goes into the prompt."""
    body = query_body(query, as_of, filters, whose) | {"k": k, "max_tokens": max_tokens}
    body["before"] = lines(before) if before else None
    return (yield from told(server, Call("POST", "/v1/recall", body=body), decoding.recall))


def get(server: Server, memory_id: str, **whose: Unpack[Whose]) -> Steps[MemoryRecord]:
    """One memory, outdated or not. Raises NotFound."""
    path = f"/v1/memories/{memory_name(memory_id)}"
    return (yield from told(server, Call("GET", path, names(named(whose))), decoding.record))


def list_(
    server: Server,
    *,
    kind: Kind | None = None,
    document_id: str | None = None,
    superseded_by: str | None = None,
    filters: Filters | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    state: State = "current",
    limit: int = 100,
    cursor: str | None = None,
    as_of: datetime | None = None,
    **whose: Unpack[Whose],
) -> Steps[Page]:
    """Memories, newest first; `cursor` of one page asks for the next. Narrowed as by `Memory.list`."""
    asking: dict[str, Any] = {"kind": kind, "document_id": document_id, "superseded_by": superseded_by}
    times = (("since", since), ("until", until), ("as_of", as_of))
    asking |= names(named(whose).required()) | {name: moment(name, at) for name, at in times}
    asking |= {"state": state, "limit": limit, "cursor": cursor}
    if filters is not None:
        asking["filters"] = json.dumps(dict(filters_in(filters)))
    return (yield from told(server, Call("GET", "/v1/memories", asking), decoding.page))


def update(
    server: Server,
    memory_id: str,
    text: str | None = None,
    *,
    metadata: Mapping[str, Any] | None = None,
    expires_at: datetime | EllipsisType | None = ...,
    pinned: bool | None = None,
    keep_past: bool = True,
    expects: MemoryRecord | None = None,
    **whose: Unpack[Whose],
) -> Steps[MemoryRecord]:
    """Change a memory's text, metadata, expiry or pin, in one step. Raises as `Memory.update` does.

    Not sent again where the first may have arrived: ServerUnavailable then leaves open whether it has.
    """
    body: dict[str, Any] = {"pinned": pinned, "keep_past": keep_past}
    if text is not None:
        body["text"] = text_in(text, ANY_SIZE)
    if metadata is not None:
        check_metadata(metadata)
        body["metadata"] = dict(metadata)
    if not isinstance(expires_at, EllipsisType):
        body["expires_at"] = moment("expires_at", expires_at)
    path = f"/v1/memories/{memory_name(memory_id)}"
    tag = None if expects is None else (yield from _tag(server, path, expects, whose))
    call = Call("PATCH", path, names(named(whose)), body, if_match=tag, repeatable=False)
    return (yield from told(server, call, decoding.record))


def _tag(server: Server, path: str, expects: MemoryRecord, whose: Mapping[str, Any]) -> Steps[str]:
    """The ETag of a memory as it was read before. Raises StoreConflict where it is another by now."""
    response = yield from asked(server, Call("GET", path, names(named(whose))))
    found, tag = yield from understood(
        server, lambda: (decoding.record(response.json()), str(response.headers["ETag"]))
    )
    if found.unused() != expects.unused():
        raise StoreConflict("the memory has changed since it was read; read it again")
    return tag


def pin(server: Server, memory_id: str, pinned: bool = True, **whose: Unpack[Whose]) -> Steps[MemoryRecord]:
    """Have a memory go before all others that matter for a turn; or no more. Raises NotFound."""
    path = f"/v1/memories/{memory_name(memory_id)}"
    call = Call("PATCH", path, names(named(whose)), {"pinned": pinned})
    return (yield from told(server, call, decoding.record))


def delete(server: Server, memory_id: str, **whose: Unpack[Whose]) -> Steps[ErasureReceipt]:
    """Forget one memory, or one passage that was compacted. Raises NotFound."""
    return (yield from forget(server, memory_id=memory_id, **whose))


def forget(
    server: Server,
    *,
    document_id: str | None = None,
    memory_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    **whose: Unpack[Whose],
) -> Steps[ErasureReceipt]:
    """Erase what a user, agent or session said and all made from it, a document, or a memory.

    Complete when it returns; raises as `Memory.forget` does, and ServerError.
    """
    body: dict[str, Any] = names(named(whose))
    if memory_id is not None:
        body["memory_id"] = memory_name(memory_id)
    elif metadata is not None:
        if not metadata or document_id is not None:
            raise InvalidInput("name a document or items of metadata, at least one")
        check_metadata(metadata)
        body["metadata"] = dict(metadata)
    else:
        body["document_id"] = document_id
    return (yield from told(server, Call("POST", "/v1/forget", body=body, key=new_id()), decoding.receipt))


def history(server: Server, memory_id: str, **whose: Unpack[Whose]) -> Steps[list[HistoryEvent]]:
    """What happened to a memory, oldest first, also after it is gone; never what it said."""
    path = f"/v1/memories/{memory_name(memory_id)}/history"
    return (yield from told(server, Call("GET", path, names(named(whose))), decoding.events))


def turns(server: Server, *, last: int | None = None, **whose: Unpack[Whose]) -> Steps[list[Turn]]:
    """The turns of a session, oldest first; the newest 1,000 at most."""
    scope = named(whose).required_session()
    asking = {"user_id": scope.user_id, "agent_id": scope.agent_id, "last": last or MAX_PAGE}
    return (yield from told(server, Call("GET", turns_path(scope), asking), decoding.turns))


def status(server: Server, **whose: Unpack[Whose]) -> Steps[Status]:
    """Which server it is, the models in use, and counts: of the whole tenant where nobody is named."""
    call = Call("GET", "/v1/status", names(named(whose)))
    return (yield from told(server, call, lambda said: decoding.status(said, server.url)))


def stats(server: Server, **whose: Unpack[Whose]) -> Steps[StoreStats]:
    """Counts; of the whole tenant where nobody is named."""
    return (yield from status(server, **whose)).stats


def count_tokens(server: Server, content: Content) -> Steps[int]:
    """Tokens of a text, or of the prompt that messages make."""
    call = Call("POST", "/v1/tokens", body=content_body(content))
    return (yield from told(server, call, lambda said: int(said["tokens"])))


def sessions(
    server: Server, *, limit: int = 100, cursor: str | None = None, **whose: Unpack[Whose]
) -> Steps[SessionPage]:
    """The sessions of a user or agent that have turns, by name; paged as `list` is."""
    asking = names(named(whose).required()) | {"limit": limit, "cursor": cursor}
    return (yield from told(server, Call("GET", "/v1/sessions", asking), decoding.sessions))


def holdings(
    server: Server,
    *,
    by_document: bool = False,
    limit: int = 100,
    cursor: str | None = None,
    **whose: Unpack[Whose],
) -> Steps[HoldingPage]:
    """What users and agents have now, by name, or each of their documents; paged as `list` is."""
    asking = names(named(whose)) | {"by_document": by_document, "limit": limit, "cursor": cursor}
    return (yield from told(server, Call("GET", "/v1/holdings", asking), decoding.holdings))
