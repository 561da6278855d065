"""LangChain's ChatOpenAI, unchanged, streams from another LLM that knows Ana, and not Bob."""

from __future__ import annotations

from langchain_openai import ChatOpenAI
from two_servers import HEADER, memory_in_front_of_a_model


def main() -> None:
    with memory_in_front_of_a_model() as url:

        def model(user: str) -> ChatOpenAI:
            headers = {HEADER: user}
            return ChatOpenAI(model="reference", base_url=url, api_key="none", default_headers=headers)

        model("ana").invoke("My sister lives in Lisbon.")
        for user in ("ana", "bob"):
            print(f"{user}> Where does my sister live?\nmodel> ", end="")
            for chunk in model(user).stream("Where does my sister live?"):
                print(chunk.text, end="")
            print()


if __name__ == "__main__":
    main()
