"""Run by itself: what must work with langchain-core alone. Prints "ok"."""

from __future__ import annotations

# ruff: noqa: E402
import asyncio
import sys
import warnings

if "--block" in sys.argv:
    for name in ("langchain", "langchain_classic", "langgraph", "langchain_tests"):
        sys.modules[name] = None  # type: ignore[assignment]

warnings.simplefilter("error")

import pytest
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage

from integrations.langchain import ParametricChatMessageHistory, ParametricChatModel, ParametricMemory
from integrations.langchain.base_memory import BaseMemory, OwnBaseMemory
from memory import Memory
from memory.fakes import EchoGenerator, EchoInternalizer, InMemoryBlobs, InMemoryStore, WordEmbedder

QUESTION = "What is my dog called?"


def opened() -> Memory:
    return Memory(
        store=InMemoryStore(),
        blobs=InMemoryBlobs(),
        embedder=WordEmbedder(),
        internalizer=EchoInternalizer(),
        generator=EchoGenerator(),
        index_files=False,
    )


def legacy(memory: ParametricMemory) -> None:
    assert isinstance(memory, BaseMemory)
    memory.save_context({"input": "My dog is called Biscuit."}, {"output": "Nice."})
    assert "Biscuit" in memory.load_memory_variables({"input": QUESTION})["history"]
    asyncio.run(memory.asave_context({"input": "I live in Porto."}, {"output": "Nice."}))
    assert "Porto" in asyncio.run(memory.aload_memory_variables({}))["history"]


def model(memory: ParametricMemory) -> None:
    chat: ParametricChatModel = memory.as_chat_model()
    assert "Biscuit" in chat.invoke(QUESTION).text
    assert "Biscuit" in "".join(chunk.text for chunk in chat.stream(QUESTION))
    assert "Biscuit" in asyncio.run(chat.ainvoke(QUESTION)).text
    config = {"configurable": {"user_id": "ben"}}
    assert "Biscuit" not in chat.batch([QUESTION, QUESTION], [None, config])[1].text  # type: ignore[list-item]


def rest(memory: ParametricMemory) -> None:
    history: ParametricChatMessageHistory = memory.as_chat_history("s")
    history.add_messages([HumanMessage("My cat is called Onyx.")])
    assert len(history.messages) == 1
    index = memory.as_retriever()
    index.upsert([Document("The wifi password is tangerine.", id="wifi")])
    assert index.invoke("wifi password", k=1)[0].id == "wifi"
    adapters = memory.as_compressor().invoke([Document("The bus leaves at nine.")])
    assert "nine" in memory.as_chat_model().invoke("When does the bus leave?", adapters=adapters).text
    assert "Onyx" in memory.as_tools()[0].invoke({"query": "cat"})


def missing(memory: ParametricMemory) -> None:
    for bridge in (memory.as_middleware, memory.as_store):
        with pytest.raises(ImportError, match="pip install"):
            bridge()


if __name__ == "__main__":
    memory = ParametricMemory(service=opened())
    legacy(memory)
    model(memory)
    rest(memory)
    if "--block" in sys.argv:
        assert BaseMemory is OwnBaseMemory
        missing(memory)
    print("ok")
