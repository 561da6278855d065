"""mem0: what `get_all` returns, from its library or platform, as JSON or JSON lines.

    {"results": [{"id", "memory", "user_id", "agent_id", "run_id", "created_at", "updated_at", "metadata"}]}

or the list alone, as older versions gave it. A run is a session here. `updated_at` is when what a memory says
now was said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from memory.upkeep.histories.history import Fact, LeftOut, Told, named, objects, past, plain

_LISTS = ("results", "memories")


def looks(documents: Sequence[Any]) -> bool:
    """Whether a file has this form."""
    return any(isinstance(one.get("memory"), str) for one in objects(documents, *_LISTS))


def read(documents: Sequence[Any], left_out: LeftOut) -> Iterator[Told]:
    """Its facts."""
    for one in objects(documents, *_LISTS):
        text = one.get("memory")
        if not isinstance(text, str) or not plain(text).strip():
            left_out["empty"] += 1
            continue
        yield Fact(
            plain(text).strip(),
            past(one.get("updated_at")) or past(one.get("created_at")),
            session_id=named(one.get("run_id")),
            user_id=named(one.get("user_id")),
            agent_id=named(one.get("agent_id")),
        )
