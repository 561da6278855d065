"""The verbs of a memory: in this process, and behind a server for threads and for event loops."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from memory import Memory, errors
from memory.api.app import open_store
from memory.client import AsyncClient, Client
from memory.conformance import VerbsConformance
from memory.settings import Settings
from tests.api.conftest import Api, live
from tests.command import echoes
from tests.in_process import InProcess
from tests.integration.test_images import picture

URL = "http://127.0.0.1:8750"


class AsyncInProcess(httpx.AsyncBaseTransport):
    """What an asynchronous client's requests go through to a server in this process."""

    def __init__(self, api: Api) -> None:
        self._blocking = InProcess(api.client)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        read = httpx.Request(
            request.method, request.url, headers=request.headers, content=await request.aread()
        )
        return await anyio.to_thread.run_sync(self._blocking.handle_request, read)


class Awaited:
    """The verbs of an asynchronous client, each run to its end in a loop of its own thread."""

    def __init__(self, client: AsyncClient, portal: BlockingPortal) -> None:
        self._client = client
        self._portal = portal

    def __getattr__(self, name: str) -> Callable[..., Any]:
        verb = getattr(self._client, name)
        if name.endswith("_stream"):
            return lambda *args, **given: iter(self._portal.call(_all, verb(*args, **given)))
        return lambda *args, **given: self._portal.call(partial(verb, *args, **given))


async def _all(pieces: AsyncIterator[Any]) -> list[Any]:
    return [piece async for piece in pieces]


class TestVerbs(VerbsConformance):
    """Of `Memory`, `Client` and `AsyncClient`."""

    @pytest.fixture(params=["Memory", "Client", "AsyncClient"])
    def memory(self, request: pytest.FixtureRequest, api: Api) -> Iterator[Any]:
        key = api.keys["acme"]
        if request.param == "Memory":
            yield api.parts.memory
        elif request.param == "Client":
            with Client(URL, key, transport=InProcess(api.client)) as client:
                yield client
        else:
            with start_blocking_portal() as portal:
                client = AsyncClient(URL, key, transport=AsyncInProcess(api))
                yield Awaited(client, portal)
                portal.call(client.close)

    def test_a_picture_in_a_chat_is_remembered_and_one_that_is_asked_about_is_not(self, memory: Any) -> None:
        """By bytes, a path or a data URL; the reply says what was seen of the latter."""
        middle = "What is the picture's middle?"
        assert "blue" in memory.chat(middle, image=picture("blue"), user_id="ana").text
        [kept] = memory.list(user_id="ana", kind="image").records
        asked = memory.ask(middle, image=picture("red"), user_id="ana")
        assert ("red" in asked.text, asked.seen) == (True, "The picture's middle is red.")
        assert asked.adapters == ()
        later = memory.ask(middle, user_id="ana")
        assert ("blue" in later.text, later.seen) == (True, "")
        assert [choice.memory_id for choice in later.adapters] == [kept.id]
        assert memory.list(user_id="ana").records == (kept,)

    def test_a_picture_that_is_asked_about_goes_with_what_is_remembered(self, memory: Any) -> None:
        """In every mode, with adapters that are given too; a remark that is not to be kept keeps neither."""
        memory.add("Our barn is old.", user_id="ana")
        for mode in ("auto", "adapters", "text", "both"):
            for asked, answer in (
                ("What is the picture's middle?", "red"),
                ("What about our barn?", "old"),
            ):
                reply = memory.ask(asked, image=picture("red"), mode=mode, user_id="ana")
                assert answer in reply.text, (mode, asked)
        said = {"role": "user", "content": "What is the picture's middle?"}
        assert "red" in memory.answer(said, image=picture("red"), adapters=[], user_id="ana").text
        memory.chat("Don't remember this: our barn is blue.", image=picture("blue"), user_id="ana")
        assert [one.text for one in memory.list(user_id="ana").records] == ["Our barn is old."]


def test_an_archive_that_is_too_large_is_told_as_such(tmp_path: Path) -> None:
    """Over a real connection, to both clients, though the server answers before it was sent."""
    archive = tmp_path / "a.zip"
    archive.write_bytes(bytes(20_000_000))  # more than what is under way at once
    settings = Settings.load(home=tmp_path / "home", anonymous=True, max_archive_bytes=1000)
    with Memory(settings, store=open_store(settings), **echoes()) as memory, live(memory) as url:
        with Client(url) as client, pytest.raises(errors.TextTooLarge, match="larger than 1,000"):
            client.import_(archive)

        async def imported() -> None:
            async with AsyncClient(url) as client:
                await client.import_(archive)

        with pytest.raises(errors.TextTooLarge, match="larger than 1,000"):
            anyio.run(imported)


def test_a_loop_is_told_of_a_server_that_went_away() -> None:
    """Sent again as often as `Client` does; a stream that breaks off is no reply."""
    asked: list[str] = []

    def gone(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if request.url.path == "/v1/models":
            return httpx.Response(200, json={"data": [{"id": "reference"}]})
        if request.url.path == "/v1/chat/completions":
            return httpx.Response(200, text='data: {"choices": [{"delta": {"content": "My"}}]}\n\n')
        raise httpx.ConnectError("refused")

    async def asking() -> None:
        async with AsyncClient(URL, transport=httpx.MockTransport(gone), retries=1) as client:
            with pytest.raises(errors.ServerUnavailable, match="no server at"):
                await client.list(user_id="ana")
            with pytest.raises(errors.ServerUnavailable, match="broke off"):
                await client.ask("What is my dog called?", user_id="ana")

    anyio.run(asking)
    assert asked == ["/v1/memories", "/v1/memories", "/v1/models", "/v1/chat/completions"]
