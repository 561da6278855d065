"""Another LLM behind the chat route: what goes in, what comes back, and what is remembered."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from openai import OpenAI

from memory.api import events
from memory.api.app import open_store
from memory.bootstrap import Memory
from memory.errors import InvalidSettings
from memory.settings import Settings
from tests.api.conftest import Api, Founded, MakeApi, live
from tests.api.stub_upstream import KEY, Stub, chunks, stub_upstream
from tests.command import echoes

PATH = "/v1/chat/completions"


@pytest.fixture
def stub() -> Iterator[Stub]:
    with stub_upstream() as server:
        yield server


@pytest.fixture
def api(make_api: MakeApi, stub: Stub) -> Api:
    return make_api(
        upstream_url=stub.url,
        upstream_key=KEY,
        upstream_models={"small": "big"},
        upstream_timeout_s=1.0,
        upstream_user_header="X-Chat-User",
    )


def asked(content: Any, **given: Any) -> dict[str, Any]:
    return {"model": "small", "user": "ana", "messages": [{"role": "user", "content": content}], **given}


def texts(api: Api, user: str = "ana") -> list[str]:
    found = api.get(f"/v1/memories?user_id={user}").json()["memories"]
    return sorted(one["text"] for one in found)


def test_what_is_known_goes_in_and_what_is_told_is_remembered(api: Api, stub: Stub) -> None:
    """The reply is the upstream's; its usage says what memory took."""
    api.add("I am allergic to peanuts.")
    reply = api.post(PATH, asked("Suggest a dinner. My partner is called Robin."))
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body["choices"][0]["message"]["content"] == "Noted."
    assert body["odd"] is True
    assert body["usage"]["memory_tokens"] == int(reply.headers["X-Memory-Tokens"]) > 0
    assert "allergic to peanuts" in stub.system
    assert stub.last["model"] == "big"
    assert stub.headers[-1]["Authorization"] == f"Bearer {KEY}"
    assert any("Robin" in text for text in texts(api))
    api.post(PATH, asked("Who is my partner?"))
    assert "Robin" in stub.system


def test_silence_is_filled_between_events_and_never_inside_one(
    api: Api, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upstream's bytes are all there, in their order, with comments between them."""
    monkeypatch.setattr(events, "KEEP_ALIVE_S", 0.01)
    stub.fails = "slow"
    reply = api.post(PATH, asked("hello", stream=True)).content
    comment = events.KEEP_ALIVE.encode()
    assert reply.count(comment) >= 2
    assert reply.replace(comment, b"") == b"".join(chunks("You said hello"))


def test_unknown_fields_tools_and_images_pass_on(api: Api, stub: Stub) -> None:
    """All but our own extension; a tool's result is no new message, and is remembered by nobody."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "My car is red."}, image]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "The weather is secret-tool-result."},
    ]
    extra = {
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": "required",
        "response_format": {"type": "json_object"},
        "top_p": 0.3,
        "logprobs": True,
        "parallel_tool_calls": False,
        "x_unheard_of": {"deep": [1]},
    }
    reply = api.post(PATH, {"model": "other", "messages": messages, "user": "ana", "mode": "auto", **extra})
    assert reply.status_code == 200
    assert stub.last == {"model": "other", "messages": messages, "user": "ana", **extra}
    assert texts(api) == []


def test_a_stream_comes_through_byte_by_byte(api: Api) -> None:
    """Comments, spacing and fields of its own included; afterwards the turn is there."""
    body = asked("My dog is called Biscuit.", stream=True, metadata={"session_id": "s"})
    reply = api.post(PATH, body)
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.content == b"".join(chunks("You said My dog is called Biscuit."))
    turns = api.get("/v1/sessions/s/turns?user_id=ana").json()["turns"]
    assert [turn["content"].strip() for turn in turns] == [
        "My dog is called Biscuit.",
        "You said My dog is called Biscuit.",
    ]
    assert texts(api) == ["User: My dog is called Biscuit."]


@pytest.mark.parametrize(
    "named",
    [
        {"user": "eve"},
        {"safety_identifier": "eve"},
        {"metadata": {"user_id": "eve"}},
        {"headers": {"X-Chat-User": "eve"}},
    ],
)
def test_the_user_is_named_in_any_of_the_usual_ways(api: Api, named: dict[str, Any]) -> None:
    """And nobody else's memories go in."""
    headers = named.pop("headers", {})
    body = {"model": "m", "messages": [{"role": "user", "content": "My cat is called Tom."}], **named}
    assert api.post(PATH, body, headers=headers).status_code == 200
    assert texts(api, "eve") == ["User: My cat is called Tom."]


def test_nobody_named_recalls_and_remembers_nothing(api: Api, stub: Stub) -> None:
    """The request passes as it is. So it does with `store: false`, which remembers nothing."""
    api.add("I am allergic to peanuts.")
    api.post(PATH, {"model": "m", "messages": [{"role": "user", "content": "I like dinner with peanuts."}]})
    assert stub.system == ""
    api.post(PATH, asked("I like jazz.", store=False))
    assert "peanuts" in stub.system
    assert texts(api) == ["I am allergic to peanuts."]


def test_another_tenants_memories_reach_no_upstream_call(api: Api, stub: Stub) -> None:
    """The same user name in another tenant is somebody else."""
    api.add("My PIN is 4821.", who="globex")
    api.post(PATH, asked("What is my PIN?"))
    assert "4821" not in json.dumps(stub.requests)


@pytest.mark.parametrize("stream", [False, True])
def test_a_cookie_of_one_tenants_turn_goes_with_no_other(api: Api, stub: Stub, stream: bool) -> None:
    """An upstream may know a client again by it; and no client is given one."""
    first = api.post(PATH, asked("My boat is called Nemo.", stream=stream))
    api.post(PATH, asked("What is my boat called?", stream=stream), who="globex")
    assert first.status_code == 200
    assert len(stub.headers) == 2
    assert not any(name.lower() == "cookie" for headers in stub.headers for name in headers)
    assert "of-who-asked" not in str(dict(first.headers))


@pytest.mark.parametrize(
    ("fails", "status", "kind"),
    [
        ("429", 429, "t"),
        ("500", 500, "t"),
        ("401", 502, "server_error"),
        ("silent", 504, "server_error"),
        ("down", 502, "server_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_upstream_that_fails_gives_its_error_and_loses_nothing_told(
    api: Api, stub: Stub, fails: str, status: int, kind: str, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """In OpenAI's form, without the key; what was told is remembered, and no reply is."""
    stub.fails = fails
    if fails == "down":
        stub.shutdown()
        stub.server_close()
    with caplog.at_level(logging.DEBUG):
        reply = api.post(PATH, asked("My boat is called Nemo.", stream=stream, metadata={"session_id": "s"}))
    assert (reply.status_code, reply.json()["error"]["type"]) == (status, kind)
    assert KEY not in reply.text + caplog.text + str(dict(reply.headers))
    assert reply.headers.get("retry-after") == ("7" if fails in ("429", "500") else None)
    turns = api.get("/v1/sessions/s/turns?user_id=ana").json()["turns"]
    assert [turn["role"] for turn in turns] == ["user"]
    assert texts(api) == ["User: My boat is called Nemo."]
    home = api.parts.memory.settings.home
    assert not any(KEY.encode() in path.read_bytes() for path in home.rglob("*") if path.is_file())


@pytest.mark.parametrize("stream", [False, True])
def test_an_upstream_that_sends_us_elsewhere_is_not_followed(api: Api, stub: Stub, stream: bool) -> None:
    """Neither what was asked nor the key goes there, and no client is told where; what was told is kept."""
    with stub_upstream() as elsewhere:
        stub.fails, stub.moved_to = "moved", elsewhere.url
        reply = api.post(PATH, asked("My boat is called Nemo.", stream=stream))
    assert (reply.status_code, elsewhere.paths) == (502, [])
    assert elsewhere.url not in reply.text + str(dict(reply.headers))
    assert texts(api) == ["User: My boat is called Nemo."]


@pytest.mark.parametrize("path", [PATH, "/v1/responses"])
def test_nothing_in_a_request_says_where_it_goes(api: Api, stub: Stub, path: str) -> None:
    """Not fields that some clients have, nor headers; and a picture's address is not looked up."""
    with stub_upstream() as elsewhere:
        picture = {"type": "image_url", "image_url": {"url": f"{elsewhere.url}/a.png"}}
        named = dict.fromkeys(("base_url", "api_base", "upstream_url", "url"), elsewhere.url)
        body = {**asked([{"type": "text", "text": "What is this?"}, picture]), **named, "metadata": named}
        if path != PATH:
            part = {"type": "input_image", "image_url": f"{elsewhere.url}/a.png"}
            body["input"] = [{"role": "user", "content": [part]}]
            del body["messages"]
        host = elsewhere.url.removeprefix("http://").removesuffix("/v1")
        headers = dict.fromkeys(("X-Forwarded-Host", "X-Upstream-Url", "X-Original-Url"), host)
        reply = api.post(path, body, headers=headers)
    assert (reply.status_code, elsewhere.paths) == (200, [])
    assert len(stub.requests) == 1


def test_a_stream_that_breaks_off_ends_with_an_error(api: Api, stub: Stub) -> None:
    """What came is there, then the error, and no [DONE]; half a reply is no turn."""
    stub.fails = "cut"
    reply = api.post(PATH, asked("My boat is called Nemo.", stream=True, metadata={"session_id": "s"}))
    events = [line[6:] for line in reply.text.splitlines() if line.startswith("data: ")]
    assert "choices" in json.loads(events[0])
    assert json.loads(events[-1])["error"]["code"] == "upstream_error"
    turns = api.get("/v1/sessions/s/turns?user_id=ana").json()["turns"]
    assert [turn["role"] for turn in turns] == ["user"]
    assert texts(api) == ["User: My boat is called Nemo."]


def test_a_stream_that_falls_silent_ends_with_an_error(api: Api, stub: Stub) -> None:
    """After the time that the operator gives it."""
    stub.fails = "stalls"
    reply = api.post(PATH, asked("My boat is called Nemo.", stream=True))
    *_, last = (line[6:] for line in reply.text.splitlines() if line.startswith("data: "))
    assert "does not answer in time" in json.loads(last)["error"]["message"]
    assert texts(api) == ["User: My boat is called Nemo."]


def test_what_was_told_is_remembered_when_the_client_goes_away(
    founded: Founded, tmp_path: Any, stub: Stub
) -> None:
    """In the middle of a stream; half a reply is no turn."""
    stub.fails = "slow"
    settings = Settings.load(home=founded.copied(tmp_path / "home"), upstream_url=stub.url)
    whose: Any = {"user_id": "ana", "tenant_id": "acme"}
    with Memory(settings, **{"store": open_store(settings), **echoes()}) as memory, live(memory) as address:
        headers = {"Authorization": f"Bearer {founded.keys['acme']}"}
        body = asked("My boat is called Nemo.", stream=True, metadata={"session_id": "s"})
        with httpx.stream("POST", f"{address}{PATH}", json=body, headers=headers, trust_env=False) as reply:
            next(reply.iter_bytes())
        until = time.monotonic() + 20
        while not memory.list(**whose).records and time.monotonic() < until:
            time.sleep(0.02)
        assert [turn.role for turn in memory.turns(session_id="s", **whose)] == ["user"]
        assert [one.text for one in memory.list(**whose).records] == ["User: My boat is called Nemo."]


def test_an_error_inside_a_stream_makes_its_words_no_turn(api: Api, stub: Stub) -> None:
    """Passed on as it is, also where the upstream then says that it is done."""
    stub.fails = "error inside"
    reply = api.post(PATH, asked("My boat is called Nemo.", stream=True, metadata={"session_id": "s"}))
    assert "out of memory" in reply.text
    turns = api.get("/v1/sessions/s/turns?user_id=ana").json()["turns"]
    assert [turn["role"] for turn in turns] == ["user"]


def test_an_image_alone_tells_nothing_new(api: Api, stub: Stub) -> None:
    """What was said before it is not told once more."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    said = [{"role": "user", "content": "I own a red car."}, {"role": "user", "content": [image]}]
    assert api.post(PATH, {"model": "m", "user": "ana", "messages": said}).status_code == 200
    assert stub.last["messages"] == said
    assert texts(api) == []


def test_a_reply_that_calls_tools_is_passed_on(api: Api, stub: Stub) -> None:
    """Its user's message is remembered; there is no text to keep as a turn."""
    stub.fails = "tools"
    reply = api.post(PATH, asked("My boat is called Nemo.", metadata={"session_id": "s"}))
    assert reply.json()["choices"][0]["message"]["tool_calls"][0]["id"] == "1"
    turns = api.get("/v1/sessions/s/turns?user_id=ana").json()["turns"]
    assert [turn["role"] for turn in turns] == ["user"]


@pytest.mark.parametrize("messages", [None, [], "hi", [1]])
def test_a_request_without_messages_is_refused_here(api: Api, stub: Stub, messages: Any) -> None:
    """As OpenAI refuses it."""
    reply = api.post(PATH, {"model": "m", "messages": messages})
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"
    assert stub.requests == []


def test_reading_keys_and_strangers_do_not_write(api: Api, stub: Stub) -> None:
    """A key that reads gets answers with store: false; no key gets none."""
    assert api.post(PATH, asked("I like tea."), who="acme-read").status_code == 403
    assert api.post(PATH, asked("I like tea.", store=False), who="acme-read").status_code == 200
    assert api.post(PATH, asked("I like tea."), who=None).status_code == 401
    assert len(stub.requests) == 1


def test_models_are_the_upstreams(api: Api) -> None:
    """Clients choose among these."""
    assert [model["id"] for model in api.get("/v1/models").json()["data"]] == ["big"]


def test_many_streams_at_once_are_neither_mixed_nor_lost(founded: Founded, tmp_path: Any, stub: Stub) -> None:
    """64 users on a real socket, by OpenAI's client, each with a memory of their own."""
    settings = Settings.load(home=founded.copied(tmp_path / "home"), upstream_url=stub.url)
    with (
        Memory(settings, **{"store": open_store(settings), **echoes()}) as memory,
        live(memory) as address,
        ThreadPoolExecutor(64) as pool,
    ):
        for i in range(64):
            memory.add(f"The word of user {i} is w{i}x.", user_id=f"u{i}", tenant_id="acme")
        client = OpenAI(
            base_url=f"{address}/v1", api_key=founded.keys["acme"], http_client=httpx.Client(trust_env=False)
        )

        def turn(i: int) -> str:
            said = [{"role": "user", "content": f"Say {i} and my word."}]
            stream = client.chat.completions.create(model="m", messages=said, user=f"u{i}", stream=True)  # type: ignore[call-overload]
            return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

        assert list(pool.map(turn, range(64))) == [f"You said Say {i} and my word. " for i in range(64)]
        client.close()
    assert len(stub.requests) == 64
    for request in stub.requests:
        user = request["user"].removeprefix("u")
        [system] = [m["content"] for m in request["messages"] if m["role"] == "system"]
        assert system.splitlines()[1:] == [line for line in system.splitlines() if f"w{user}x" in line]


@pytest.mark.parametrize("url", ["localhost:11434", "ftp://x", "http://user:pass@x/v1"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """At the start, not at the first request."""
    with pytest.raises(InvalidSettings, match="upstream_url"):
        Settings.load(upstream_url=url)


@pytest.mark.parametrize("path", [PATH, "/v1/responses"])
@pytest.mark.parametrize("leaks", ["whole", "pieces"])
@pytest.mark.parametrize(("stream", "responds"), [(False, False), (True, False), (False, True), (True, True)])
def test_no_reply_shows_the_key(
    api: Api,
    stub: Stub,
    path: str,
    leaks: str,
    stream: bool,
    responds: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whole or streamed, in one piece or in many, in each form; what is kept of it does not either."""
    stub.leaks, stub.responds = leaks, responds
    said: dict[str, Any] = (
        asked("My boat is called Nemo.")
        if path == PATH
        else {"model": "small", "user": "ana", "input": "My boat is called Nemo."}
    )
    with caplog.at_level(logging.DEBUG):
        reply = api.post(path, {**said, "stream": stream, "metadata": {"session_id": "s"}})
    assert reply.status_code == 200, reply.text
    assert "***" in reply.text
    assert KEY not in reply.text + caplog.text + str(dict(reply.headers))
    assert KEY[4:] not in reply.text  # nor most of it
    turns = api.get("/v1/sessions/s/turns?user_id=ana").json()["turns"]
    assert [turn["role"] for turn in turns] == ["user", "assistant"]
    assert "***" in turns[1]["content"]
    assert KEY[4:] not in turns[1]["content"]


def test_the_list_of_models_does_not_show_the_key(api: Api, stub: Stub) -> None:
    """Whatever the upstream writes into it."""
    stub.leaks = "whole"
    listed = api.get("/v1/models")
    assert listed.json()["data"][0]["owned_by"] == "Bearer ***"
