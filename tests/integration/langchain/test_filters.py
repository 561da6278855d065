"""Filters of metadata, in every part that recalls."""

from __future__ import annotations

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import HumanMessage
from langgraph.store.base import BaseStore

from integrations.langchain import ParametricMemory
from memory.errors import InvalidInput
from tests.integration.langchain.conftest import Recorder

QUESTION = "What is the code?"
WORK, HOME = "The code of the office is 4471.", "The code of the house is 9023."


@pytest.fixture
def codes(parametric: ParametricMemory) -> ParametricMemory:
    """Ana's memory of a code at work and one at home, for work alone."""
    parametric.add(WORK, metadata={"topic": "work", "page": 1})
    parametric.add(HOME, metadata={"topic": "home", "page": 2})
    return parametric.model_copy(update={"filters": {"topic": "work"}})


def test_every_verb_that_recalls_is_narrowed(codes: ParametricMemory) -> None:
    """By the memory's filters, and further by those of the call."""
    assert [hit.record.text for hit in codes.search(QUESTION)] == [WORK]
    assert [choice.text for choice in codes.select(QUESTION)] == [WORK]
    assert HOME not in str(codes.recall(QUESTION))
    assert codes.search(QUESTION, filters={"page": {"$gt": 1}}) == []
    assert len(codes.search(QUESTION, filters={"$or": [{"page": 1}, {"page": 2}]})) == 1


def test_parts_inherit_the_filters(codes: ParametricMemory, recorder: Recorder) -> None:
    """Retriever, tools, the prompt of a chain and the chat model."""
    assert [found.page_content for found in codes.as_retriever().invoke(QUESTION)] == [WORK]
    assert HOME not in codes.as_tools()[0].invoke({"query": QUESTION})
    assert HOME not in codes.load_memory_variables({"input": QUESTION})["history"]
    for mode in ("adapters", "text"):
        reply = codes.as_chat_model(mode=mode).invoke(QUESTION)
        chosen = [codes.get(one["memory_id"]).text for one in reply.response_metadata["adapters"]]
        assert HOME not in chosen
    assert any(WORK in prompt for prompt in recorder.prompts)
    assert not any(HOME in prompt for prompt in recorder.prompts)


def test_a_chat_model_takes_filters_by_the_call(codes: ParametricMemory) -> None:
    """They narrow; what both let through is recalled."""
    model = codes.model_copy(update={"filters": None}).as_chat_model()
    for topic, text in (("work", WORK), ("home", HOME)):
        reply = model.invoke(QUESTION, filters={"topic": topic})
        assert [codes.get(one["memory_id"]).text for one in reply.response_metadata["adapters"]] == [text]


def test_an_agent_recalls_what_its_middleware_lets_through(codes: ParametricMemory) -> None:
    """With the memory's own model as adapters, with another one as text."""
    asked = {"messages": [HumanMessage(QUESTION)]}
    agent = create_agent(codes.as_chat_model(), middleware=[codes.as_middleware()])
    adapters = agent.invoke(asked)["messages"][-1].response_metadata["adapters"]
    assert [codes.get(one["memory_id"]).text for one in adapters] == [WORK]
    seen: list[str] = []

    class Other(FakeListChatModel):
        def _call(self, messages, *args, **kwargs):  # type: ignore[no-untyped-def]
            seen.extend(message.text for message in messages)
            return super()._call(messages, *args, **kwargs)

    create_agent(Other(responses=["ok"]), middleware=[codes.as_middleware()]).invoke(asked)
    assert any(WORK in text for text in seen)
    assert not any(HOME in text for text in seen)


def test_an_operator_that_is_unknown_is_refused_where_the_part_is_made(codes: ParametricMemory) -> None:
    """Before anything is recalled."""
    for part in (codes.as_retriever, codes.as_chat_model, codes.as_middleware):
        with pytest.raises((InvalidInput, ValueError), match=r"\$near"):
            part(filters={"page": {"$near": 1}})


def test_items_of_a_store_are_filtered_by_operators(parametric: ParametricMemory) -> None:
    """A text is neither more nor less than a number; $and and $or go around filters, also inside values."""
    store: BaseStore = parametric.as_store()
    for key, age in (("a", 3), ("b", 9), ("c", "old")):
        store.put(("pets",), key, {"text": f"Pet {key}.", "age": age, "of": {"name": key}})

    def found(filters: dict[str, object]) -> list[str]:
        return sorted(item.key for item in store.search(("pets",), filter=filters))

    assert found({"age": {"$gt": 1}}) == ["a", "b"]
    assert found({"$or": [{"age": 3}, {"age": "old"}]}) == ["a", "c"]
    assert found({"$and": [{"age": {"$gt": 3}}, {"of": {"name": "b"}}]}) == ["b"]
    assert found({"of": {"name": {"$ne": "b"}}}) == ["a", "c"]
    for wrong in ({"$not": [{"age": 3}]}, {"of": {"name": {"$like": "b"}}}, {"age": {"$gt": None}}):
        with pytest.raises(InvalidInput, match=r"\$"):
            store.search(("pets",), filter=wrong)
