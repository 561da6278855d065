"""The same memory beside a model of somebody else's: what is recalled goes into its prompt as text."""

from __future__ import annotations

from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import SimpleChatModel
from langchain_core.messages import BaseMessage

from integrations.langchain import ParametricMemory


class Stand(SimpleChatModel):
    """Stands for ChatOpenAI and the like, and needs no key: it shows what such a model reads."""

    @property
    def _llm_type(self) -> str:
        return "stand-in"

    def _call(self, messages: list[BaseMessage], *_: Any, **__: Any) -> str:
        return "I read: " + " | ".join(message.text for message in messages)


def main() -> None:
    memory = ParametricMemory(user_id="ana")
    memory.add("My dog is called Biscuit.")
    agent = create_agent(
        Stand(), system_prompt="Be kind.", middleware=[memory.as_middleware(recalled_tokens=100)]
    )
    print(agent.invoke({"messages": [("user", "What is my dog called?")]})["messages"][-1].text)


if __name__ == "__main__":
    main()
