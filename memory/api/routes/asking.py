"""Parameters that routes share: scope, ids and paging."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query

from memory.api.schemas.parts import MEMORY_ID, ScopeIn, Time
from memory.records import MAX_NAME, MAX_PAGE

_Named = Annotated[str | None, Query(min_length=1, max_length=MAX_NAME)]


async def scope_in_query(
    user_id: Annotated[_Named, Query(description="The person.", examples=["ana"])] = None,
    agent_id: Annotated[_Named, Query(description="The agent.")] = None,
    session_id: Annotated[_Named, Query(description="The conversation.")] = None,
) -> ScopeIn:
    """Whose memories; the tenant is that of the key."""
    return ScopeIn(user_id=user_id, agent_id=agent_id, session_id=session_id)


QueryScope = Annotated[ScopeIn, Depends(scope_in_query)]
MemoryId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=[MEMORY_ID])]
JobId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=[MEMORY_ID])]
Named = Annotated[str, Path(min_length=1, max_length=MAX_NAME)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Most in one page.")]
AsOf = Annotated[Time | None, Query(description="What held at that time, instead of now.")]
Cursor = Annotated[str | None, Query(max_length=4096, description="Where the page before ended.")]
