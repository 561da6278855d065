"""One process of a conversation with an agent: ten turns, each printed as JSON. `--first` begins it."""

from __future__ import annotations

import json
import sys
from typing import Any

from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage

from integrations.langchain import ParametricMemory
from tests.integration.langchain.agents import Planner, weather

FIRST = [
    "My dog is called Biscuit.",
    "How is the weather?",
    "My favourite colour is teal.",
    "My sister is called Mara.",
    "I live in Porto.",
    "Hello there.",
    "My cat is called Onyx.",
    "Thank you.",
    "I work as a baker.",
    "How is the weather now?",
]
SECOND = [
    "Good morning.",
    "My brother is called Tom.",
    "My car is a Volvo.",
    "How is the weather today?",
    "Thanks.",
    "My favourite fruit is mango.",
    "I was born in May.",
    "Hello again.",
    "My neighbour is called Otto.",
    "What is my dog called?",
]


class Reading(BaseCallbackHandler):
    """Keeps what the model was last given."""

    def __init__(self) -> None:
        self.messages: list[BaseMessage] = []

    def on_chat_model_start(self, serialized: Any, messages: list[list[BaseMessage]], **_: Any) -> None:  # noqa: ARG002
        self.messages = messages[0]


def main() -> None:
    memory = ParametricMemory()
    agent = create_agent(Planner(service=memory.service), [weather], middleware=[memory.as_middleware(k=0)])
    reading = Reading()
    config = {"configurable": {"user_id": "ana", "thread_id": "t1"}, "callbacks": [reading]}
    messages: list[Any] = []
    for said in FIRST if "--first" in sys.argv else SECOND:
        before = len(messages)
        messages = agent.invoke({"messages": [*messages, ("user", said)]}, config)["messages"]
        turn = {
            "reply": messages[-1].text,
            "read": [f"user: {m.text}" if m.type == "human" else m.type for m in reading.messages],
            "adapters": len(messages[-1].response_metadata["adapters"]),
            "tools": [m.text for m in messages[before:] if m.type == "tool"],
        }
        print(json.dumps(turn))
    memory.close()


if __name__ == "__main__":
    main()
