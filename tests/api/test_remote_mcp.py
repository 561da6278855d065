"""/mcp: the SDK's own client over HTTP, with keys, users, and what must not get in."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from memory import Memory
from memory.api.app import open_store
from memory.settings import Settings
from tests.api.conftest import CAT, DOG, Api, Founded, live
from tests.api.test_mcp import call
from tests.command import echoes

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}
ANA = {"X-Memory-User": "ana"}


@pytest.fixture(scope="module")
def url(founded: Founded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A live server's."""
    settings = Settings.load(home=founded.copied(tmp_path_factory.mktemp("mcp") / "home"))
    with Memory(settings, **{"store": open_store(settings), **echoes()}) as memory, live(memory) as address:
        yield f"{address}/mcp"


@asynccontextmanager
async def agent(url: str, key: str, mode: str = "auto", **names: str) -> AsyncIterator[Client]:
    """A client of the SDK with a key and headers."""
    named = {f"X-Memory-{name.capitalize()}": value.encode() for name, value in names.items()}
    headers = {"Authorization": f"Bearer {key}", **named}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=20) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_told_recalled_read_and_forgotten(url: str, founded: Founded, mode: str) -> None:
    """With clients of both generations of the protocol."""
    async with agent(url, founded.keys["acme"], mode, user=f"ana-{mode}") as ana:
        stored, failed = await call(ana, "remember", text=DOG)
        memory_id = stored[1 : stored.index("]")]
        assert (stored, failed) == (f"[{memory_id}] {DOG}", False)
        assert (await call(ana, "recall", query="What is my dog called?"))[0].endswith(f"{DOG} [{memory_id}]")
        one = await ana.read_resource(f"memory://memories/{memory_id}")
        assert one.contents[0].text == DOG
        assert (await call(ana, "ask", question="What is my dog called?"))[1] is False
        assert (await call(ana, "forget", memory_id=memory_id)) == (f"Erased {memory_id}.", False)
        assert (await call(ana, "list")) == ("Nothing is remembered.", False)
        assert "delete" in (await call(ana, "history", memory_id=memory_id))[0]


async def test_tenants_and_users_at_once_see_their_own(url: str, founded: Founded) -> None:
    """Four agents, interleaved: same names, other tenants; another's id is unknown."""
    acme, globex = founded.keys["acme"], founded.keys["globex"]
    who = [(acme, "eve"), (acme, "Jörg 東"), (globex, "eve"), (globex, "Jörg 東")]

    async def told(number: int, key: str, user: str) -> tuple[str, str]:
        async with agent(url, key, user=user) as client:
            for step in range(3):
                await call(client, "remember", text=f"My number {step} is {number}{step}.")
            return (await call(client, "list"))[0], (await call(client, "recall", query="My number?"))[0]

    found = await asyncio.gather(*(told(number, *one) for number, one in enumerate(who, 1)))
    for number, (listed, recalled) in enumerate(found, 1):
        assert [line.split(" is ")[1] for line in listed.splitlines()] == [f"{number}{s}." for s in (2, 1, 0)]
        others = {str(n) for n in range(1, 5)} - {str(number)}
        assert not any(f"is {other}" in recalled for other in others)
    theirs = found[0][0].split("]")[0][1:]
    for key, user in who[1:]:
        async with agent(url, key, user=user) as client:
            for tool in ("forget", "history"):
                assert (await call(client, tool, memory_id=theirs))[1]
            with pytest.raises(MCPError):
                await client.read_resource(f"memory://memories/{theirs}")
    async with agent(url, acme, user="eve") as client:
        assert (await call(client, "list"))[0] == found[0][0]


async def test_a_key_that_may_read_writes_nothing(url: str, founded: Founded) -> None:
    """The tool says why, and reading goes on."""
    async with agent(url, founded.keys["acme"], user="ida") as ida:
        stored, _ = await call(ida, "remember", text=DOG)
    async with agent(url, founded.keys["acme-read"], user="ida") as ida:
        for tool, arguments in {"remember": {"text": CAT}, "forget": {"memory_id": stored[1:33]}}.items():
            said, failed = await call(ida, tool, **arguments)
            assert failed
            assert "role 'write'" in said
        assert await call(ida, "list") == (stored, False)


async def test_names_may_come_in_the_query(url: str, founded: Founded) -> None:
    """For clients that can set nothing but an address and a key."""
    async with agent(f"{url}?user_id=J%C3%B6rg", founded.keys["globex"]) as one:
        stored, _ = await call(one, "remember", text=CAT)
    async with agent(url, founded.keys["globex"], user="Jörg") as same:
        assert await call(same, "list") == (stored, False)


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ({}, "", 422),  # whose memory?
        ({"X-Memory-User": " "}, "", 422),
        (ANA, "?user_id=ben", 422),
        ({"X-Memory-User": "x" * 300}, "", 422),
        (ANA | {"Origin": "https://evil.example"}, "", 403),
        (ANA | {"Origin": "null"}, "", 403),
        (ANA | {"Authorization": "Bearer pm_0"}, "", 401),
        (ANA | {"Content-Type": "text/plain"}, "", 400),
        (ANA | {"Accept": "text/html"}, "", 406),
        (ANA | {"MCP-Protocol-Version": "1999-01-01"}, "", 400),
        (ANA, "", 200),
        (ANA | {"Origin": "http://127.0.0.1:8750"}, "", 200),
    ],
)
def test_what_asks_wrongly_is_refused(
    shared_api: Api, headers: dict[str, Any], path: str, status: int
) -> None:
    """Before any tool; a good request is let in."""
    headers = ACCEPT | {"Authorization": f"Bearer {shared_api.keys['acme']}"} | headers
    headers.setdefault("Content-Type", "application/json")
    answer = shared_api.call("POST", f"/mcp{path}", None, content=json.dumps(INITIALIZE), headers=headers)
    assert answer.status_code == status, answer.text


def test_two_headers_of_one_name_are_refused(shared_api: Api) -> None:
    """Else whoever passes a proxy that adds the second could choose the first."""
    key = ("Authorization", f"Bearer {shared_api.keys['acme']}")
    twice = [key, *ACCEPT.items(), ("X-Memory-User", "ana"), ("X-Memory-User", "ben")]
    assert shared_api.client.post("/mcp", json=INITIALIZE, headers=twice).status_code == 422


def test_a_name_that_is_no_utf_8_is_refused(url: str, founded: Founded) -> None:
    """And not taken for another, as Latin-1."""
    headers = ACCEPT | {"Authorization": f"Bearer {founded.keys['acme']}"}
    named = [*((name.encode(), value.encode()) for name, value in headers.items())]
    answer = httpx2.post(url, json=INITIALIZE, headers=[*named, (b"X-Memory-User", b"J\xf6rg")])
    assert (answer.status_code, "UTF-8" in answer.text) == (422, True)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff", b'{"jsonrpc": "2.0", "id": 1}', b"[" * 40 + b"]" * 40]
)
def test_what_is_no_message_is_refused(shared_api: Api, body: bytes) -> None:
    headers = ACCEPT | ANA | {"Content-Type": "application/json"}
    answer = shared_api.call("POST", "/mcp", content=body, headers=headers)
    assert 400 <= answer.status_code < 500, answer.text


def test_there_is_no_stream_and_no_session_to_end(shared_api: Api) -> None:
    """The protocol's own way to say so."""
    for method in ("GET", "DELETE"):
        answer = shared_api.call(method, "/mcp", headers=ANA)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def tool(api: Api, name: str, who: str = "acme", **arguments: Any) -> Any:
    """A tool's result, by one request."""
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    answer = api.post(
        "/mcp", asked | {"params": {"name": name, "arguments": arguments}}, who=who, headers=ACCEPT | ANA
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


def test_writes_are_audited_and_within_quotas(make_api: Any) -> None:
    """As over REST: what was read is no write; what has no room is not stored."""
    api = make_api(async_text_bytes=500)
    api.call("PUT", "/v1/tenants/acme/quotas", "operator", json={"memories": 1})
    tool(api, "recall", query="x")
    assert not tool(api, "remember", text=DOG)["isError"]
    full = tool(api, "remember", text=CAT)
    assert (full["isError"], "memories" in full["content"][0]["text"]) == (True, True)
    long = tool(api, "remember", text="x" * 501)
    assert "501 bytes" in long["content"][0]["text"]
    assert not tool(api, "forget", memory_id=api.get("/v1/memories?user_id=ana").json()["memories"][0]["id"])[
        "isError"
    ]
    entries = api.get("/v1/audit", who="acme-admin").json()["entries"]
    assert [one["action"] for one in entries].count("POST /mcp") == 4


def test_without_the_extra_one_line_says_so(shared_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "memory.api.mcp", raising=False)
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    answer = shared_api.post("/mcp", INITIALIZE, headers=ACCEPT | ANA)
    assert (answer.status_code, "extra `mcp`" in answer.json()["detail"]) == (501, True)
