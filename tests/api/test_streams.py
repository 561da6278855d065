"""Streams whose reader goes away, and replies that are written together."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import httpx

from hypernet.doc_to_lora import DocToLoRA
from memory import Memory
from memory.fakes import EchoGenerator, WordEmbedder
from memory.fakes.models import EchoGeneration
from memory.local_model import LocalModel
from memory.ports import GenerationRequest
from tests.api.conftest import QUESTION, live
from tests.command import echoes

ASK: dict[str, Any] = {
    "model": "reference",
    "user": "ana",
    "messages": [{"role": "user", "content": QUESTION}],
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


def test_chats_at_the_same_time_share_batches(tmp_path: Path, tiny_d2l: DocToLoRA) -> None:
    """Eight clients, far fewer batches; each gets its own reply, the same as alone."""
    model = LocalModel(lambda: tiny_d2l, batch_window_s=0.2)
    home = {"home": tmp_path / "home", "anonymous": True, "max_new_tokens": 8}
    parts = {"embedder": WordEmbedder(), "internalizer": model, "generator": model}
    with Memory(**home, **parts) as memory, live(memory) as url, httpx.Client(base_url=url) as client:

        def said(n: int) -> str:
            asked = {**ASK, "user": f"user{n}", "store": False}
            answer = client.post("/v1/chat/completions", json=asked, timeout=60)
            return str(answer.json()["choices"][0]["message"])

        for n in range(8):
            memory.add(f"My dog {n} is called Biscuit{n}.", user_id=f"user{n}")
        alone = [said(n) for n in range(8)]
        before = model.engine.batches
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(said, range(8)))
        assert together == alone
        assert model.engine.batches - before <= 4


def test_a_stream_is_not_held_back(tmp_path: Path) -> None:
    """Its first words arrive while the rest is being written."""
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


def _events(answer: httpx.Response) -> Iterator[Any]:
    for line in answer.iter_lines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))
