"""Yesterday's chains: langchain-classic's own, and the members that they use."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_classic.base_memory import BaseMemory
from langchain_classic.chains import ConversationChain, LLMChain
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.prompts import PromptTemplate

from integrations.langchain import ParametricMemory
from integrations.langchain.base_memory import OwnBaseMemory
from memory.errors import InvalidInput

pytestmark = pytest.mark.filterwarnings(  # the chains are deprecated; that they still work is the point
    "ignore::langchain_core._api.deprecation.LangChainDeprecationWarning"
)


def test_it_is_what_chains_insist_on() -> None:
    """A true subclass where langchain-classic is installed, with no member missing from our own."""
    assert issubclass(ParametricMemory, BaseMemory)
    members = {name for name in vars(BaseMemory) if name.endswith(("context", "variables", "clear"))}
    assert members
    assert members <= set(vars(OwnBaseMemory))


def test_a_conversation_chain_remembers_in_weights(parametric: ParametricMemory, recorder: Any) -> None:
    """What left the window is answered, although the prompt does not hold it."""
    parametric.k = 1
    chain = ConversationChain(llm=parametric.as_chat_model(), memory=parametric)
    for said in ("My dog is called Biscuit.", "The weather is grey today.", "I had soup for lunch."):
        chain.predict(input=said)
    assert "Biscuit" in chain.predict(input="What is my dog called?")
    assert "Biscuit" not in recorder.prompts[-1]
    assert "soup" in recorder.prompts[-1]


async def test_chains_can_be_awaited(parametric: ParametricMemory) -> None:
    """Through the async members."""
    chain = ConversationChain(llm=parametric.as_chat_model(), memory=parametric)
    await chain.ainvoke({"input": "My dog is called Biscuit."})
    assert "Biscuit" in (await chain.ainvoke({"input": "What is my dog called?"}))["response"]
    assert len(parametric.as_chat_history().messages) == 4


def test_an_llm_chain_with_keys_of_its_own(parametric: ParametricMemory, recorder: Any) -> None:
    """memory_key, input_key and output_key are those of the chain."""
    memory = ParametricMemory(
        service=parametric.service, user_id="ana", memory_key="past", input_key="question", output_key="text"
    )
    prompt = PromptTemplate.from_template("{past}\n{style}: {question}")
    chain = LLMChain(llm=memory.as_chat_model(), prompt=prompt, memory=memory)
    chain.invoke({"question": "My dog is called Biscuit.", "style": "brief"})
    assert "Biscuit" in chain.invoke({"question": "What is my dog called?", "style": "brief"})["text"]
    assert "Human: My dog is called Biscuit." in recorder.prompts[-1]


def test_another_model_gets_text(parametric: ParametricMemory) -> None:
    """Without a model of ours, what is recalled joins the window as text, once."""
    parametric.k = 0
    parametric.add("My dog is called Biscuit.")
    chain = ConversationChain(llm=FakeListChatModel(responses=["ok"]), memory=parametric)
    chain.predict(input="I like tea.")
    loaded = parametric.load_memory_variables({"input": "What is my dog called?"})
    assert list(loaded) == ["history"]
    assert "Biscuit" in loaded["history"]


def test_the_key_is_always_there(parametric: ParametricMemory) -> None:
    """Empty where nothing was said, where nothing is asked, and where the bound model has the adapters."""
    assert parametric.memory_variables == ["history"]
    assert parametric.load_memory_variables({}) == {"history": ""}
    parametric.add("My dog is called Biscuit.")
    parametric.as_chat_model()
    assert parametric.load_memory_variables({"input": "What is my dog called?"}) == {"history": ""}
    parametric.return_messages = True
    assert parametric.load_memory_variables({"input": "What is my dog called?"}) == {"history": []}


def test_messages_or_a_buffer(parametric: ParametricMemory) -> None:
    """The newest exchanges in either form; recalled text is a system message before them."""
    parametric.save_context({"input": "My cat is called Onyx."}, {"output": "Nice."})
    assert parametric.load_memory_variables({})["history"] == "Human: My cat is called Onyx.\nAI: Nice."
    parametric.return_messages = True
    human, reply = parametric.load_memory_variables({})["history"]
    assert (human.text, reply.text) == ("My cat is called Onyx.", "Nice.")
    assert isinstance(human, HumanMessage)
    assert isinstance(reply, AIMessage)
    parametric.k = 0
    [recalled] = parametric.load_memory_variables({"input": "What is my cat called?"})["history"]
    assert isinstance(recalled, SystemMessage)
    assert "Onyx" in recalled.text


def test_clear_forgets_the_conversation_and_no_other(parametric: ParametricMemory) -> None:
    """Its turns and what was made from them; a fact added otherwise stays."""
    parametric.add("My horse is called Rain.")
    parametric.save_context({"input": "My cat is called Onyx."}, {"output": "Nice."})
    asyncio.run(parametric.aclear())
    assert [record.text for record in parametric.get_all()] == ["My horse is called Rain."]
    assert parametric.load_memory_variables({}) == {"history": ""}


def test_a_named_session_goes_on(parametric: ParametricMemory) -> None:
    """After a restart the window is there again; without a name each object is a conversation of its own."""
    first = ParametricMemory(service=parametric.service, user_id="ana", session_id="monday")
    first.save_context({"input": "My cat is called Onyx."}, {"output": "Nice."})
    again = ParametricMemory(service=parametric.service, user_id="ana", session_id="monday")
    assert "Onyx" in again.load_memory_variables({})["history"]
    assert parametric.load_memory_variables({}) == {"history": ""}


def test_what_the_model_said_is_not_remembered(parametric: ParametricMemory) -> None:
    """Only a question of its own that no memory led to is kept, with the answer to it."""
    parametric.save_context({"input": "Hello."}, {"output": "Your dog is called Rex."})
    parametric.save_context({"input": "Book a table."}, {"output": "For which day?"})
    parametric.save_context({"input": "Friday."}, {"output": "Done."})
    texts = "\n".join(record.text for record in parametric.get_all())
    assert "Rex" not in texts
    assert "For which day?\nUser: Friday." in texts


def test_ambiguous_or_wrong_values_are_refused(parametric: ParametricMemory) -> None:
    """Two inputs without input_key, a missing key, a value that is no text."""
    with pytest.raises(InvalidInput, match="input_key"):
        parametric.save_context({"a": "x", "b": "y"}, {"output": "z"})
    with pytest.raises(InvalidInput, match="give text"):
        parametric.save_context({"input": ["x"]}, {"output": "z"})
    parametric.input_key = "question"
    with pytest.raises(InvalidInput, match="question"):
        parametric.save_context({"input": "x"}, {"output": "z"})


def test_without_names_it_is_one_person(anybody: ParametricMemory) -> None:
    """The verbs, the model and the retriever of a bare ParametricMemory share one owner."""
    [record] = anybody.add("My dog is called Biscuit.")
    assert record.scope.user_id == anybody.service.settings.user
    assert "Biscuit" in anybody.as_chat_model().invoke("What is my dog called?").text
    assert [found.id for found in anybody.as_retriever().invoke("dog")] == [record.id]
    assert anybody.search("dog", user_id="ben") == []


def test_the_verbs(parametric: ParametricMemory) -> None:
    """All of the service, for whom the memory is."""
    [record] = parametric.add("My dog is called Biscuit.", metadata={"from": "form"})
    assert parametric.search("dog", k=1)[0].record.id == record.id
    assert parametric.select("What is my dog called?")[0].memory_id == record.id
    assert parametric.get(record.id).metadata == {"from": "form"}
    assert parametric.update(record.id, "My dog is called Rocket.").text == "My dog is called Rocket."
    assert parametric.update(record.id, metadata={}).metadata == {}
    assert [one.id for one in parametric.get_all()] == [record.id]
    parametric.delete(record.id)
    assert [event.event for event in parametric.history(record.id)] == ["ADD", "UPDATE", "UPDATE", "DELETE"]
    for text in ("I live in Porto.", "My cat is called Onyx.", "My boat is called Marlin."):
        parametric.add(text)
    assert parametric.compact(min_adapters=2).adapters_before == 3
    assert len(parametric.forget().memories) >= 1
    assert parametric.get_all() == []
