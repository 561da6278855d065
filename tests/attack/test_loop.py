"""What is refused holds no event loop: whoever else is answered by it waits for no more than a step.

Measured is how much of the processor one step of the loop takes, and not how long it takes by the clock: that
is the same on a busy machine.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from memory import Memory
from memory.api.strict_json import BadBody, parsed
from tests.api.conftest import Founded, live
from tests.api.stub_upstream import stub_upstream
from tests.command import echoes

SIZE = int(os.environ.get("ATTACK_SIZE", "1"))  # `make attack` tries each more often
MOST_S = 0.1  # in which /health/live has to answer
MANY = 33_000  # objects of two values: more than a body may have
WELL_FORMED = 28_000  # as many messages as a body may have: more is refused as it is read
LONG = 15_000_000
AS_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Sent:
    """A request."""

    path: str
    body: bytes
    headers: dict[str, str]
    keyed: bool = True
    method: str = "POST"


def as_json(path: str, body: Any, *, keyed: bool = True) -> Sent:
    return Sent(path, json.dumps(body).encode(), AS_JSON, keyed)


def messages(many: int, **more: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": "x", **more}] * many


FAMILIES: dict[str, Callable[[], Sent]] = {
    "well-formed messages": lambda: as_json(
        "/v1/memories", {"user_id": "ana", "messages": messages(WELL_FORMED)}
    ),
    "well-formed turns": lambda: as_json(
        "/v1/sessions/s/turns", {"user_id": "ana", "messages": messages(WELL_FORMED)}
    ),
    "a well-formed chat": lambda: as_json(
        "/v1/chat/completions", {"model": "reference", "user": "ana", "messages": messages(WELL_FORMED)}
    ),
    "parts of a well-formed message": lambda: as_json(
        "/v1/memories",
        {
            "user_id": "ana",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}] * WELL_FORMED}],
        },
    ),
    "a well-formed response": lambda: as_json(
        "/v1/responses", {"model": "reference", "input": messages(WELL_FORMED)}
    ),
    "the last of many is wrong": lambda: as_json(
        "/v1/memories", {"user_id": "ana", "messages": [*messages(WELL_FORMED), {"role": "user"}]}
    ),
    "messages without number": lambda: as_json(
        "/v1/memories", {"user_id": "ana", "messages": messages(MANY)}
    ),
    "messages that are none": lambda: as_json("/v1/memories", {"user_id": "ana", "messages": [{}] * 99_000}),
    "numbers for messages": lambda: as_json("/v1/memories", {"user_id": "ana", "messages": [1] * 99_000}),
    "messages of a chat": lambda: as_json("/v1/chat/completions", {"model": "m", "messages": messages(MANY)}),
    "parts of a message": lambda: as_json(
        "/v1/chat/completions",
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}] * MANY}]},
    ),
    "parts that are none": lambda: as_json(
        "/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": [{}] * 99_000}]}
    ),
    "items of a response": lambda: as_json("/v1/responses", {"model": "m", "input": messages(MANY)}),
    "unknown fields": lambda: as_json("/v1/search", {f"f{n}": n for n in range(99_000)}),
    "unknown fields within": lambda: as_json(
        "/v1/chat/completions",
        {"model": "m", "messages": messages(1), "stream_options": {f"f{n}": n for n in range(99_000)}},
    ),
    "texts that are none": lambda: as_json(
        "/v1/chat/completions", {"model": "m", "messages": messages(1), "stop": [""] * 99_000}
    ),
    "content of numbers": lambda: as_json(
        "/v1/memories", {"user_id": "ana", "messages": [{"role": "user", "content": [1] * 99_000}]}
    ),
    "much metadata": lambda: as_json(
        "/v1/memories", {"user_id": "ana", "text": "x", "metadata": {f"f{n}": n for n in range(99_000)}}
    ),
    "a wide filter": lambda: as_json(
        "/v1/search", {"user_id": "ana", "query": "x", "filters": {"OR": [{"a": n} for n in range(49_000)]}}
    ),
    "a long text": lambda: as_json("/v1/memories", {"user_id": "ana", "text": "x" * LONG}),
    "a long text of escapes": lambda: as_json(
        "/v1/search", {"user_id": "ana", "query": "\U0001f600" * (LONG // 12)}
    ),
    "a long name": lambda: as_json("/v1/memories", {"user_id": "a" * LONG, "text": "x"}),
    "a long picture": lambda: as_json(
        "/v1/memories", {"user_id": "ana", "text": "x", "image": "data:image/png;base64," + "A" * LONG}
    ),
    "a long kind of picture": lambda: as_json(
        "/v1/memories", {"user_id": "ana", "text": "x", "image": "data:" + ";" * LONG}
    ),
    "a batch of calls of tools": lambda: as_json(
        "/mcp", [{"jsonrpc": "2.0", "id": n, "method": "ping"} for n in range(24_000)]
    ),
    "arguments of a tool": lambda: as_json(
        "/mcp",
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "recall", "arguments": {f"f{n}": n for n in range(99_000)}},
        },
    ),
    "nested arrays of a stranger": lambda: Sent(
        "/v1/memories", b'{"a":[' + b"[]," * (LONG // 3) + b"[]]}", AS_JSON, keyed=False
    ),
    "nested arrays": lambda: Sent("/v1/memories", b'{"a":[' + b"[]," * (LONG // 3) + b"[]]}", AS_JSON),
    "quotes and backslashes": lambda: Sent("/v1/memories", b'{"a":"' + b'\\"' * (LONG // 2) + b'"}', AS_JSON),
    "no JSON": lambda: Sent("/v1/memories", b"{" * LONG, AS_JSON),
    "a form of separators": lambda: Sent(
        "/console/sign-in", b"&" * LONG, {"Content-Type": "application/x-www-form-urlencoded"}, keyed=False
    ),
    "an upload of beginnings": lambda: Sent(
        "/v1/memories", b"\r\n--x" * (LONG // 5), {"Content-Type": "multipart/form-data; boundary=x"}
    ),
    "an archive that is none": lambda: Sent("/v1/import?user_id=ana", b"PK\5\6" * (LONG // 4), {}),
    "an address of separators": lambda: Sent("/v1/memories?user_id=ana&" + "&" * 7000, b"", {}, method="GET"),
    "headers": lambda: Sent("/v1/memories", b"", {f"X-{n}": ";," * 10 for n in range(200)}, method="GET"),
}


@contextmanager
def watched() -> Iterator[list[float]]:
    """How many seconds of the processor the longest step of a loop took since; one item."""
    longest, run = [0.0], asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        began = time.thread_time()
        run(handle)
        longest[0] = max(longest[0], time.thread_time() - began)

    gc.collect()
    gc.freeze()  # as a server does with all that it has loaded
    asyncio.Handle._run = timed  # type: ignore[method-assign]
    try:
        yield longest
    finally:
        asyncio.Handle._run = run  # type: ignore[method-assign]
        gc.unfreeze()


@pytest.fixture(scope="module")
def server(founded: Founded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a live one, and a key."""
    home: Path = founded.copied(tmp_path_factory.mktemp("loop") / "home")
    with Memory(home=home, **echoes()) as memory, live(memory) as url:
        httpx.get(f"{url}/health/ready", timeout=60)
        yield url, founded.keys["acme"]


def send(url: str, key: str, one: Sent) -> int:
    """The status of its answer; 0 where the connection was closed before all was sent."""
    headers = {**one.headers, **({"Authorization": f"Bearer {key}"} if one.keyed else {})}
    try:
        return httpx.request(
            one.method, url + one.path, content=one.body, headers=headers, timeout=120
        ).status_code
    except httpx.TransportError:
        return 0


@pytest.mark.parametrize("family", FAMILIES)
def test_no_step_of_the_loop_is_long(server: tuple[str, str], family: str) -> None:
    """Whichever is sent: no 5xx, and no step that `/health/live` could not wait for."""
    url, key = server
    one = FAMILIES[family]()
    with watched() as longest:
        for _ in range(SIZE):
            status = send(url, key, one)
            assert status < 500
        assert httpx.get(f"{url}/health/live", timeout=60).status_code == 200
    assert 0.0 < longest[0] < MOST_S, f"{family}: {status} after a step of {1000 * longest[0]:.0f} ms"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
@pytest.mark.parametrize("body", [{"messages": messages(20_000)}, {"messages": messages(1), "x": "x" * LONG}])
def test_before_an_upstream_neither(
    founded: Founded, tmp_path: Path, path: str, body: dict[str, Any]
) -> None:
    """What is passed on is read and written in threads."""
    given = {"model": "m", "user": "ana", **body}
    if path.endswith("responses"):
        given["input"] = given.pop("messages")
    home = founded.copied(tmp_path / "home")
    with stub_upstream() as stub, Memory(home=home, upstream_url=stub.url, **echoes()) as memory:
        stub.responds = True
        with live(memory) as url:
            httpx.get(f"{url}/health/ready", timeout=60)
            with watched() as longest:
                status = send(url, founded.keys["acme"], as_json(path, given))
            assert (status, len(stub.requests)) == (200, 1)
    assert 0.0 < longest[0] < MOST_S, f"a step of {1000 * longest[0]:.0f} ms"


def test_a_long_name_around_many_values_is_not_said_for_each() -> None:
    """Places are named in messages alone: 100,000 values in a list called a megabyte would be 100 GB."""
    body = json.dumps({"a" * 20_000: [1] * 20_000}).encode()
    tracemalloc.start()
    assert len(parsed(body)) == 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24
    with pytest.raises(BadBody) as refusal:
        parsed(json.dumps({"a" * 20_000: ["\0"]}).encode())
    assert len(str(refusal.value)) < 300


def test_a_step_that_is_long_is_seen() -> None:
    """Else all of the above would prove nothing."""

    async def hold() -> None:
        until = time.thread_time() + 2 * MOST_S
        while time.thread_time() < until:
            pass

    with watched() as longest:
        asyncio.run(hold())
    assert longest[0] > MOST_S
