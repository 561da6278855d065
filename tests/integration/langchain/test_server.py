"""The LangChain parts with a server's URL: opened once, by argument or variable, without a model here."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from integrations.langchain import ParametricChatModel, ParametricMemory, ParametricStore, shared
from integrations.langchain.remote import RemoteMemory
from memory.errors import ServerUnavailable
from tests.api.conftest import live
from tests.integration.langchain.conftest import MakeMemory

AWAY = "http://127.0.0.1:9"


def test_url_and_key_open_a_server_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of one URL and key share a client; another key has its own; MEMORY_URL says the same."""
    first, again = (ParametricStore(url=AWAY, key="pm_a").service for _ in range(2))
    other = ParametricStore(url=AWAY, key="pm_b").service
    monkeypatch.setenv("MEMORY_URL", AWAY)
    monkeypatch.setenv("MEMORY_KEY", "pm_a")
    by_variable = ParametricStore().service
    assert isinstance(first, RemoteMemory)
    assert first is again is by_variable
    assert other is not first
    shared.close(first)
    anew = ParametricStore().service
    assert anew is not first
    for service in (anew, other):
        shared.close(service)


def test_a_key_is_never_shown() -> None:
    """Neither by a part's repr, nor by what it dumps, nor by an error."""
    with pytest.raises(ValueError, match="no server's URL") as raised:
        ParametricMemory(url="nowhere", key="pm_secret")
    assert "pm_secret" not in str(raised.value)
    part = ParametricMemory(url=AWAY, key="pm_secret", user_id="ana")
    assert "pm_secret" not in repr(part) + str(part.model_dump()) + str(part.to_json())
    part.close()


def test_a_service_and_a_url_do_not_go_together(service: object) -> None:
    with pytest.raises(ValueError, match="not both"):
        ParametricMemory(service=service, url=AWAY)  # type: ignore[arg-type]


def test_a_server_that_is_away_is_said_in_one_line() -> None:
    """When a part first needs it."""
    with pytest.raises(ServerUnavailable, match="no server at"):
        ParametricChatModel(url=AWAY)


def test_the_model_is_the_servers(make_memory: MakeMemory) -> None:
    """Another one is not to be had there."""
    with live(make_memory(anonymous=True)) as url:
        assert ParametricChatModel(url=url).model == "reference"
        with pytest.raises(ValueError, match="model is 'other', but the memory's is 'reference'"):
            ParametricChatModel(url=url, model="other")


_AGENT = """
import json, sys
from langchain.agents import create_agent
from integrations.langchain import ParametricMemory
memory = ParametricMemory()
agent = create_agent(memory.as_chat_model(), middleware=[memory.as_middleware()])
ana = {"configurable": {"user_id": "ana"}}
agent.invoke({"messages": [("user", "My dog is called Biscuit.")]}, ana)
reply = agent.invoke({"messages": [("user", "What is my dog called?")]}, ana)
docs = memory.as_retriever(user_id="ana").invoke("What is my dog called?")
memory.as_store()
heavy = {"torch", "transformers", "sqlalchemy", "faiss"} & sys.modules.keys()
print(json.dumps([reply["messages"][-1].text, len(docs), sorted(heavy)]))
"""


def test_an_agent_remembers_on_a_server_without_a_model_here(
    make_memory: MakeMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own, which says what it has imported."""
    with live(make_memory(anonymous=True)) as url:
        monkeypatch.setenv("MEMORY_URL", url)
        done = subprocess.run([sys.executable, "-c", _AGENT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer, found, heavy = json.loads(done.stdout)
    assert "Biscuit" in answer
    assert (found, heavy) == (1, [])
