"""A ConversationChain whose memory is in the weights: its prompt holds no old turn, its answer does."""

from __future__ import annotations

from langchain_classic.chains import ConversationChain
from langchain_core.prompts import PromptTemplate

from integrations.langchain import ParametricMemory


def main() -> None:
    memory = ParametricMemory(user_id="ana", k=0)
    chain = ConversationChain(
        llm=memory.as_chat_model(), memory=memory, prompt=PromptTemplate.from_template("{history}{input}")
    )
    chain.predict(input="My dog is called Biscuit.")
    chain.predict(input="My favourite colour is teal.")
    print("in the prompt:", repr(memory.load_memory_variables({})["history"]))
    print(chain.predict(input="What is my dog called?"))


if __name__ == "__main__":
    main()
