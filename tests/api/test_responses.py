"""/v1/responses, answered by the memory's own model: the `openai` client, unchanged, on a live server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from memory import Memory
from tests.api.conftest import DOG, QUESTION, Api, live
from tests.command import echoes

PATH = "/v1/responses"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[openai.OpenAI]:
    """Of a server of its own, without keys, whose model echoes."""
    with (
        Memory(home=tmp_path / "home", anonymous=True, **echoes()) as memory,
        live(memory) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


def test_told_in_one_call_and_answered_in_the_next(client: openai.OpenAI) -> None:
    """By weights; the response names the adapters, and its usage the tokens that memory took."""
    client.responses.create(model="reference", input=DOG, user="ana")
    raw = client.responses.with_raw_response.create(
        model="reference", input=QUESTION, user="ana", instructions="Be brief.", temperature=0
    )
    reply = raw.parse()
    assert (reply.status, reply.output_text, reply.instructions) == ("completed", f"User: {DOG}", "Be brief.")
    assert reply.temperature == 0
    usage = reply.usage
    assert usage is not None
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert (usage.model_extra, usage.input_tokens_details.cached_tokens) == ({"memory_tokens": 0}, 0)
    used = (reply.model_extra or {})["memory"]["adapters"]
    assert raw.headers["x-memory-adapters"] == used[0]["memory_id"]
    stranger = client.responses.create(model="reference", input=QUESTION, user="bea")
    assert "Biscuit" not in stranger.output_text


def test_the_events_of_a_stream_make_the_whole_response(client: openai.OpenAI) -> None:
    """As the client's own accumulator puts them together, numbered without a gap."""
    client.responses.create(model="reference", input=DOG, user="ana")
    with client.responses.stream(model="reference", input=QUESTION, user="ana") as stream:
        events = list(stream)
        final = stream.get_final_response()
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert said == final.output_text == f"User: {DOG}"
    assert final.usage is not None
    whole = client.responses.create(model="reference", input=QUESTION, user="ana", store=False)
    assert whole.output_text == said


def test_a_conversation_with_tools_and_sessions(client: openai.OpenAI) -> None:
    """Items of an agent's run: calls say nothing, their outputs are read, and only the last message tells."""
    items: list[Any] = [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "input_text", "text": "My cat is called Tom."}]},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "It rains."},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Oh."}]},
        {"role": "user", "content": DOG},
    ]
    named = {"session_id": "s"}
    client.responses.create(model="reference", input=items, safety_identifier="ana", metadata=named)
    answer = client.responses.create(model="reference", input=QUESTION, metadata={"user_id": "ana"})
    assert "Biscuit" in answer.output_text
    other = client.responses.create(model="reference", input="What is my cat called?", user="ana")
    assert "Tom" not in other.output_text


def test_what_other_tools_did_is_passed_over(client: openai.OpenAI) -> None:
    """Calls of built-in tools and files of earlier messages; outputs are read before the question."""
    client.responses.create(model="reference", input=DOG, user="ana")
    items: list[Any] = [
        {"role": "user", "content": [{"type": "input_file", "file_id": "f"}]},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"role": "user", "content": QUESTION},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "It rains."},
    ]
    answer = client.responses.create(model="reference", input=items, user="ana", store=False)
    assert "Biscuit" in answer.output_text


def test_a_reply_that_is_cut_says_so(client: openai.OpenAI) -> None:
    """By its status, whole and streamed."""
    client.responses.create(model="reference", input=DOG, user="ana")
    asked: Any = {"model": "reference", "input": QUESTION, "user": "ana", "max_output_tokens": 1}
    reply = client.responses.create(**asked)
    assert reply.status == "incomplete"
    assert reply.incomplete_details is not None
    assert reply.incomplete_details.reason == "max_output_tokens"
    *_, last = client.responses.create(**asked, stream=True)
    assert last.type == "response.incomplete"


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"background": True}, "background"),
        ({"text": {"format": {"type": "json_object"}}}, "text"),
        ({"unheard_of": 1}, "unheard_of"),
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0].content[0].type"),
        ({"input": [{"type": "message", "content": "hello"}]}, "input[0].role"),
        ({"input": [{"role": "assistant", "content": "hello"}]}, "input[0]"),
        ({"model": "gpt-4o"}, None),
    ],
)
def test_what_cannot_be_done_is_refused(shared_api: Api, given: dict[str, Any], param: str | None) -> None:
    """With the field, in OpenAI's form; nothing is silently disobeyed."""
    reply = shared_api.post(PATH, {"model": "reference", "input": "hello", **given})
    assert reply.status_code == (404 if param is None else 400), reply.text
    error = reply.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert param is None or error["param"].startswith(param)


def test_reading_keys_do_not_write_and_strangers_get_nothing(shared_api: Api) -> None:
    """As for chat."""
    said = {"model": "reference", "input": "I like tea.", "user": "ana"}
    assert shared_api.post(PATH, said, who="acme-read").status_code == 403
    assert shared_api.post(PATH, {**said, "store": False}, who="acme-read").status_code == 200
    assert shared_api.post(PATH, said, who=None).status_code == 401
    assert shared_api.get("/v1/memories?user_id=ana").json()["memories"] == []
