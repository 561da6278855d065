"""The `openai` client and LangChain's ChatOpenAI, unchanged, against a live server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from langchain_openai import ChatOpenAI

from memory import Memory
from tests.api.conftest import CAT, DOG, QUESTION, Api, MakeApi, live
from tests.command import echoes, packaged_model

ASK = [{"role": "user", "content": QUESTION}]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A live server of its own, without keys, whose model echoes."""
    home = tmp_path_factory.mktemp("openai")
    with Memory(home=home, anonymous=True, **echoes()) as memory, live(memory) as url:
        yield url


@pytest.fixture
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        yield client


def tell(client: openai.OpenAI, user: str, text: str = DOG) -> Any:
    return client.chat.completions.create(
        model="reference", user=user, messages=[{"role": "user", "content": text}]
    )


def test_told_in_one_call_and_answered_in_the_next(client: openai.OpenAI) -> None:
    """By weights: nothing of it is in the prompt, and the reply names its adapters."""
    tell(client, "ana")
    raw = client.chat.completions.with_raw_response.create(model="reference", user="ana", messages=ASK)
    reply = raw.parse()
    assert reply.choices[0].message.content == f"User: {DOG}"
    assert reply.choices[0].finish_reason == "stop"
    usage = reply.usage
    assert usage is not None
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert (usage.model_extra, usage.prompt_tokens) == ({"memory_tokens": 0}, 6)
    memory = (reply.model_extra or {})["memory"]
    assert memory["memory_tokens"] == 0
    assert raw.headers["x-memory-adapters"] == memory["adapters"][0]["memory_id"]


def test_another_user_hears_nothing_of_it(client: openai.OpenAI) -> None:
    """Nor does nobody: without a user nothing is recalled, and nothing remembered."""
    tell(client, "bea")
    for given in ({"user": "cleo"}, {}):
        reply = client.chat.completions.create(model="reference", messages=ASK, **given)  # type: ignore[call-overload]
        assert reply.choices[0].message.content == "I don't know."
    client.chat.completions.create(model="reference", messages=[{"role": "user", "content": CAT}])
    asked = client.chat.completions.create(model="reference", user="cleo", messages=ASK)
    assert asked.model_extra is not None
    assert asked.model_extra["memory"]["adapters"] == []


def test_a_stream_says_the_same_in_pieces(client: openai.OpenAI) -> None:
    """Role first, then words, then why it ended and what memory did, then usage."""
    tell(client, "dora")
    chunks = list(
        client.chat.completions.create(
            model="reference",
            user="dora",
            messages=ASK,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1])
    assert said == f"User: {DOG}"
    assert len([chunk for chunk in chunks[:-1] if chunk.choices[0].delta.content]) > 3
    end, usage = chunks[-2], chunks[-1]
    assert end.choices[0].finish_reason == "stop"
    assert end.model_extra is not None
    assert end.model_extra["memory"]["adapters"]
    assert usage.choices == []
    assert usage.usage is not None
    assert usage.usage.completion_tokens == 6
    assert len({chunk.id for chunk in chunks}) == 1


def test_length_choices_and_parts(client: openai.OpenAI) -> None:
    """max_tokens ends a reply, n gives several, content may be in parts."""
    tell(client, "eva")
    parts = [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]
    cut = client.chat.completions.create(model="reference", user="eva", messages=parts, max_tokens=2)  # type: ignore[arg-type]
    assert (cut.choices[0].message.content, cut.choices[0].finish_reason) == ("User: My", "length")
    two = client.chat.completions.create(
        model="reference", user="eva", messages=ASK, n=2, temperature=0.5, seed=7, max_completion_tokens=50
    )
    assert [choice.index for choice in two.choices] == [0, 1]
    assert {choice.message.content for choice in two.choices} == {f"User: {DOG}"}
    streamed = client.chat.completions.create(model="reference", user="eva", messages=ASK, n=2, stream=True)
    assert {chunk.choices[0].index for chunk in streamed} == {0, 1}


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"top_p": 0}, "top_p"),
        ({"seed": False}, "seed"),
        ({"n": True}, "n"),
        ({"frequency_penalty": 1}, "frequency_penalty"),
        ({"logprobs": True}, "logprobs"),
        ({"temperature": 3}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"n": 9}, "n"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"extra_body": {"no_such": 1}}, "no_such"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "assistant", "content": "Hi"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages[0]"),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
            "messages[0].content[0].type",
        ),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]}, "messages[0]"),
        ({"user": "a\0b"}, "user"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_supported_is_said(client: openai.OpenAI, given: dict[str, Any], param: str) -> None:
    """400 in OpenAI's form, naming the parameter."""
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(**{"model": "reference", "messages": ASK, **given})
    body = refused.value.body
    assert isinstance(body, dict)
    assert (body["param"], body["type"]) == (param, "invalid_request_error")


def test_neutral_parameters_are_taken(client: openai.OpenAI) -> None:
    """As clients send them by default."""
    client.chat.completions.create(
        model="reference",
        messages=[{"role": "developer", "content": "Be kind."}, *ASK],  # type: ignore[list-item]
        top_p=1,
        frequency_penalty=0,
        presence_penalty=0,
        response_format={"type": "text"},
        tools=[],
        logprobs=False,
        stop=None,
    )


def test_conversations_with_tools_are_followed(client: openai.OpenAI) -> None:
    """Calls say nothing, results are read, and tools that are not to be called are none of ours."""
    call = {"id": "1", "type": "function", "function": {"name": "pet", "arguments": "{}"}}
    said = [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Who is my parrot?"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "Your parrot is called Rio."},
        {"role": "user", "content": "What is my parrot called?"},
    ]
    reply = client.chat.completions.create(
        model="reference",
        messages=said,  # type: ignore[arg-type]
        tools=[{"type": "function", "function": {"name": "pet"}}],
        tool_choice="none",
        top_p=0.9,
        temperature=0.7,
        seed=1,
    )
    assert reply.choices[0].message.content == "Your parrot is called Rio."


def test_a_conversation_that_ends_with_tools_is_answered(client: openai.OpenAI) -> None:
    """The user's last message is, after what the tools found out; alone they are no question."""
    call = {"id": "1", "type": "function", "function": {"name": "pet", "arguments": "{}"}}
    found = {"role": "tool", "tool_call_id": "1", "content": "Your parrot is called Rio."}
    said: list[Any] = [{"role": "user", "content": "What is my parrot called?"}]
    said += [{"role": "assistant", "content": None, "tool_calls": [call]}, found]
    reply = client.chat.completions.create(model="reference", messages=said)
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == 3 * 6  # the question, what was found, the question
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="reference", messages=[found])  # type: ignore[list-item]


def test_parts_of_earlier_messages_are_read_for_their_text(client: openai.OpenAI) -> None:
    """What is no text was for other models; of a message that is to be answered it is refused."""
    sound = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}
    said: list[Any] = [
        {"role": "user", "content": [{"type": "text", "text": "Listen."}, sound]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "Your parrot is called Rio."}]},
        {"role": "user", "content": "What is my parrot called?"},
    ]
    reply = client.chat.completions.create(model="reference", messages=said)
    assert reply.choices[0].message.content == "Your parrot is called Rio."
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="reference", messages=said[:1])


def test_models_and_unknown_ones(client: openai.OpenAI) -> None:
    """One is listed; another is not found."""
    assert [model.id for model in client.models.list()] == ["reference"]
    assert client.models.retrieve("reference").owned_by == "parametric-memory"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="gpt-4o", messages=ASK)


def test_a_wrong_key_is_an_authentication_error(address: str) -> None:
    """One of ours that is sent must be good, also where none is needed."""
    with (
        openai.OpenAI(base_url=f"{address}/v1", api_key="pm_wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()


def test_the_whole_history_each_time_is_remembered_once(api: Api) -> None:
    """What was told is a turn and a memory once; what is in weights leaves the prompt but for the window."""
    history: list[dict[str, str]] = []
    for n in range(6):
        history.append({"role": "user", "content": f"My lucky number {n} is {n}{n}."})
        given = {"model": "reference", "user": "ana", "metadata": {"session_id": "s"}, "messages": history}
        reply = api.post("/v1/chat/completions", given).json()
        history.append(reply["choices"][0]["message"])
    turns = api.get("/v1/sessions/s/turns?user_id=ana").json()["turns"]
    assert [turn["content"] for turn in turns] == [message["content"] for message in history]
    assert len(api.get("/v1/memories?user_id=ana").json()["memories"]) == 6
    window = api.parts.memory.settings.hot_window_turns
    read = sum(1 + len(message["content"].split()) for message in history[-window - 2 : -1])
    assert reply["usage"]["prompt_tokens"] == read
    fresh = [{"role": "user", "content": "I am told elsewhere."}, *history, *ASK]
    whole = api.post("/v1/chat/completions", {**given, "messages": fresh, "store": False}).json()
    told_elsewhere = whole["usage"]["prompt_tokens"]
    shorter = api.post("/v1/chat/completions", {**given, "messages": fresh[1:], "store": False}).json()
    assert told_elsewhere == shorter["usage"]["prompt_tokens"] + 4


def test_langchain_talks_to_it(address: str) -> None:
    """ChatOpenAI with nothing but the address; a user and a session as it passes them on."""
    model = ChatOpenAI(
        base_url=f"{address}/v1",
        api_key="none",  # type: ignore[arg-type]
        model="reference",
        max_retries=0,
        metadata={"session_id": "s"},
        model_kwargs={"user": "fay"},
    )
    model.invoke(DOG)
    reply = model.invoke(QUESTION)
    assert DOG in reply.text
    assert reply.usage_metadata is not None
    assert reply.usage_metadata["output_tokens"] == 6
    assert DOG in "".join(chunk.text for chunk in model.stream(QUESTION))


def test_with_the_packaged_model_nothing_is_faked(tmp_path: Path) -> None:
    """Told, and answered from weights, over the wire; its adapter can be taken along as a PEFT folder."""
    packaged_model()
    with Memory(home=tmp_path / "home", anonymous=True) as memory, live(memory) as url:
        with openai.OpenAI(base_url=f"{url}/v1", api_key="none") as client:
            tell(client, "ana", "My dog is called Biscuit and we live in Lisbon.")
            reply = client.chat.completions.create(
                model="reference", user="ana", messages=ASK, extra_body={"mode": "adapters"}
            )
        assert "Biscuit" in str(reply.choices[0].message.content)
        assert (reply.model_extra or {})["memory"]["memory_tokens"] == 0
        _check_adapter(url, (reply.model_extra or {})["memory"]["adapters"][0]["memory_id"], tmp_path)


def _check_adapter(url: str, memory_id: str, folder: Path) -> None:
    import io
    import zipfile

    import httpx

    from hypernet import LoRA

    packed = httpx.get(f"{url}/v1/adapters/{memory_id}")
    assert packed.headers["content-type"] == "application/zip"
    zipfile.ZipFile(io.BytesIO(packed.content)).extractall(folder / "peft")
    assert {path.name for path in (folder / "peft").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    assert LoRA.from_pretrained(folder / "peft").rank > 0


def test_adapters_that_a_turn_names_are_its_tenants(api: Api) -> None:
    """Another tenant's are not found; a turn that is remembered, or names a heap of them, is refused."""
    chosen = {"memory_id": api.add(), "score": 0.5, "weight": 1.0, "text": DOG}
    said = {"model": "reference", "user": "ana", "messages": [{"role": "user", "content": "What is it?"}]}

    def answered(who: str, **given: Any) -> Any:
        return api.post("/v1/chat/completions", {**said, "store": False, **given}, who=who)

    own = answered("acme", adapters=[chosen])
    assert own.headers["x-memory-adapters"] == chosen["memory_id"]
    assert answered("acme", adapters=[]).headers["x-memory-adapters"] == ""
    assert answered("globex", adapters=[chosen]).status_code == 404
    assert answered("acme", adapters=[chosen], user="ben").status_code == 404
    assert answered("acme", adapters=[chosen], store=None).json()["error"]["param"] == "adapters"
    assert answered("acme", adapters=[chosen] * 65).status_code == 400


def test_an_error_in_the_middle_of_a_stream_is_said(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an event, where the status has been sent already."""
    from memory.errors import DiskFull

    api = make_api()

    def full(*_: object, **__: object) -> None:
        raise DiskFull("the disk is full")

    monkeypatch.setattr(api.parts.memory._cases.ingest, "exchange", full)
    given = {"model": "reference", "user": "ana", "messages": ASK, "stream": True}
    events = api.post("/v1/chat/completions", given).text.strip().split("\n\n")
    assert '"code": "disk_full"' in events[-1]
