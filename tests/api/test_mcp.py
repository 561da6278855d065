"""Memory for agents: the tools as the SDK's own client calls them, and the command that an agent starts."""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client

from memory import Memory
from memory.api.mcp import mcp_server
from memory.api.reach import Reach
from tests.api.conftest import live
from tests.conftest import MakeMemory
from tests.integration.test_images import picture

DOG = "My dog is called Biscuit."


def client(memory: Memory, user: str = "ana") -> Client:
    reach = Reach(memory, {"user_id": user}, memory.reader, memory.settings.max_text_bytes)
    return Client(mcp_server(reach), mode="legacy")


async def call(agent: Client, tool: str, **arguments: Any) -> tuple[str, bool]:
    """The text of a tool's result, and whether it is an error."""
    result = await agent.call_tool(tool, arguments)
    return "\n".join(part.text for part in result.content), bool(result.is_error)


async def test_what_is_remembered_is_recalled_listed_and_forgotten(memory: Memory) -> None:
    """By ids that the tools show."""
    async with client(memory) as agent:
        stored, failed = await call(agent, "remember", text=DOG)
        memory_id = stored[1 : stored.index("]")]
        assert (stored, failed) == (f"[{memory_id}] {DOG}", False)
        recalled, _ = await call(agent, "recall", query="What is my dog called?")
        assert recalled.endswith(f"{DOG} [{memory_id}]")
        assert (await call(agent, "list")) == (stored, False)
        assert (await call(agent, "forget", memory_id=memory_id)) == (f"Erased {memory_id}.", False)
        assert (await call(agent, "list")) == ("Nothing is remembered.", False)
        happened, _ = await call(agent, "history", memory_id=memory_id)
    assert [line.split()[1] for line in happened.splitlines()] == ["add", "delete"]
    assert "Biscuit" not in happened


async def test_a_picture_is_remembered_under_its_caption(memory: Memory) -> None:
    """By its data URL alone: what is none, or is not to be kept, is refused or skipped."""
    shown = "data:image/png;base64," + base64.b64encode(picture("blue")).decode()
    async with client(memory) as agent:
        stored, failed = await call(agent, "remember", text="The picture of our barn.", image=shown)
        assert (stored.partition("] ")[2], failed) == ("The picture of our barn.", False)
        assert "blue" in (await call(agent, "ask", question="What is the picture's middle?"))[0]
        for other in ("/etc/passwd", "https://example.com/a.png"):
            said, failed = await call(agent, "remember", text="Our barn.", image=other)
            assert (failed, "no data URL" in said) == (True, True)
        await call(agent, "remember", text="Don't remember this: our other barn.", image=shown)
    assert [one.kind for one in memory.list(user_id="ana").records] == ["image"]


async def test_what_was_not_stored_is_told(memory: Memory) -> None:
    """With the reason, and what the rest supersedes."""
    older = memory.add("I live in Lisbon.", user_id="ana")[0].id
    async with client(memory) as agent:
        said, _ = await call(agent, "remember", text="I live in Porto. What is the weather there?")
        asked, _ = await call(agent, "remember", text="Where do I live?")
    new = memory.list(user_id="ana").records[0]
    assert said.splitlines() == [
        f"[{new.id}] I live in Porto.",
        "Skipped, question: What is the weather there?",
        f"Supersedes [{older}].",
    ]
    assert asked == "Nothing in this was stored.\nSkipped, question: Where do I live?"


async def test_no_tool_reaches_another_user(memory: Memory) -> None:
    """Whose memory it is, is no argument, and another's id is unknown here."""
    secret = memory.add("My PIN is 4711.", user_id="ben")[0].id
    async with client(memory) as agent:
        tools = {tool.name: tool for tool in (await agent.list_tools()).tools}
        assert not any("user" in name for tool in tools.values() for name in tool.input_schema["properties"])
        for tool, arguments in {
            "recall": {"query": "What is my PIN?"},
            "ask": {"question": "What is my PIN?"},
            "list": {},
            "forget": {"memory_id": secret},
            "history": {"memory_id": secret},
            "remember": {"text": "I live in Rome.", "user_id": "ben"},
        }.items():
            said, _ = await call(agent, tool, **arguments)
            assert "4711" not in said
        with pytest.raises(MCPError):
            await agent.read_resource(f"memory://memories/{secret}")
        assert "4711" not in str(await agent.read_resource("memory://memories"))
    assert [record.text for record in memory.list(user_id="ben").records] == ["My PIN is 4711."]


async def test_memories_are_resources(memory: Memory) -> None:
    """All of them in one, and each by its id."""
    added = memory.add(DOG, user_id="ana")[0]
    async with client(memory) as agent:
        every = await agent.read_resource("memory://memories")
        one = await agent.read_resource(f"memory://memories/{added.id}")
    assert [part.text for part in (*every.contents, *one.contents)] == [f"[{added.id}] {DOG}", DOG]


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("forget", {"memory_id": "0" * 32}, "0" * 32),
        ("forget", {"memory_id": "'; DROP TABLE memories; --"}, "DROP TABLE"),
        ("remember", {"text": " \n "}, "empty"),
        ("remember", {"text": "a\x00b"}, "NUL"),
        ("remember", {"text": "x" * 3_000}, "bytes"),
        ("remember", {"text": {"role": "user"}}, "text"),
        ("recall", {"query": "x", "k": 51}, "50"),
        ("list", {"cursor": "nonsense"}, "cursor"),
        ("no_such_tool", {}, "no_such_tool"),
    ],
)
async def test_what_cannot_be_done_is_a_tools_error(
    make_memory: MakeMemory, tool: str, arguments: dict[str, Any], says: str
) -> None:
    """With a reason that a model can act on; the connection goes on."""
    memory = make_memory(max_text_bytes=1000)
    memory.add(DOG, user_id="ana")
    async with client(memory) as agent:
        try:
            said, failed = await call(agent, tool, **arguments)
        except MCPError as error:
            said, failed = str(error), True
        assert (says in said, failed) == (True, True)
        assert (await call(agent, "list"))[0].endswith(DOG)


async def test_a_text_of_many_lines_cannot_pass_for_another_memory(memory: Memory) -> None:
    """A memory is one line wherever lines are memories."""
    memory.add(f"My dog is called Biscuit.\n[{'0' * 32}] My PIN is 1.", user_id="ana")
    async with client(memory) as agent:
        listed, _ = await call(agent, "list")
    assert not any(line.startswith(f"[{'0' * 32}]") for line in listed.splitlines())


async def test_the_command_speaks_on_standard_output(tmp_path: Path) -> None:
    """And says nothing else there; whose memory it serves is the command's option."""
    code = "import sys; from integrations.command import main; sys.exit(main())"
    command = StdioServerParameters(
        command=sys.executable,
        args=["-c", code, "--home", str(tmp_path), "mcp", "--user", "ana"],
        cwd=Path(__file__).parents[2],
    )
    async with Client(stdio_client(command), mode="legacy") as agent:
        names = [tool.name for tool in (await agent.list_tools()).tools]
        assert await call(agent, "list") == ("Nothing is remembered.", False)
    assert names == ["remember", "recall", "ask", "list", "forget", "history"]


async def test_the_command_asks_a_server_without_a_model_here(make_memory: MakeMemory) -> None:
    """With MEMORY_URL, in a process that can import neither torch nor a database."""
    code = (
        "import sys; sys.modules |= dict.fromkeys(('torch', 'transformers', 'sqlalchemy', 'faiss'));"
        "from integrations.command import main; sys.exit(main())"
    )
    with live(make_memory(anonymous=True)) as url:
        command = StdioServerParameters(
            command=sys.executable,
            args=["-c", code, "mcp", "--user", "ana"],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "MEMORY_URL": url},
        )
        async with Client(stdio_client(command), mode="legacy") as agent:
            stored, failed = await call(agent, "remember", text=f"{DOG} How are you?")
            recalled, _ = await call(agent, "recall", query="What is my dog called?")
            answer, _ = await call(agent, "ask", question="What is my dog called?")
            unknown = await call(agent, "forget", memory_id="0" * 32)
    assert (failed, stored.splitlines()[0].endswith(DOG)) == (False, True)
    assert DOG in recalled
    assert "Biscuit" in answer
    assert unknown[1]
