"""A model that reads text alone refuses a picture wherever one comes in, and says what to install."""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from mcp import Client as Agent

import memory as package
from hypernet.doc_to_lora import DocToLoRA
from integrations.langchain import ParametricMemory
from memory import Memory
from memory.api.mcp import mcp_server
from memory.api.reach import Reach
from memory.backends.model.local import LocalModel
from memory.cli import main
from memory.client import Client
from memory.errors import SeesNothing
from tests.api.conftest import Api, MakeApi
from tests.command import echoes
from tests.in_process import InProcess
from tests.integration.test_images import picture

QUESTION = "What is the picture's middle?"
URL = "http://127.0.0.1:8750"
SHOWN = "data:image/png;base64," + base64.b64encode(picture()).decode()
PART = {"type": "image_url", "image_url": {"url": SHOWN}}


@pytest.fixture
def api(make_api: MakeApi, tiny_d2l: DocToLoRA) -> Iterator[Api]:
    model = LocalModel(lambda: tiny_d2l)
    yield make_api(internalizer=model, generator=model)
    model.close()


def by_verb(api: Api, verb: str) -> str:
    memory: Any = api.parts.memory
    return told(lambda: called(memory, verb))


def by_client(api: Api, verb: str) -> str:
    with Client(URL, api.keys["acme"], transport=InProcess(api.client)) as client:
        return told(lambda: called(client, verb))


def called(memory: Any, verb: str) -> Any:
    if verb == "add":
        return memory.add("Our barn.", image=picture(), user_id="ana")
    return getattr(memory, verb)(QUESTION, image=picture(), user_id="ana")


def told(call: Callable[[], Any]) -> str:
    with pytest.raises(SeesNothing) as caught:
        call()
    return str(caught.value)


def over_http(api: Api, path: str) -> str:
    words = {"type": "text", "text": QUESTION}
    bodies: dict[str, dict[str, Any]] = {
        "/v1/memories": {"user_id": "ana", "image": SHOWN},
        "/v1/chat/completions": {"user": "ana", "messages": [{"role": "user", "content": [words, PART]}]},
        "/v1/responses": {
            "user": "ana",
            "input": [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": QUESTION},
                        {"type": "input_image", "image_url": SHOWN},
                    ],
                }
            ],
        },
    }
    body = bodies[path.removesuffix("?store=false")]
    if path != "/v1/memories":
        body |= {"model": "reference"} | ({"store": False} if path.endswith("false") else {})
    answer = api.post(path.removesuffix("?store=false"), body)
    assert answer.status_code == (422 if path == "/v1/memories" else 400), answer.text
    return str(answer.json().get("detail") or answer.json()["error"]["message"])


def by_tool(api: Api, tool: str) -> str:
    memory = api.parts.memory
    reach = Reach(memory, {"user_id": "ana"}, memory.reader, memory.settings.max_text_bytes)
    given = {"text": "Our barn."} if tool == "remember" else {"question": QUESTION}

    async def called() -> Any:
        async with Agent(mcp_server(reach), mode="legacy") as agent:
            return await agent.call_tool(tool, {**given, "image": SHOWN})

    result = anyio.run(called)
    assert result.is_error
    return str(result.content[0].text)


def by_langchain(api: Api, part: str) -> str:
    memory = ParametricMemory(service=api.parts.memory)
    whose: Any = {"configurable": {"user_id": "ana"}}
    model = memory.as_chat_model()
    if part == "model":
        return told(lambda: model.bind(image=SHOWN).invoke(QUESTION, whose))
    agent: Any = create_agent(model, middleware=[memory.as_middleware()])
    said = {"messages": [HumanMessage([{"type": "text", "text": QUESTION}, PART])]}
    return told(lambda: agent.invoke(said, whose))


ENTRANCES = [
    *((by_verb, verb) for verb in ("add", "chat", "ask")),
    *((by_client, verb) for verb in ("add", "chat", "ask")),
    *((over_http, path) for path in ("/v1/memories", "/v1/chat/completions", "/v1/responses")),
    *((over_http, f"{path}?store=false") for path in ("/v1/chat/completions", "/v1/responses")),
    *((by_tool, tool) for tool in ("remember", "ask")),
    *((by_langchain, part) for part in ("model", "middleware")),
]


@pytest.mark.parametrize(
    ("enter", "what"), ENTRANCES, ids=[f"{enter.__name__} {what}" for enter, what in ENTRANCES]
)
def test_a_picture_is_refused_with_what_to_do_about_it(
    api: Api, enter: Callable[[Api, str], str], what: str
) -> None:
    """In one line that names the setting; nothing of it is stored."""
    said = enter(api, what)
    assert "MEMORY_MODEL to one with an image encoder" in said
    assert "\n" not in said
    assert api.parts.memory.stats().memories == 0


@pytest.mark.parametrize("words", [["add"], ["ask", QUESTION]])
def test_the_command_refuses_it_too(
    tmp_path: Path,
    words: list[str],
    tiny_d2l: DocToLoRA,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """On one line of standard error."""
    path = tmp_path / "barn.png"
    path.write_bytes(picture())
    model = LocalModel(lambda: tiny_d2l)

    def opened(**given: Any) -> Memory:
        return package.open(
            **{**echoes(), "home": tmp_path / "home", "internalizer": model, "generator": model, **given}
        )

    monkeypatch.setattr(sys, "stdin", io.StringIO())
    code = main([*words, "--image", str(path), "--user", "ana"], open_memory=opened)
    assert code != 0
    assert "MEMORY_MODEL to one with an image encoder" in capfd.readouterr().err
