"""/v1/responses in the form of the OpenAI Agents SDK: instructions, and a list of items that grows.

The SDK itself is not used here. It takes a client with another address and headers as this one has them.
"""

from __future__ import annotations

from typing import Any

from openai import OpenAI
from two_servers import HEADER, memory_in_front_of_a_model


def main() -> None:
    with (
        memory_in_front_of_a_model() as url,
        OpenAI(base_url=url, api_key="none", default_headers={HEADER: "ana"}) as client,
    ):

        def run(items: list[Any], said: str) -> list[Any]:
            asked = [*items, {"role": "user", "content": said}]
            reply = client.responses.create(
                model="reference", instructions="You help Ana.", input=asked, tools=[], include=[]
            )
            print(f"you> {said}\nagent> {reply.output_text}")
            return [*asked, *(item.to_dict() for item in reply.output)]

        run([], "My sister lives in Lisbon.")
        run(run([], "Good morning!"), "Where does my sister live?")  # a new conversation


if __name__ == "__main__":
    main()
