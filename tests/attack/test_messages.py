"""Messages whose content is none, no text, or no part that anybody knows: a reason, and never 500."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.conftest import CAT, DOG, QUESTION, Api, MakeApi
from tests.api.stub_upstream import KEY, Stub, stub_upstream

ROLES = ("user", "assistant", "system")
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
NO_CONTENT: dict[str, Any] = {"number": 5, "object": {}, "true": True}
NO_PART: dict[str, Any] = {
    "null": None,
    "number": 5,
    "string": "hi",
    "list": [],
    "empty": {},
    "a type of null": {"type": None, "text": "hi"},
    "a type of lists": {"type": ["text"], "text": "hi"},
    "a number as text": {"type": "text", "text": 5},
    "an object as text": {"type": "text", "text": {}},
}
UNKNOWN_PART: dict[str, Any] = {
    "smell": {"type": "smell", "text": "hi"},
    "image without url": {"type": "image_url"},
    "image of null": {"type": "image_url", "image_url": None},
    "image of a number": {"type": "image_url", "image_url": {"url": 5}},
    "sound of null": {"type": "input_audio", "input_audio": None},
}
UNREADABLE = {**NO_CONTENT, **{f"part: {name}": [part] for name, part in NO_PART.items()}}
UNKNOWN = {name: [part] for name, part in UNKNOWN_PART.items()}
SILENT: dict[str, Any] = {"null": None, "no parts": []}


def requests(message: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A turn in each form of asking: the message stands in the middle, or last where it is a user's."""
    after = [] if message["role"] == "user" else [{"role": "user", "content": QUESTION}]
    said = [{"role": "user", "content": CAT}, message, *after]
    turn = {"model": "reference", "user": "ana"}
    return {
        "/v1/chat/completions": {**turn, "messages": said},
        "/v1/responses": {**turn, "input": said},
    }


def refused(api: Api, path: str, body: dict[str, Any], status: int) -> bool:
    """Whether the answer is that status with a reason that names the place."""
    answer = api.post(path, body)
    said = answer.json()
    reason = said["error"]["message"] if status == 400 else said["detail"]
    return answer.status_code == status and any(word in reason for word in ("messages", "input", "parts"))


@pytest.mark.parametrize("role", ROLES)
def test_what_is_no_content_is_never_told(shared_api: Api, role: str) -> None:
    """POST /v1/memories takes text, and of a user a picture in parts; in a session and without."""
    for name, content in (UNREADABLE | UNKNOWN | SILENT).items():
        for session in ({}, {"session_id": "monday"}):
            message = {"role": role, "content": content}
            body = {"user_id": "ana", "messages": [message], **session}
            assert refused(shared_api, "/v1/memories", body, 422), name
    assert shared_api.get("/v1/memories?user_id=ana").json()["memories"] == []


def test_a_user_who_says_no_content_is_not_answered(shared_api: Api) -> None:
    """In both forms of OpenAI, whether it is no text, unknown, or nothing."""
    for name, content in (UNREADABLE | UNKNOWN | SILENT).items():
        for path, body in requests({"role": "user", "content": content}).items():
            assert refused(shared_api, path, body, 400), (path, name)


@pytest.mark.parametrize("role", ["assistant", "system"])
def test_earlier_messages_are_passed_over_where_they_say_no_text(shared_api: Api, role: str) -> None:
    """Clients send what they have: pictures, calls, parts of their own. What is no part is refused."""
    for name, content in (UNKNOWN | SILENT).items():
        for path, body in requests({"role": role, "content": content}).items():
            assert shared_api.post(path, body).status_code == 200, (path, name)
    no_parts = {f"part: {name}": [NO_PART[name]] for name in ("null", "number", "string", "list")}
    for name, content in (NO_CONTENT | no_parts).items():
        for path, body in requests({"role": role, "content": content}).items():
            assert refused(shared_api, path, body, 400), (path, name)


@pytest.mark.parametrize("calls", [None, [], ""])
def test_who_calls_a_tool_need_not_say_anything(shared_api: Api, calls: Any) -> None:
    """The call and its result are part of the conversation."""
    said = [
        {"role": "user", "content": DOG},
        {"role": "assistant", "content": calls, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "It barks."},
        {"role": "user", "content": QUESTION},
    ]
    answer = shared_api.post("/v1/chat/completions", {"model": "reference", "messages": said})
    assert answer.status_code == 200, answer.text


@pytest.fixture(params=[True, False], ids=["responses", "chat alone"])
def stub(request: pytest.FixtureRequest) -> Iterator[Stub]:
    with stub_upstream() as server:
        server.responds = request.param
        yield server


def test_nothing_unreadable_reaches_an_upstream(make_api: MakeApi, stub: Stub) -> None:
    """It is refused here; parts of an unknown type are the upstream's to judge, and tool calls pass."""
    api = make_api(upstream_url=stub.url, upstream_key=KEY)
    for role in ROLES:
        wrong = UNREADABLE | (SILENT if role == "user" else {})
        for name, content in wrong.items():
            for path, body in requests({"role": role, "content": content}).items():
                assert refused(api, path, body, 400), (path, role, name)
    assert stub.requests == []
    for name, content in UNKNOWN.items():
        for path, body in requests({"role": "user", "content": content}).items():
            assert api.post(path, body).status_code in (200, 400), (path, name)
    for silent in SILENT.values():
        body = requests({"role": "assistant", "content": silent, "tool_calls": [CALL]})
        assert api.post("/v1/chat/completions", body["/v1/chat/completions"]).status_code == 200
        assert stub.last["messages"][1]["tool_calls"] == [CALL]


@pytest.mark.parametrize("output", [5, {}, [None], [{"type": "input_text", "text": 5}]])
def test_a_result_of_a_tool_that_is_no_text_is_refused_where_a_chat_is_asked(
    make_api: MakeApi, output: Any
) -> None:
    """An upstream without responses is sent text alone."""
    with stub_upstream() as stub:
        api = make_api(upstream_url=stub.url, upstream_key=KEY)
        called = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
        result = {"type": "function_call_output", "call_id": "c1", "output": output}
        body = {"model": "m", "input": [{"role": "user", "content": DOG}, called, result]}
        assert refused(api, "/v1/responses", body, 400)


@pytest.mark.parametrize("kind", ["image_url", "input_image"])
@pytest.mark.parametrize("image", [{}, {"image_url": 5}, {"image_url": {"url": 5}}, {"image_url": None}])
def test_a_picture_that_is_none_is_not_left_out(api: Api, kind: str, image: dict[str, Any]) -> None:
    """What is told as one is refused, as it is in a chat, and nothing of the message is kept."""
    parts = [{"type": kind, **image}, {"type": "text", "text": "My dog is called Rex."}]
    body = {"user_id": "ana", "messages": [{"role": "user", "content": parts}]}
    assert api.post("/v1/memories", body).status_code == 422
    assert api.get("/v1/memories?user_id=ana").json()["memories"] == []
