"""The chat model: whose adapters answer, what it reads and what it refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage

from hypernet.doc_to_lora import DocToLoRA
from integrations.langchain import ParametricChatModel, ParametricMemory
from memory import Memory
from memory.backends.model.local import LocalModel
from memory.errors import EmptyText, InvalidInput, MissingScope, NotFound
from tests.integration.test_images import picture

PETS = {
    "ana": "My dog is called Biscuit.",
    "ben": "My dog is called Rocket.",
    "cleo": "My dog is called Pepper.",
}
QUESTION = "What is my dog called?"
FACTS = {
    "ana": "My dog is called Biscuit.",
    "ben": "The harbour opens at seven; ask for Mr Quill.",
    "cleo": "9 8 7 6 5 4 3 2 1",
    "dan": "I AM ALLERGIC TO PEANUTS!",
    "eve": "zwölf Boxkämpfer jagen Viktor",
    "fay": "x",
    "gus": "My flight to Oslo leaves on the fourth of March at noon from gate B twelve.",
    "hal": "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
}


@pytest.fixture
def model(anybody: ParametricMemory) -> ParametricChatModel:
    for user, fact in PETS.items():
        anybody.add(fact, user_id=user)
    return ParametricChatModel(service=anybody.service)


def test_the_config_names_whose_memory_answers(model: ParametricChatModel, whose: Any, recorder: Any) -> None:
    """Another user, another answer, and no word of it in the prompt."""
    for user, fact in PETS.items():
        assert fact in model.invoke(QUESTION, whose(user)).text
    assert recorder.prompts == [QUESTION] * 3


def test_a_batch_has_a_user_in_each_row(model: ParametricChatModel, whose: Any) -> None:
    """Rows of one batch answer from different memories, sync and async."""
    replies = model.batch([QUESTION] * 3, [whose(user) for user in PETS])
    assert [reply.text.removeprefix("User: ") for reply in replies] == list(PETS.values())


async def test_a_batch_can_be_awaited(model: ParametricChatModel, whose: Any) -> None:
    """`abatch` keeps the rows apart too."""
    replies = await model.abatch([QUESTION] * 3, [whose(user) for user in PETS])
    assert [reply.text.removeprefix("User: ") for reply in replies] == list(PETS.values())


def test_streams_say_what_invoke_says(model: ParametricChatModel, whose: Any) -> None:
    """The pieces make the whole, and only the last carries usage and adapters."""
    whole = model.invoke(QUESTION, whose("ana"))
    chunks = list(model.stream(QUESTION, whose("ana")))
    full = sum(chunks[1:], chunks[0])
    assert isinstance(full, AIMessageChunk)
    assert len(chunks) > 2
    assert full.text == whole.text
    assert full.usage_metadata == whole.usage_metadata
    assert full.response_metadata["adapters"] == whole.response_metadata["adapters"]
    assert [bool(chunk.usage_metadata) for chunk in chunks].count(True) == 1


async def test_async_streams_take_the_config_too(model: ParametricChatModel, whose: Any) -> None:
    """`astream` and `astream_events` answer from the memory that the config names."""
    pieces = [chunk.text async for chunk in model.astream(QUESTION, whose("ben"))]
    assert PETS["ben"] in "".join(pieces)
    events = [e async for e in model.astream_events(QUESTION, whose("ben"), version="v2")]
    assert PETS["ben"] in events[-1]["data"]["output"].text


def test_metadata_is_true_and_holds_no_text(model: ParametricChatModel, whose: Any, recorder: Any) -> None:
    """Tokens are those read and written, and adapters are named by id, for metadata outlives an erasure."""
    [choice] = model.service.select(QUESTION, user_id="ana")
    reply = model.invoke(QUESTION, whose("ana"))
    read = recorder.count_tokens(recorder.requests[-1].messages)
    assert reply.usage_metadata["input_tokens"] == read
    assert reply.usage_metadata["output_tokens"] == len(reply.text.split())
    assert reply.usage_metadata["total_tokens"] == read + len(reply.text.split())
    expected = {"memory_id": choice.memory_id, "score": choice.score, "weight": 1.0}
    assert reply.response_metadata["adapters"] == [expected]
    assert reply.response_metadata["memory_tokens"] == 0


def test_adapters_given_for_a_call_are_used_and_no_others(model: ParametricChatModel, whose: Any) -> None:
    """Choices in either form, and an empty list for the bare model."""
    model.service.add("My cat is called Onyx.", user_id="ana")
    cat = model.service.select("What is my cat called?", user_id="ana")[:1]
    for given in (cat, [{"memory_id": cat[0].memory_id}]):
        reply = model.invoke("What is my cat called?", whose("ana"), adapters=given)
        assert "Onyx" in reply.text
        assert "Biscuit" not in model.invoke(QUESTION, whose("ana"), adapters=given).text
    assert "Biscuit" not in model.invoke(QUESTION, whose("ana"), adapters=[]).text


def test_adapters_of_somebody_else_are_not_found(model: ParametricChatModel, whose: Any) -> None:
    """An id is no key to another user's memory."""
    choices = model.service.select(QUESTION, user_id="ben")
    with pytest.raises(NotFound):
        model.invoke(QUESTION, whose("ana"), adapters=choices)
    with pytest.raises(InvalidInput, match="adapter"):
        model.invoke(QUESTION, whose("ana"), adapters=["biscuit"])


def test_nobody_named_is_an_error(model: ParametricChatModel) -> None:
    """It never means everybody."""
    with pytest.raises(MissingScope, match="configurable"):
        model.invoke(QUESTION)
    with pytest.raises(MissingScope, match="blank"):
        model.invoke(QUESTION, {"configurable": {"user_id": " "}})


def test_names_are_text(model: ParametricChatModel, whose: Any) -> None:
    """A whole number is a name; a tuple is refused; two different names for one thing are refused."""
    model.service.add("My dog is called Seven.", user_id="7")
    assert "Seven" in model.invoke(QUESTION, whose(7)).text
    with pytest.raises(InvalidInput, match="user_id"):
        model.invoke(QUESTION, whose(("users", "ana")))
    pinned = ParametricChatModel(service=model.service, user_id="ana")
    with pytest.raises(InvalidInput, match="'ben'"):
        pinned.invoke(QUESTION, whose("ben"))


def test_stop_and_length_reach_the_engine(model: ParametricChatModel, whose: Any, recorder: Any) -> None:
    """Per call, else as constructed."""
    model.invoke(QUESTION, whose("ana"), stop=["x"], max_tokens=2, temperature=0.5, seed=3)
    request = recorder.requests[-1]
    assert (request.stop, request.max_new_tokens, request.temperature, request.seed) == (("x",), 2, 0.5, 3)
    fixed = ParametricChatModel(service=model.service, user_id="ana", stop=["y"], max_tokens=5)
    fixed.invoke(QUESTION)
    assert (recorder.requests[-1].stop, recorder.requests[-1].max_new_tokens) == (("y",), 5)


def test_what_the_model_cannot_read_is_refused(model: ParametricChatModel, whose: Any) -> None:
    """Images and empty questions raise, and are never left out in silence."""
    image = HumanMessage(
        [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "x"}}]
    )
    with pytest.raises(InvalidInput, match="image_url"):
        model.invoke([image], whose("ana"))
    with pytest.raises(EmptyText):
        model.invoke([HumanMessage("")], whose("ana"))
    with pytest.raises(EmptyText):
        model.invoke([HumanMessage("hi"), AIMessage("hello")], whose("ana"))
    with pytest.raises(InvalidInput, match="another"):
        model.invoke(QUESTION, whose("ana"), model="gpt-5")


def test_tool_results_and_late_system_messages_are_read(
    model: ParametricChatModel, whose: Any, recorder: Any
) -> None:
    """The memory is selected by the human's words, also where a tool spoke last."""
    call = {"name": "weather", "args": {"city": "Porto"}, "id": "1", "type": "tool_call"}
    reply = model.invoke(
        [
            HumanMessage(QUESTION, id="same"),
            AIMessage("", tool_calls=[call], id="same"),
            SystemMessage("Be brief."),
            ToolMessage("sunny", tool_call_id="1"),
        ],
        whose("ana"),
    )
    assert len(reply.response_metadata["adapters"]) == 1
    said = [(message.role, message.text) for message in recorder.requests[-1].messages]
    assert said[0] == ("system", "Be brief.")
    assert "weather" in said[2][1]
    assert "Porto" in said[2][1]
    assert said[3] == ("user", "<tool_response>\nsunny\n</tool_response>")


def test_no_cache_outlives_an_erasure(model: ParametricChatModel, whose: Any) -> None:
    """With LangChain's global cache set, a forgotten fact is not answered again."""
    set_llm_cache(InMemoryCache())
    try:
        assert "Biscuit" in model.invoke(QUESTION, whose("ana")).text
        model.service.forget(user_id="ana")
        assert "Biscuit" not in model.invoke(QUESTION, whose("ana")).text
    finally:
        set_llm_cache(None)


def test_tokens_are_counted_offline(model: ParametricChatModel) -> None:
    """By the model's own tokenizer, never by one that has to be fetched."""
    assert model.get_num_tokens("one two three") == 3
    assert model.get_num_tokens_from_messages([HumanMessage("one two")]) == 3


def test_a_small_model_says_that_it_calls_no_tools(model: ParametricChatModel) -> None:
    """Where a call is demanded it is an error; where it is optional the model answers without."""
    with pytest.raises(NotImplementedError, match="tool_calling"):
        model.bind_tools([{"name": "f", "description": "", "parameters": {}}], tool_choice="any")


def test_eight_threads_read_eight_memories(model: ParametricChatModel) -> None:
    """At the same time, each user hears what that user said and nothing else."""
    users = [f"user-{n}" for n in range(8)]
    for user in users:
        model.service.add(f"My secret word is {user[::-1]}.", user_id=user)

    def answer(user: str) -> str:
        return model.invoke("What is my secret word?", {"configurable": {"user_id": user}}).text

    with ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            replies = list(threads.map(answer, users))
            assert replies == [f"My secret word is {user[::-1]}." for user in users]


def test_eight_threads_of_eight_users(make_memory: Any, tiny_d2l: DocToLoRA) -> None:
    """With real tensors, each gets what she gets alone, and the shared weights stay as they were."""
    local = LocalModel(lambda: tiny_d2l, passage_tokens=60, batch_window_s=0.05)
    service: Memory = make_memory(internalizer=local, generator=local, max_new_tokens=12, score_threshold=-1)
    users = list(FACTS)
    for user, fact in FACTS.items():
        service.add(fact, user_id=user)
    model = ParametricChatModel(service=service)
    before = {name: weight.clone() for name, weight in tiny_d2l.base_model.named_parameters()}

    def answer(user: str) -> str:
        return model.invoke("What is the secret?", {"configurable": {"user_id": user}}).text

    alone = [answer(user) for user in users]
    assert len(set(alone)) > 1
    with ThreadPoolExecutor(8) as threads:
        for _ in range(3):
            assert list(threads.map(answer, users)) == alone
    after = dict(tiny_d2l.base_model.named_parameters())
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())


def test_a_call_names_choices_and_shows_a_picture(anybody: ParametricMemory, whose: Any) -> None:
    """As `Memory.ask` takes them: the likeliest is the reply, and its metadata has all of them."""
    model = anybody.as_chat_model().bind(choices=["green", "middle is blue"], image=picture("blue"))
    reply = model.invoke("What is the picture's middle?", whose("ana"))
    assert reply.text == "middle is blue"
    assert list(reply.response_metadata["choices"]) == ["middle is blue", "green"]
    assert anybody.service.list(user_id="ana").records == ()
