"""What verbs are given as what is sent, checked as far as it can be without a server."""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from memory.errors import InvalidInput, NotFound
from memory.read.options import AskOptions, Filters
from memory.records import SCOPE_FIELDS, Scope, check_aware
from memory.records.inputs import (
    Content,
    Picture,
    Said,
    caption_in,
    filters_in,
    image_in,
    messages_in,
    scope_in,
    text_in,
)

ANY_SIZE = sys.maxsize  # how long a text may be, the server knows
_MEMORY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def named(whose: Mapping[str, Any]) -> Scope:
    """The scope that keywords name. Raises MissingScope, and InvalidInput for a tenant."""
    unknown = whose.keys() - AskOptions.__annotations__.keys()
    if unknown:
        raise TypeError(f"unexpected keyword argument {sorted(unknown)[0]!r}")
    if whose.get("tenant_id") is not None:
        raise InvalidInput("the tenant is that of the key; leave tenant_id out")
    return scope_in(whose, "of-the-key")


def names(scope: Scope) -> dict[str, Any]:
    """As requests name a scope."""
    return {name: getattr(scope, name) for name in SCOPE_FIELDS}


def moment(what: str, at: datetime | None) -> str | None:
    """A time as it is sent. Raises InvalidInput for one without its zone."""
    check_aware(what, at)
    return None if at is None else at.isoformat()


def lines(messages: Said | Sequence[Said]) -> list[dict[str, Any]]:
    """Messages as they are sent, the blank ones left out. Raises EmptyText, InvalidInput."""
    return [
        {"role": one.role, "content": one.text, "recalled": one.recalled}
        for one in messages_in(messages, ANY_SIZE)
    ]


def memory_name(memory_id: str) -> str:
    """An id that can be part of an address. Raises NotFound for any other: no memory has it."""
    if not _MEMORY_ID.fullmatch(memory_id):
        raise NotFound(f"no memory {memory_id!r} here; list the memories to see their ids")
    return memory_id


def content_body(content: Content) -> dict[str, Any]:
    """A text or messages. Raises EmptyText, InvalidInput."""
    return {"text": text_in(content, ANY_SIZE)} if isinstance(content, str) else {"messages": lines(content)}


def image_body(image: Picture, caption: Content) -> dict[str, Any]:
    """A picture and its caption. Raises InvalidInput for a path that leads nowhere."""
    return {"image": image_url(image), "text": caption_in(caption, ANY_SIZE) or None}


def image_url(image: Picture) -> str:
    """A picture as a data URL. Raises InvalidInput for a path that leads nowhere."""
    return f"data:image/any;base64,{base64.b64encode(image_in(image)).decode()}"


def query_body(
    query: str, as_of: datetime | None, filters: Filters | None, whose: Mapping[str, Any]
) -> dict[str, Any]:
    """What is asked, of whose memory. Raises MissingScope, EmptyText, InvalidInput."""
    scope = named(whose).required()
    asking = {"query": text_in(query, ANY_SIZE), "as_of": moment("as_of", as_of)}
    return names(scope) | asking | {"filters": dict(filters_in(filters)) or None}


def turns_path(scope: Scope) -> str:
    """Where the turns of a session are; its name may hold what an address has for itself."""
    return f"/v1/sessions/{quote(scope.session_id or '', safe='')}/turns"
