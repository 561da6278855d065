"""/mcp: the tools of `memory mcp` for agents that reach the server, by streamable HTTP.

Each request stands alone: a server is made for it, in the scope that its key and headers name, and is gone
with its answer. Nothing is left behind for another caller, and any process may answer the next request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from memory.api.callers import CallingTenant, TenantDep
from memory.api.origins import place
from memory.api.problems import problem_of
from memory.api.reach import Reach
from memory.api.rights import TOOL_WRITES
from memory.api.routes.memories import check_quotas
from memory.api.shared import Shared, SharedDep
from memory.errors import Forbidden, InvalidInput, ParametricMemoryError, TextTooLarge
from memory.records import SCOPE_FIELDS, ChatReply
from memory.records import Scope as MemoryScope
from memory.records.inputs import Whose, data_url_in, scope_in
from memory.write.added import Added

if TYPE_CHECKING:
    from mcp.server import MCPServer

router = APIRouter(include_in_schema=False)


async def named_scope(request: Request, tenant: TenantDep) -> MemoryScope:
    """Whose memories: the key's tenant, and whom X-Memory-User, -Agent and -Session or the query name.

    Raises InvalidInput for a name that is given twice, MissingScope where nobody is named.
    """
    names = {field: _named(request, field) for field in SCOPE_FIELDS}
    return MemoryScope(tenant_id=tenant.id, **names).required()


@router.post("/mcp")
def mcp(
    request: Request,
    tenant: TenantDep,
    parts: SharedDep,
    named: Annotated[MemoryScope, Depends(named_scope)],
) -> Response:
    """Answer one message of the protocol."""
    _check_page(request)
    try:
        from memory.api.mcp import mcp_server
    except ImportError as error:
        raise HTTPException(501, "this server lacks the extra `mcp`; its operator can install it") from error
    whose: Whose = {
        "tenant_id": tenant.id,
        "user_id": named.user_id,
        "agent_id": named.agent_id,
        "session_id": named.session_id,
    }
    memory, settings = parts.memory, parts.memory.settings
    own = (memory, whose, memory.reader, settings.max_text_bytes)
    return _Exchange(mcp_server(RemoteReach(*own, parts, tenant, request)), settings.max_request_bytes)


@dataclass(frozen=True, slots=True)
class RemoteReach(Reach):
    """What a key reaches: writes need its role and room in its quotas, and are audited."""

    parts: Shared
    tenant: CallingTenant
    request: Request

    def remember(self, text: str, image: str | None = None) -> Added:
        """As `Reach`; raises Forbidden, QuotaExceeded, and TextTooLarge for what a job would do."""
        self._writes()
        size, most = len(text.encode()), self.parts.memory.settings.async_text_bytes
        if size > most:
            raise TextTooLarge(f"the text has {size:,} bytes, at most {most:,} here; remember it in parts")
        check_quotas(self.parts, self.tenant, size)
        with self.parts.metrics.internalizing():
            return Reach.remember(self, text, image)

    def ask(self, question: str, image: str | None, choices: list[str] | None) -> ChatReply:
        """As `Reach`; not written to its end once the client is gone."""
        gone, shown = self.request.state.gone, None if image is None else data_url_in(image)
        return self.memory.ask(question, image=shown, choices=choices, cancelled=gone, **self.whose)

    def forget(self, memory_id: str) -> None:
        """As `Reach`, with what archives and answers hold of it; raises Forbidden."""
        self._writes()
        self.parts.delete(memory_id, scope_in(self.whose, self.tenant.id))
        self.request.state.target = memory_id

    def words(self, error: ParametricMemoryError) -> str:
        """Never what the server's own parts say."""
        problem = problem_of(error)
        return "an unexpected error" if problem is None else problem.detail

    def _writes(self) -> None:
        self.tenant.caller.require(TOOL_WRITES)
        self.request.state.writes = True


class _Exchange(Response):
    """The answer of a server that is made for one request."""

    def __init__(self, server: MCPServer[None], max_bytes: int) -> None:
        super().__init__()
        server.streamable_http_app(
            json_response=True, stateless_http=True, max_request_body_size=max_bytes, host=""
        )
        self._sessions = server.session_manager

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._sessions.run():
            await self._sessions.handle_request(scope, receive, send)


def _named(request: Request, field: str) -> str | None:
    """The name that the header or the query gives; headers are UTF-8."""
    header = f"X-Memory-{field.removesuffix('_id').capitalize()}"
    given = [*request.headers.getlist(header), *request.query_params.getlist(field)]
    if len(given) > 1:
        raise InvalidInput(f"{field} is given {len(given)} times; name it once, as {header} or in the query")
    if not given:
        return None
    if header not in request.headers:
        return given[0]
    try:
        return given[0].encode("latin-1").decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{header} is not UTF-8") from error


def _check_page(request: Request) -> None:
    """Refuse what a page of another site sends, and a Host that is not the page's. Raises Forbidden."""
    origin = request.headers.get("origin")
    if origin is not None and place(origin) != request.headers.get("host"):
        raise Forbidden("pages of other sites have no business here")
