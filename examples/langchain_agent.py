"""An agent that knows on Friday what it was told on Monday, with none of it in its prompt."""

from __future__ import annotations

from langchain.agents import create_agent
from langgraph.checkpoint.memory import InMemorySaver

from integrations.langchain import ParametricMemory


def main() -> None:
    memory = ParametricMemory()
    agent = create_agent(
        memory.as_chat_model(), middleware=[memory.as_middleware()], checkpointer=InMemorySaver()
    )

    def say(text: str, thread: str) -> None:
        config = {"configurable": {"user_id": "ana", "thread_id": thread}}
        reply = agent.invoke({"messages": [("user", text)]}, config)["messages"][-1]
        used = len(reply.response_metadata["adapters"])
        read = reply.usage_metadata["input_tokens"]
        print(f"{thread}: {text}\n  -> {reply.text} ({used} adapters, {read} tokens read)")

    say("My dog is called Biscuit.", "monday")
    say("My favourite colour is teal.", "monday")
    say("What is my dog called?", "friday")


if __name__ == "__main__":
    main()
