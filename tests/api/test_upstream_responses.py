"""Another LLM behind /v1/responses: one that has that route itself, and one that has chat alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai import OpenAI

from tests.api.conftest import Api, MakeApi
from tests.api.stub_upstream import KEY, Stub, response_events, stub_upstream
from tests.in_process import InProcess

PATH = "/v1/responses"


@pytest.fixture
def stub() -> Iterator[Stub]:
    with stub_upstream() as server:
        yield server


@pytest.fixture(params=[True, False], ids=["responses", "chat alone"])
def either(stub: Stub, request: pytest.FixtureRequest) -> Stub:
    """Both kinds of upstream."""
    stub.responds = request.param
    return stub


@pytest.fixture
def api(make_api: MakeApi, stub: Stub) -> Api:
    return make_api(
        upstream_url=stub.url, upstream_key=KEY, upstream_models={"small": "big"}, upstream_timeout_s=1.0
    )


@pytest.fixture
def client(api: Api) -> Iterator[OpenAI]:
    http = httpx.Client(transport=InProcess(api.client))
    with OpenAI(base_url="http://x/v1", api_key=api.keys["acme"], http_client=http, max_retries=0) as client:
        yield client


def texts(api: Api) -> list[str]:
    found = api.get("/v1/memories?user_id=ana").json()["memories"]
    return sorted(one["text"] for one in found)


def turns(api: Api) -> list[str]:
    found = api.get("/v1/sessions/s/turns?user_id=ana").json()["turns"]
    return [turn["content"].strip() for turn in found]


def test_what_is_known_goes_in_and_what_is_told_is_remembered(client: OpenAI, api: Api, either: Stub) -> None:
    """Into the instructions, behind the client's own; the usage says what memory took."""
    api.add("I am allergic to peanuts.")
    raw = client.responses.with_raw_response.create(
        model="small",
        input="Suggest a dinner. My partner is called Robin.",
        user="ana",
        instructions="Be kind.",
    )
    reply = raw.parse()
    assert (reply.output_text, reply.status) == ("Noted.", "completed")
    assert reply.usage is not None
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (9, 2)
    took = (reply.usage.model_extra or {})["memory_tokens"]
    assert took == int(raw.headers["X-Memory-Tokens"]) > 0
    assert either.system.startswith("Be kind.\n\n")
    assert "allergic to peanuts" in either.system
    assert either.last["model"] == "big"
    assert any("Robin" in text for text in texts(api))
    again = client.responses.create(model="small", input="Who is my partner?", user="ana")
    assert "Robin" in either.system
    assert again.instructions is None or either.responds
    # That it has no such route is found out once.
    ends = ["responses"] * 2 if either.responds else ["responses", "completions", "completions"]
    assert [path.rpartition("/")[2] for path in either.paths] == ends


def test_a_stream_of_the_upstreams_own_comes_through_byte_by_byte(api: Api, stub: Stub) -> None:
    """Afterwards the turn is there."""
    stub.responds = True
    said = {"model": "m", "input": "My dog is called Biscuit.", "user": "ana"}
    reply = api.post(PATH, {**said, "stream": True, "metadata": {"session_id": "s"}})
    assert reply.content == b"".join(response_events("You said My dog is called Biscuit."))
    assert turns(api) == ["My dog is called Biscuit.", "You said My dog is called Biscuit."]
    assert texts(api) == ["User: My dog is called Biscuit."]


def test_a_chats_stream_becomes_a_responses_stream(client: OpenAI, api: Api, stub: Stub) -> None:
    """As the client's own accumulator reads it; afterwards the turn is there."""
    said: Any = {"input": "My dog is called Biscuit.", "user": "ana", "metadata": {"session_id": "s"}}
    with client.responses.stream(model="m", **said) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert events[-1].type == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert final.output_text.strip() == "You said My dog is called Biscuit."
    assert stub.last["stream_options"] == {"include_usage": True}
    assert turns(api) == ["My dog is called Biscuit.", "You said My dog is called Biscuit."]


def test_calls_of_tools_in_a_chats_stream(client: OpenAI, stub: Stub) -> None:
    """Words first, then two calls with their arguments put together, and the usage that came last."""
    stub.fails = "tools"
    with client.responses.stream(model="m", input="Look it up.") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds.count("response.function_call_arguments.done") == 2
    assert final.output_text == "Let me look."
    calls = [item for item in final.output if item.type == "function_call"]
    assert [(one.call_id, one.name, one.arguments) for one in calls] == [
        ("c1", "f", '{"a": 1}'),
        ("c2", "g", "{}"),
    ]
    assert final.usage is not None
    assert (final.usage.total_tokens, final.usage.model_extra) == (11, {"memory_tokens": 0})
    whole = client.responses.create(model="m", input="Look it up.")
    assert [(item.type, getattr(item, "call_id", "")) for item in whole.output] == [("function_call", "1")]


AGENT = {
    "input": [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "input_text", "text": "What is that?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "I will look.", "annotations": []}],
        },
        {"type": "function_call", "call_id": "1", "name": "look", "arguments": "{}"},
        {"type": "function_call", "call_id": "2", "name": "smell", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "A rose."},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "And this?"},
                {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
            ],
        },
    ],
    "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": True}],
    "tool_choice": {"type": "function", "name": "look"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}, "verbosity": "low"},
    "reasoning": {"effort": "low"},
    "max_output_tokens": 7,
    "temperature": 0.5,
    "parallel_tool_calls": False,
    "x_unheard_of": {"deep": [1]},
}


def test_an_agents_request_passes_on_as_it_is(api: Api, stub: Stub) -> None:
    """Tools, images and unknown fields too."""
    stub.responds = True
    assert api.post(PATH, {"model": "m", **AGENT}).status_code == 200
    assert stub.last == {"model": "m", **AGENT}


def test_an_agents_request_in_the_words_of_a_chat(api: Api, stub: Stub) -> None:
    """Every item and parameter has its place there."""
    reply = api.post(PATH, {"model": "m", "user": "eve", **AGENT})
    assert reply.status_code == 200, reply.text
    calls = [
        {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}},
        {"id": "2", "type": "function", "function": {"name": "smell", "arguments": "{}"}},
    ]
    image = {"url": "data:image/png;base64,AA==", "detail": "low"}
    function = {"name": "look", "parameters": {"type": "object"}, "strict": True}
    assert stub.last == {
        "model": "m",
        "user": "eve",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "What is that?"},
            {"role": "assistant", "content": "I will look.", "tool_calls": calls},
            {"role": "tool", "tool_call_id": "1", "content": "A rose."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "And this?"}, {"type": "image_url", "image_url": image}],
            },
        ],
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
        "verbosity": "low",
        "reasoning_effort": "low",
        "max_tokens": 7,
        "temperature": 0.5,
        "parallel_tool_calls": False,
        "x_unheard_of": {"deep": [1]},
    }


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tool_choice": {"type": "mcp"}}, "tool_choice"),
        ({"background": True}, "background"),
        ({"input": [{"type": "computer_call"}]}, "input[0].type"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
            "input[0].content",
        ),
    ],
)
def test_what_a_chat_cannot_say_is_refused(api: Api, stub: Stub, given: dict[str, Any], param: str) -> None:
    """And never left out in silence."""
    reply = api.post(PATH, {"model": "m", "input": "hello", **given})
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"].startswith(param)
    assert stub.requests == []


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"instructions": [1]}, "instructions"),
        ({"session_turns": True}, "session_turns"),
        ({"adapters": []}, "adapters"),
    ],
)
def test_what_the_upstream_keeps_is_nobodys_here(
    api: Api, either: Stub, given: dict[str, Any], param: str
) -> None:
    """All tenants share its key: what it keeps under an id might be another's."""
    reply = api.post(PATH, {"model": "m", "input": "hello", **given})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
    assert either.paths == []


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("fails", "status"), [("429", 429), ("401", 502), ("silent", 504)])
def test_an_upstream_that_fails_gives_its_error_and_loses_nothing_told(
    api: Api, either: Stub, fails: str, status: int, stream: bool
) -> None:
    """In OpenAI's form, without the key; what was told is remembered, and no reply is."""
    either.fails = fails
    said = {"model": "m", "input": "My boat is called Nemo.", "user": "ana", "stream": stream}
    reply = api.post(PATH, {**said, "metadata": {"session_id": "s"}})
    assert reply.status_code == status
    assert reply.json()["error"]["message"]
    assert KEY not in reply.text
    assert turns(api) == ["My boat is called Nemo."]
    assert texts(api) == ["User: My boat is called Nemo."]


def test_a_stream_that_breaks_off_ends_with_an_error_event(api: Api, either: Stub) -> None:
    """Of the form's own; half a reply is no turn."""
    either.fails = "cut"
    said = {"model": "m", "input": "My boat is called Nemo.", "user": "ana", "stream": True}
    reply = api.post(PATH, {**said, "metadata": {"session_id": "s"}})
    events = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: ")]
    assert "response.output_text.delta" in [event["type"] for event in events]
    assert (events[-1]["type"], events[-1]["code"]) == ("error", "upstream_error")
    assert events[-1]["sequence_number"] == len(events) - 1
    assert turns(api) == ["My boat is called Nemo."]


def test_another_tenants_memories_reach_no_upstream_call(api: Api, either: Stub) -> None:
    """The same user name in another tenant is somebody else."""
    api.add("My PIN is 4821.", who="globex")
    api.post(PATH, {"model": "m", "input": "What is my PIN?", "user": "ana"})
    assert "4821" not in json.dumps(either.requests)
