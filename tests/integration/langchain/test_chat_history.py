"""The chat history, with and without RunnableWithMessageHistory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ChatMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables.history import RunnableWithMessageHistory

from integrations.langchain import ParametricChatMessageHistory, ParametricMemory
from memory.errors import InvalidInput, MissingScope


@pytest.fixture
def history(parametric: ParametricMemory) -> ParametricChatMessageHistory:
    return parametric.as_chat_history("monday")


def test_messages_come_back_in_order(history: ParametricChatMessageHistory) -> None:
    """Equal ones as often as they were said; blank ones are left out; an unknown session has none."""
    assert history.messages == []
    said = [
        SystemMessage("Be kind."),
        HumanMessage("ok"),
        AIMessage("ok"),
        HumanMessage("ok"),
        AIMessage("ok"),
    ]
    history.add_messages(said[:3])
    history.add_messages([HumanMessage("", id="same"), *said[3:]])
    assert [(m.type, m.text) for m in history.messages] == [(m.type, m.text) for m in said]
    history.add_messages([ChatMessage("hm", role="user")])
    history.add_messages([AIMessage("")])
    assert history.messages[-1] == HumanMessage("hm", id=history.messages[-1].id)


def test_messages_of_one_id_are_two(history: ParametricChatMessageHistory) -> None:
    """Ids are the caller's affair, and no reason to lose what was said."""
    history.add_messages(
        [HumanMessage("My cat is called Onyx.", id="1"), HumanMessage("I like tea.", id="1")]
    )
    assert [message.text for message in history.messages] == ["My cat is called Onyx.", "I like tea."]
    assert len({message.id for message in history.messages}) == 2


def test_the_newest_exchanges(parametric: ParametricMemory) -> None:
    """`k` of them, since the others are in the weights."""
    history = parametric.as_chat_history("monday", k=1)
    for n in range(3):
        history.add_messages([HumanMessage(f"My number is {n}."), AIMessage("ok")])
    assert [message.text for message in history.messages] == ["My number is 2.", "ok"]
    assert parametric.as_chat_history("monday", k=0).messages == []
    assert len(parametric.as_chat_history("monday").messages) == 6


@pytest.mark.parametrize(
    ("message", "names"),
    [
        (ToolMessage("sunny", tool_call_id="1"), "tool calls"),
        (AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "1"}]), "tool calls"),
        (HumanMessage([{"type": "image", "url": "x"}]), "image"),
        (ChatMessage("x", role="oracle"), "oracle"),
    ],
)
def test_what_it_cannot_hold_is_refused_whole(
    history: ParametricChatMessageHistory, message: Any, names: str
) -> None:
    """With an error that says why, and nothing of the call is stored."""
    with pytest.raises(InvalidInput, match=names):
        history.add_messages([HumanMessage("My dog is called Biscuit."), message])
    assert history.messages == []


def test_clear_forgets_the_session(
    parametric: ParametricMemory, history: ParametricChatMessageHistory
) -> None:
    """Its messages and what they told, and nothing of another session."""
    history.add_messages([HumanMessage("My dog is called Biscuit.")])
    parametric.as_chat_history("friday").add_messages([HumanMessage("My cat is called Onyx.")])
    history.clear()
    assert history.messages == []
    assert [record.text for record in parametric.get_all()] == ["User: My cat is called Onyx."]


def test_many_writers_of_one_session(parametric: ParametricMemory) -> None:
    """Concurrent writes are all there, each with its messages side by side."""

    def write(n: int) -> None:
        parametric.as_chat_history("monday").add_messages([HumanMessage(f"q{n}"), AIMessage(f"a{n}")])

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(12)))
    texts = [message.text for message in parametric.as_chat_history("monday").messages]
    assert sorted(texts) == sorted([f"q{n}" for n in range(12)] + [f"a{n}" for n in range(12)])
    assert all(reply == f"a{said[1:]}" for said, reply in zip(texts[::2], texts[1::2], strict=True))


@pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning")
def test_runnable_with_message_history(parametric: ParametricMemory, recorder: Any) -> None:
    """The deprecated wrapper works: a later session recalls an earlier one from its adapter."""
    chain = RunnableWithMessageHistory(
        parametric.as_chat_model(), lambda session_id: parametric.as_chat_history(session_id, k=1)
    )
    chain.invoke([HumanMessage("My dog is called Biscuit.")], {"configurable": {"session_id": "monday"}})
    reply = chain.invoke([HumanMessage("What is my dog called?")], {"configurable": {"session_id": "friday"}})
    assert "Biscuit" in reply.text
    assert recorder.prompts[-1] == "What is my dog called?"
    assert [len(parametric.as_chat_history(day).messages) for day in ("monday", "friday")] == [2, 2]


def test_names_are_wanted(parametric: ParametricMemory) -> None:
    """A blank session is an error."""
    with pytest.raises(MissingScope):
        _ = ParametricChatMessageHistory(" ", service=parametric.service).messages
