"""The openai client, unchanged, asks another LLM, which knows what was told in an earlier conversation."""

from __future__ import annotations

from openai import OpenAI
from two_servers import HEADER, memory_in_front_of_a_model


def main() -> None:
    with (
        memory_in_front_of_a_model() as url,
        OpenAI(base_url=url, api_key="none", default_headers={HEADER: "ana"}) as client,
    ):
        for said in ("My sister lives in Lisbon.", "Where does my sister live?"):
            reply = client.chat.completions.create(
                model="reference", messages=[{"role": "user", "content": said}]
            )
            print(f"you> {said}\nmodel> {reply.choices[0].message.content}")
        assert reply.usage is not None
        print(f"(memory took {(reply.usage.model_extra or {})['memory_tokens']} tokens)")


if __name__ == "__main__":
    main()
