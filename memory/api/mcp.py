"""Memory for agents that speak the Model Context Protocol: tools and resources on a Service.

Needs the extra `mcp`. Whose memory it is was settled before the first call (`Reach`): names are no arguments
of the tools, so that no model, and no text that a model read, can reach another user's memories.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from importlib.metadata import version
from typing import Annotated, ParamSpec

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from memory.api.reach import Reach
from memory.errors import ParametricMemoryError
from memory.records import HistoryEvent, MemoryRecord
from memory.records.inputs import MAX_RECALLED
from memory.write.added import Added

INSTRUCTIONS = (
    "Long-term memory of one user. Recall before you answer what may depend on earlier conversations; "
    "remember what the user tells about themselves, their plans and preferences, in full sentences; forget "
    "what they ask you to forget."
)
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True)
_ERASES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True)

Text = Annotated[str, Field(description="One or more full sentences, as the user would say them.")]
Image = Annotated[
    str | None, Field(description="A picture as a data URL, data:image/png;base64,... No address is fetched.")
]
MemoryId = Annotated[str, Field(description="The id of a memory, as `recall` and `list` show it.")]
P = ParamSpec("P")


def mcp_server(reach: Reach) -> MCPServer[None]:
    """A server of what is within reach. Tools run in worker threads; what a memory refuses is a tool's error.

    Nothing is kept from one call to the next, and nobody can subscribe: a server may live for one request.
    """
    memory, whose = reach.memory, reach.whose
    server: MCPServer[None] = MCPServer(
        "parametric-memory",
        title="Parametric Memory",
        version=version("parametric-memory"),
        instructions=INSTRUCTIONS,
        log_level="WARNING",
        subscriptions=False,
    )
    told = _telling(reach)

    @server.tool(annotations=_WRITES)
    @told
    def remember(text: Text, image: Image = None) -> str:
        """Remember what the user told. Equal text is stored once; a newer fact replaces an older one.

        With an image, the picture is remembered, and the text is its caption.

        Questions, requests and small talk are not stored. Returns an id and the text of each memory, and
        what was skipped or superseded.
        """
        return _added(reach.remember(text, image))

    @server.tool(annotations=_READS)
    @told
    def recall(
        query: Annotated[str, Field(description="What you are about to answer, or a topic.")],
        k: Annotated[int, Field(ge=1, le=MAX_RECALLED, description="Maximum number of memories.")] = 10,
    ) -> str:
        """Recall the user's memories that matter for a query: date, text and id, the most relevant first.

        What newer memories replaced comes last, and says so. Nothing found is no proof of the contrary.
        """
        found = memory.recall(query, k=k, **whose)
        return "\n".join(f"{one.line} [{one.memory_id}]" for one in found) or "Nothing is remembered of this."

    @server.tool(annotations=_READS)
    @told
    def ask(
        question: Annotated[str, Field(description="A question about what was remembered.")],
        image: Image = None,
        choices: Annotated[
            list[str] | None, Field(description="Answers to choose from, 2 to 64 short texts.")
        ] = None,
    ) -> str:
        """Let the memory answer from its adapters, without reading texts: a short answer or "I don't know."

        With an image, the question may be about it; the picture is not remembered. With choices, each comes
        with its probability, the likeliest first.

        A small model answers. For anything that needs thought, use `recall` and answer yourself.
        """
        reply = reach.ask(question, image, choices)
        return "\n".join(f"{one.probability:.3f} {one.text}" for one in reply.choices) or reply.text

    @server.tool(name="list", annotations=_READS)
    @told
    def list_memories(
        limit: Annotated[int, Field(ge=1, le=100, description="Maximum number of memories.")] = 20,
        cursor: Annotated[str | None, Field(description="From the last line of the page before.")] = None,
    ) -> str:
        """List the user's memories, newest first; a last line with a cursor where there are more."""
        page = memory.list(limit=limit, cursor=cursor, **whose)
        more = f"\nMore: cursor={page.cursor}" if page.cursor else ""
        return (_lines(page.records) or "Nothing is remembered.") + more

    @server.tool(annotations=_ERASES)
    @told
    def forget(memory_id: MemoryId) -> str:
        """Erase one memory for good, text and adapter. Ask the user first, unless they asked for it."""
        reach.forget(memory_id)
        return f"Erased {memory_id}."

    @server.tool(annotations=_READS)
    @told
    def history(memory_id: MemoryId) -> str:
        """What happened to a memory, oldest first, also after it was erased. Never what it said."""
        return "\n".join(map(_event, memory.history(memory_id, **whose)))

    @server.resource("memory://memories", mime_type="text/plain")
    @_telling(reach, ResourceError)
    def memories() -> str:
        """The 100 newest memories: id and text."""
        return _lines(memory.list(limit=100, **whose).records)

    @server.resource("memory://memories/{memory_id}", mime_type="text/plain")
    @_telling(reach, ResourceError)
    def one(memory_id: str) -> str:
        """One memory's text."""
        return memory.get(memory_id, **whose).text

    return server


def _telling(
    reach: Reach, kind: type[ToolError | ResourceError] = ToolError
) -> Callable[[Callable[P, str]], Callable[P, str]]:
    """What the memory refuses is told to the model, which may mend its call; anything else stays here."""

    def telling(call: Callable[P, str]) -> Callable[P, str]:
        @wraps(call)
        def told(*args: P.args, **kwargs: P.kwargs) -> str:
            try:
                return call(*args, **kwargs)
            except ParametricMemoryError as error:
                raise kind(reach.words(error)) from error

        return told

    return telling


def _lines(records: Sequence[MemoryRecord]) -> str:
    """One line each, so that no text can pass for another memory."""
    return "\n".join(f"[{record.id}] {'; '.join(record.text.splitlines())}" for record in records)


def _added(added: Added) -> str:
    said = [_lines(added) or "Nothing in this was stored."]
    skipped = ((one.reason, " ".join(one.text.split())) for one in added.skipped)
    said += [f"Skipped, {reason}: {text}" for reason, text in skipped if text]
    said += [f"Supersedes [{memory_id}]." for memory_id in sorted(added.superseded)]
    return "\n".join(said)


def _event(event: HistoryEvent) -> str:
    return f"{event.at.isoformat(timespec='seconds')} {event.event.lower()}"
