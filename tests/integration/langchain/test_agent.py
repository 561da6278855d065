"""The middleware in agents of `langchain.agents.create_agent`."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import Field

from integrations.langchain import ParametricMemory, ParametricMemoryMiddleware
from integrations.langchain.transcript import leaving, unsaved
from memory.errors import InvalidInput, MissingScope
from tests.integration.langchain.agents import Planner, weather
from tests.integration.test_images import picture

FILLER = ("I had soup for lunch.", "The train was late today.", "I painted the fence green.")


def planner(memory: ParametricMemory) -> Planner:
    return Planner(service=memory.service)


def talker(memory: ParametricMemory, **given: Any) -> Any:
    """An agent with a tool, a checkpointer and the middleware."""
    middleware = [memory.as_middleware(k=1, **given)]
    return create_agent(planner(memory), [weather], middleware=middleware, checkpointer=InMemorySaver())


def say(agent: Any, text: str, config: dict[str, Any]) -> AIMessage:
    return agent.invoke({"messages": [HumanMessage(text)]}, config)["messages"][-1]


@pytest.fixture
def ana(whose: Any) -> dict[str, Any]:
    return whose("ana", thread_id="t1")


def test_what_an_agent_is_told_is_acknowledged(anybody: ParametricMemory, ana: Any) -> None:
    """A statement is said back, whole and streamed; "don't remember" and "forget" are obeyed."""
    agent = create_agent(anybody.as_chat_model(), middleware=[anybody.as_middleware()])
    assert say(agent, "My dog is called Biscuit.", ana).text == "Noted: your dog is called Biscuit."
    told = {"messages": [HumanMessage("Can you remember that my cat is called Tom?")]}
    pieces = [piece.text for piece, _ in agent.stream(told, ana, stream_mode="messages")]
    assert "".join(pieces) == "Noted: your cat is called Tom."
    assert say(agent, "Don't remember this: my PIN is 9911.", ana).text == "I will not remember that."
    assert "Biscuit" in say(agent, "What is my dog called?", ana).text
    assert say(agent, "Please forget my dog.", ana).text == "I will forget your dog."
    kept = [record.text for record in anybody.service.list(user_id="ana").records]
    assert kept == ["User: My cat is called Tom."]
    turns = [turn.text for turn in anybody.service.turns(user_id="ana", session_id="t1")]
    assert not [text for text in turns if "PIN" in text or "forget" in text]


def test_an_agent_recalls_what_has_left_its_prompt(
    anybody: ParametricMemory, ana: Any, recorder: Any
) -> None:
    """The first turn is answered from its adapter; the state keeps every message."""
    agent = talker(anybody)
    for said in ("My dog is called Biscuit.", *FILLER):
        say(agent, said, ana)
    reply = say(agent, "What is my dog called?", ana)
    assert "Biscuit" in reply.text
    assert "Biscuit" not in recorder.prompts[-1]
    assert FILLER[-1] in recorder.prompts[-1]
    assert [message.role for message in recorder.requests[-1].messages] == ["user", "assistant", "user"]
    assert len(reply.response_metadata["adapters"]) == 1
    assert len(agent.get_state(ana).values["messages"]) == 10


def test_tool_loops_select_once_and_stay_whole(anybody: ParametricMemory, ana: Any, recorder: Any) -> None:
    """A tool's turn is one exchange: saved without the tool, left out of the prompt with it."""
    agent = talker(anybody)
    state = agent.invoke({"messages": [HumanMessage("How is the weather?")]}, ana)
    assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai"]
    assert "sunny in Porto" in recorder.prompts[-1]
    say(agent, FILLER[0], ana)
    say(agent, FILLER[1], ana)
    assert "sunny" not in recorder.prompts[-1]
    assert "tool" not in recorder.prompts[-1]
    turns = anybody.service.turns(user_id="ana", session_id="t1")
    assert [turn.role for turn in turns] == ["user", "assistant"] * 3


def test_only_new_messages_are_saved(anybody: ParametricMemory, ana: Any) -> None:
    """With a checkpointer, and also where the caller hands in the whole history each time."""
    agent = create_agent(planner(anybody), middleware=[anybody.as_middleware()])
    history: list[Any] = []
    for said in ("My dog is called Biscuit.", "Thanks.", "Thanks.", *FILLER):
        history = agent.invoke({"messages": [*history, HumanMessage(said)]}, ana)["messages"]
    turns = anybody.service.turns(user_id="ana", session_id="t1")
    assert [turn.text for turn in turns] == [message.text for message in history]
    assert len(anybody.get_all(user_id="ana")) == 4


def test_of_messages_of_one_id_the_last_counts(anybody: ParametricMemory, ana: Any) -> None:
    """As in the agent's own state: what was edited there is held as edited."""
    agent = create_agent(planner(anybody), middleware=[anybody.as_middleware()])
    said = [HumanMessage("My dog is called Rex.", id="1"), HumanMessage("My dog is called Biscuit.", id="1")]
    state = agent.invoke({"messages": said}, ana)["messages"]
    turns = anybody.service.turns(user_id="ana", session_id="t1")
    assert [turn.text for turn in turns] == [message.text for message in state]
    assert turns[0].text == "My dog is called Biscuit."


def test_a_conversation_from_before_is_saved_with_the_next_turn(anybody: ParametricMemory, ana: Any) -> None:
    """Nothing leaves the prompt that memory does not hold."""
    agent = create_agent(planner(anybody), middleware=[anybody.as_middleware(k=0)])
    before = [HumanMessage("My dog is called Biscuit."), AIMessage("Nice.")]
    agent.invoke({"messages": [*before, HumanMessage(FILLER[0])]}, ana)
    assert [turn.text for turn in anybody.service.turns(user_id="ana", session_id="t1")][:3] == [
        "My dog is called Biscuit.",
        "Nice.",
        FILLER[0],
    ]


async def test_agents_can_be_awaited(anybody: ParametricMemory, ana: Any, recorder: Any) -> None:
    """The async hooks do what the sync ones do."""
    agent = talker(anybody)
    for said in ("My dog is called Biscuit.", *FILLER):
        await agent.ainvoke({"messages": [HumanMessage(said)]}, ana)
    state = await agent.ainvoke({"messages": [HumanMessage("What is my dog called?")]}, ana)
    assert "Biscuit" in state["messages"][-1].text
    assert "Biscuit" not in recorder.prompts[-1]


def test_agents_stream(anybody: ParametricMemory, ana: Any) -> None:
    """Tokens come one by one, tool calls too, and the turn is saved."""
    agent = talker(anybody)
    anybody.add("My dog is called Biscuit.", user_id="ana")
    asked = {"messages": [HumanMessage("What is my dog called?")]}
    pieces = [message.text for message, _ in agent.stream(asked, ana, stream_mode="messages")]
    assert len([piece for piece in pieces if piece]) > 2
    assert "Biscuit" in "".join(pieces)
    list(agent.stream({"messages": [HumanMessage("How is the weather?")]}, ana, stream_mode="messages"))
    assert len(anybody.service.turns(user_id="ana", session_id="t1")) == 4


async def test_agents_stream_when_awaited(anybody: ParametricMemory, ana: Any) -> None:
    """`astream` as well."""
    anybody.add("My dog is called Biscuit.", user_id="ana")
    asked = {"messages": [HumanMessage("What is my dog called?")]}
    stream = talker(anybody).astream(asked, ana, stream_mode="messages")
    assert "Biscuit" in "".join([message.text async for message, _ in stream])


def test_the_scope_comes_from_context_or_config(anybody: ParametricMemory, ana: Any) -> None:
    """A runtime context names the user too; users do not meet in one thread."""

    @dataclass
    class Context:
        user_id: str

    anybody.add("My dog is called Biscuit.", user_id="ana")
    anybody.add("My dog is called Rocket.", user_id="ben")
    agent = create_agent(planner(anybody), middleware=[anybody.as_middleware()], context_schema=Context)
    asked = {"messages": [HumanMessage("What is my dog called?")]}
    for user, dog in (("ana", "Biscuit"), ("ben", "Rocket")):
        thread = {"configurable": {"thread_id": "shared"}}
        assert dog in agent.invoke(asked, thread, context=Context(user))["messages"][-1].text
    assert "Biscuit" in say(talker(anybody), "What is my dog called?", ana).text


def test_a_missing_scope_is_an_error(anybody: ParametricMemory) -> None:
    """A thread alone names nobody, and nothing is stored or answered."""
    agent = talker(anybody)
    with pytest.raises(MissingScope, match="user_id"):
        say(agent, "My dog is called Biscuit.", {"configurable": {"thread_id": "t1"}})
    assert anybody.service.stats().memories == 0


def test_two_users_in_many_threads(anybody: ParametricMemory, whose: Any) -> None:
    """Turns that run at the same time are each answered from their own user's memory."""
    agent = talker(anybody)
    users = [f"user-{n}" for n in range(6)]
    for user in users:
        anybody.add(f"My secret word is {user[::-1]}.", user_id=user)

    def turn(user: str) -> str:
        return say(agent, "What is my secret word?", whose(user, thread_id=user)).text

    with ThreadPoolExecutor(6) as threads:
        replies = list(threads.map(turn, users))
    assert replies == [f"My secret word is {user[::-1]}." for user in users]


def test_many_writers_of_one_session_lose_nothing(anybody: ParametricMemory, whose: Any) -> None:
    """What is said at the same time in one session is all there afterwards."""
    agent = create_agent(planner(anybody), middleware=[anybody.as_middleware()])
    said = [f"My number {n} is {n * 37}." for n in range(8)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda one: say(agent, one, whose("ana", session_id="s")), said))
    turns = anybody.service.turns(user_id="ana", session_id="s")
    assert sorted(turn.text for turn in turns if turn.role == "user") == said
    told = "\n".join(record.text for record in anybody.get_all(user_id="ana"))
    assert all(one in told for one in said)


class Reader(FakeListChatModel):
    """Some other model: it says what its system message was."""

    responses: list[str] = Field(default_factory=list)

    def _call(self, messages: Any, *_: Any, **kwargs: Any) -> str:
        assert "adapters" not in kwargs
        return "|".join(message.text for message in messages if message.type == "system")


def test_another_model_reads_text_within_the_budget(make_memory: Any, ana: Any) -> None:
    """What is recalled joins the system message, the best first, and no more of it than allowed."""
    anybody = ParametricMemory(service=make_memory(score_threshold=-1, score_margin=2))
    for fact in (
        "My dog is called Biscuit.",
        "My old dog was called Rex.",
        "My dog hates the dog next door.",
    ):
        anybody.add(fact, user_id="ana")
    question = "What is my dog called?"
    agent = create_agent(Reader(), system_prompt="Be kind.", middleware=[anybody.as_middleware()])
    text = say(agent, question, ana).text
    assert text.startswith("Be kind.")
    assert "Biscuit" in text
    assert text.count("- ") > 1
    one = create_agent(Reader(), middleware=[anybody.as_middleware(recalled_tokens=24)])
    assert say(one, question, ana).text.count("- ") == 1
    none = create_agent(
        Reader(), system_prompt="Be kind.", middleware=[anybody.as_middleware(recalled_tokens=1)]
    )
    assert say(none, question, ana).text == "Be kind."


def test_weights_alone_need_our_model(anybody: ParametricMemory, ana: Any) -> None:
    """mode="adapters" with another model would be no memory at all, so it is refused."""
    agent = create_agent(Reader(), middleware=[anybody.as_middleware(mode="adapters")])
    with pytest.raises(InvalidInput, match="adapters"):
        say(agent, "What is my dog called?", ana)


def test_what_a_tool_forgets_is_not_used(anybody: ParametricMemory, ana: Any) -> None:
    """A memory erased in the middle of a turn is gone from it, not an error."""
    [record] = anybody.add("The weather makes my dog Biscuit sneeze.", user_id="ana")

    def weather(city: str) -> str:
        """Erases what was selected."""
        anybody.forget(memory_id=record.id, user_id="ana")
        return city

    agent = create_agent(planner(anybody), [weather], middleware=[anybody.as_middleware()])
    reply = say(agent, "How does the weather make my dog Biscuit?", ana)
    assert reply.response_metadata["adapters"] == []


def test_nothing_of_a_memory_is_kept_in_checkpoints(anybody: ParametricMemory, ana: Any) -> None:
    """State and metadata name adapters by id, so that an erased text is gone."""
    anybody.add("My dog is called Biscuit.", user_id="ana")
    saver = InMemorySaver()
    agent = create_agent(
        Planner(service=anybody.service, max_tokens=1),
        middleware=[anybody.as_middleware()],
        checkpointer=saver,
    )
    say(agent, "What is my dog called?", ana)
    values = agent.get_state(ana).values
    assert values["parametric_memory"]["adapters"]
    assert "Biscuit" not in json.dumps(values, default=str)


def test_tools_of_the_memory_act_for_the_user_of_the_call(anybody: ParametricMemory, ana: Any) -> None:
    """They take no names as arguments, and find nobody else's memories."""
    search, save, forget = anybody.as_tools()
    saved = save.invoke({"text": "My dog is called Biscuit."}, ana)
    memory_id = saved.removeprefix("Saved as ")
    assert "Biscuit" in search.invoke({"query": "dog"}, ana)
    ben = {"configurable": {"user_id": "ben"}}
    assert search.invoke({"query": "dog"}, ben) == "Nothing is remembered."
    assert "No memory" in forget.invoke({"memory_id": memory_id}, ben)
    assert forget.invoke({"memory_id": memory_id}, ana) == f"Erased {memory_id}."
    assert all(set(tool.args) <= {"query", "text", "memory_id"} for tool in (search, save, forget))


def shown(data: bytes, text: str = "What is the picture's middle?") -> dict[str, Any]:
    url = "data:image/png;base64," + base64.b64encode(data).decode()
    image = {"type": "image_url", "image_url": {"url": url}}
    return {"messages": [HumanMessage([{"type": "text", "text": text}, image])]}


def test_a_picture_is_remembered_and_answered_from_memory(anybody: ParametricMemory, ana: Any) -> None:
    """In its turn and in later ones, whose state still has it; for another model it stays in the prompt."""
    agent = talker(anybody)
    assert "blue" in agent.invoke(shown(picture("blue")), ana)["messages"][-1].text
    assert "blue" in say(agent, "What is the picture's middle?", ana).text
    kinds = [one.kind for one in anybody.service.list(user_id="ana").records]
    assert kinds.count("image") == 1
    said = "Don't remember this: What is the picture's middle?"
    alone = create_agent(planner(anybody), middleware=[anybody.as_middleware()])
    assert "red" in alone.invoke(shown(picture("red"), said), ana)["messages"][-1].text
    assert [one.kind for one in anybody.service.list(user_id="ana").records] == kinds
    with pytest.raises(InvalidInput, match="from memory alone"):
        alone.invoke(shown(picture("red"), " "), ana)


def test_another_model_gets_a_picture_as_it_is(anybody: ParametricMemory, ana: Any) -> None:
    """And nothing of it is remembered."""
    seen: list[Any] = []

    class Other(FakeListChatModel):
        def _call(self, messages: list[Any], *args: Any, **given: Any) -> str:
            seen.extend(messages)
            return super()._call(messages, *args, **given)

    given = shown(picture("blue"))
    agent = create_agent(Other(responses=["A barn."]), middleware=[anybody.as_middleware()])
    agent.invoke(given, ana)
    assert seen[-1].content == given["messages"][0].content
    assert [one.kind for one in anybody.service.list(user_id="ana").records].count("image") == 0


def exchange(text: str, reply: Any = "ok", **given: Any) -> list[Any]:
    return [HumanMessage(text, id=text, **given), AIMessage(reply, id=f"re: {text}")]


HELD = {("user", "a"), ("assistant", "ok"), ("user", "b"), ("user", "c")}


def test_what_memory_does_not_hold_stays_in_the_prompt() -> None:
    """Unsaved turns, images and system messages stay; tool calls leave with their results or not at all."""
    call = AIMessage("", id="call", tool_calls=[{"name": "f", "args": {}, "id": "1"}])
    tool = [
        HumanMessage("b", id="b"),
        call,
        ToolMessage("r", tool_call_id="1", id="result"),
        AIMessage("ok", id="z"),
    ]
    image = [HumanMessage([{"type": "image", "url": "x"}], id="image"), AIMessage("ok", id="seen")]
    late = SystemMessage("Be brief.", id="late")
    now = [HumanMessage("c", id="c")]
    assert leaving([*exchange("a"), *tool, late, *now], HELD, 0) == ["a", "re: a", "b", "call", "result", "z"]
    assert leaving([*exchange("a"), *tool, *now], HELD, 1) == ["a", "re: a"]
    assert leaving([*image, *exchange("unknown"), *now], HELD, 0) == []
    assert leaving(now, HELD, 0) == []
    assert leaving([], HELD, 0) == []


def test_what_is_saved_begins_after_what_is_held() -> None:
    """A turn that failed is saved with the next; messages that say nothing are no sign of either."""
    failed = [HumanMessage("lost", id="1"), AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "1"}])]
    last = [HumanMessage("c"), AIMessage("new")]
    assert unsaved([*exchange("a"), *failed, *last], HELD) == [*failed, *last]
    assert unsaved([*exchange("a"), *last], HELD) == last
    assert unsaved([*exchange("x"), *last], None) == last
    assert unsaved([], HELD) == []


def test_the_middleware_stands_alone(make_memory: Any) -> None:
    """It needs no ParametricMemory, and what it is named for holds in every call."""
    service = make_memory()
    middleware = ParametricMemoryMiddleware(service, user_id="ana")
    agent = create_agent(Planner(service=service), middleware=[middleware])
    say(agent, "My dog is called Biscuit.", {})
    assert "Biscuit" in say(agent, "What is my dog called?", {}).text
    with pytest.raises(InvalidInput, match="'ben'"):
        say(agent, "What is my dog called?", {"configurable": {"user_id": "ben"}})
