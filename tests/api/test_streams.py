"""Streams whose reader goes away, and replies that are written together."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from hypernet.doc_to_lora import DocToLoRA
from memory import Memory
from memory.api import events
from memory.backends.model.local import LocalModel
from memory.errors import ModelUnavailable
from memory.fakes import EchoGenerator, WordEmbedder
from memory.fakes.models import EchoGeneration
from memory.ports import GenerationRequest
from tests.api.conftest import live
from tests.command import echoes

ASK: dict[str, Any] = {
    "model": "reference",
    "user": "ana",
    "messages": [{"role": "user", "content": "Who wrote Faust?"}],  # nothing told has to answer it
}


class Endless(EchoGenerator):
    """Writes until it is told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.cancelled = Event(), Event()

    def stream(self, _: GenerationRequest) -> EchoGeneration:
        return _Endless(self)


class _Endless(EchoGeneration):
    def __init__(self, owner: Endless) -> None:
        super().__init__(1, ["word"])
        self._owner = owner

    def __next__(self) -> str:
        self._owner.begun.set()
        time.sleep(0.005)
        return "word "

    def close(self) -> None:
        self._owner.cancelled.set()


def test_a_client_that_goes_away_cancels_its_reply(tmp_path: Path) -> None:
    """Nobody reads on, so nothing is written on; and nothing of it is remembered."""
    endless = Endless()
    parts = {**echoes(), "generator": endless}
    with Memory(home=tmp_path / "home", anonymous=True, **parts) as memory, live(memory) as url:
        with httpx.stream("POST", f"{url}/v1/chat/completions", json={**ASK, "stream": True}) as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith("data: ")
            assert endless.begun.wait(10)
            assert not endless.cancelled.is_set()
        assert endless.cancelled.wait(10)
        assert memory.stats(user_id="ana").memories == 0


@pytest.mark.parametrize("path", ["/v1/import", "/v1/memories"])
def test_an_upload_that_is_broken_off_is_no_error_of_the_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    """It is logged as what it is, without a trace, and counted as no 500; nothing of it is kept."""
    home = tmp_path / "home"
    with (
        caplog.at_level("INFO", "memory"),
        Memory(home=home, anonymous=True, **echoes()) as memory,
        live(memory) as url,
    ):
        address = urlsplit(url)
        begun = f"POST {path}?user_id=ana HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        with socket.create_connection((address.hostname, address.port)) as client:
            body = b'{"user_id": "ana", "text": "My dog is called Biscuit."}'
            client.sendall(f"{begun}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body)
            time.sleep(0.1)
        assert _until(lambda: bool(_requests(caplog)))
        [fields] = _requests(caplog)
        assert (fields["route"].startswith("/v1") or fields["route"] == "unknown", fields["status"]) == (
            True,
            499,
        )
        assert all(record.exc_info is None for record in caplog.records)
        page = httpx.get(f"{url}/metrics").text
        assert 'status="5' not in page
        assert memory.stats(user_id="ana").memories == 0
        assert not [path for path in (home / "archives").rglob("*") if path.is_file()]


def _requests(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.__dict__["fields"] for record in caplog.records if record.message == "request"]


def test_chats_at_the_same_time_share_batches(tmp_path: Path, tiny_d2l: DocToLoRA) -> None:
    """Eight clients, far fewer batches; each gets its own reply, the same as alone."""
    model = LocalModel(lambda: tiny_d2l, batch_window_s=0.02)
    home = {"home": tmp_path / "home", "anonymous": True, "max_new_tokens": 8}
    parts = {"embedder": WordEmbedder(), "internalizer": model, "generator": model}
    with Memory(**home, **parts) as memory, live(memory) as url, httpx.Client(base_url=url) as client:
        begun = Event()

        def hold() -> bool:
            begun.set()
            return _until(lambda: model.engine.waiting >= 8)

        def said(n: int) -> str:
            asked = {**ASK, "user": f"user{n}", "store": False}
            answer = client.post("/v1/chat/completions", json=asked, timeout=60)
            return str(answer.json()["choices"][0]["message"])

        for n in range(8):
            memory.add(f"My dog {n} is called Biscuit{n}.", user_id=f"user{n}")
        alone = [said(n) for n in range(8)]
        before = model.engine.batches
        with ThreadPoolExecutor(9) as pool:
            held = pool.submit(model.engine.run, hold)
            assert begun.wait(10)
            together = list(pool.map(said, range(8)))
            assert held.result()
        assert together == alone
        assert model.engine.batches - before <= 4


def _until(reached: Callable[[], bool]) -> bool:
    """Whether it came to that, for however slow a machine."""
    until = time.monotonic() + 30
    while not reached() and time.monotonic() < until:
        time.sleep(0.01)
    return reached()


def test_a_stream_is_not_held_back(tmp_path: Path) -> None:
    """Its first words arrive while the rest is being written, where nothing told has to answer."""
    gate = Event()

    class Held(EchoGenerator):
        def stream(self, _: GenerationRequest) -> EchoGeneration:
            return _Held()

    class _Held(EchoGeneration):
        def __init__(self) -> None:
            super().__init__(1, ["first", "second"])

        def __next__(self) -> str:
            if self.completion_tokens == 1:
                assert gate.wait(10)
            return super().__next__()

    parts = {**echoes(), "generator": Held()}
    with (
        Memory(home=tmp_path / "home", anonymous=True, **parts) as memory,
        live(memory) as url,
        httpx.stream("POST", f"{url}/v1/chat/completions", json={**ASK, "stream": True}) as answer,
    ):
        events = _events(answer)
        assert next(events)["choices"][0]["delta"]["role"] == "assistant"
        assert next(events)["choices"][0]["delta"]["content"] == "first"
        gate.set()
        assert next(events)["choices"][0]["delta"]["content"] == " second"


class Halting(EchoGenerator):
    """Says a word, and before each waits to be let go on, or to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: Queue[Exception | None] = Queue()
        self.closed = Event()

    def stream(self, _: GenerationRequest) -> EchoGeneration:
        return _Halting(self)


class _Halting(EchoGeneration):
    def __init__(self, owner: Halting) -> None:
        super().__init__(1, ["first", "second"])
        self._owner = owner

    def __next__(self) -> str:
        if error := self._owner.turns.get(timeout=10):
            raise error
        return super().__next__()

    def close(self) -> None:
        self._owner.closed.set()


@pytest.fixture
def halting(monkeypatch: pytest.MonkeyPatch) -> Halting:
    monkeypatch.setattr(events, "KEEP_ALIVE_S", 0.02)
    return Halting()


def test_a_silent_stream_says_that_it_is_alive(tmp_path: Path, halting: Halting) -> None:
    """Before the first word and between two, with comments, which are no events."""
    parts = {**echoes(), "generator": halting}
    with (
        Memory(home=tmp_path / "home", anonymous=True, **parts) as memory,
        live(memory) as url,
        httpx.stream("POST", f"{url}/v1/chat/completions", json={**ASK, "stream": True}) as answer,
    ):
        lines = (line for line in answer.iter_lines() if line)
        for awaited in ('"first', '" second', "[DONE]"):
            assert [next(line for line in lines if line == ": keep-alive") for _ in range(2)]
            halting.turns.put(None)
            said = next(line for line in lines if not line.startswith(":") and "assistant" not in line)
            while awaited == "[DONE]" != said.removeprefix("data: "):
                said = next(lines)
            assert awaited in said


def test_what_fails_after_silence_ends_the_stream_with_its_error(tmp_path: Path, halting: Halting) -> None:
    """Its status has been sent; there is no [DONE]. Without silence the status says it."""
    parts = {**echoes(), "generator": halting}
    with Memory(home=tmp_path / "home", anonymous=True, **parts) as memory, live(memory) as url:
        asked = {"url": f"{url}/v1/chat/completions", "json": {**ASK, "stream": True}}
        halting.turns.put(ModelUnavailable("no model"))
        assert httpx.post(**asked).status_code in (200, 503)  # 200 where this machine is slow
        with httpx.stream("POST", **asked) as answer:
            lines = answer.iter_lines()
            assert (answer.status_code, next(lines)) == (200, ": keep-alive")
            halting.turns.put(ModelUnavailable("no model"))
            last = [line for line in lines if line.startswith("data: ")][-1]
        assert "cannot be used now" in json.loads(last.removeprefix("data: "))["error"]["message"]


def test_a_client_that_goes_away_in_silence_is_let_go(tmp_path: Path, halting: Halting) -> None:
    """As soon as the model has something to say; nothing of it is remembered."""
    parts = {**echoes(), "generator": halting}
    with Memory(home=tmp_path / "home", anonymous=True, **parts) as memory, live(memory) as url:
        with httpx.stream("POST", f"{url}/v1/chat/completions", json={**ASK, "stream": True}) as answer:
            assert next(answer.iter_lines()) == ": keep-alive"
        halting.turns.put(None)
        assert halting.closed.wait(10)
        assert memory.stats(user_id="ana").memories == 0


def _events(answer: httpx.Response) -> Iterator[Any]:
    for line in answer.iter_lines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))
