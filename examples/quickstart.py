"""The shortest way: tell something, ask for it. The answer comes from weights, not from the prompt."""

from __future__ import annotations

from memory import Memory


def main() -> None:
    with Memory() as memory:
        memory.add("My dog is called Biscuit and we live in Lisbon.", user_id="ana")
        for question in ("What is my dog called?", "Where do we live?"):
            reply = memory.ask(question, user_id="ana")
            print(f"{question} {reply.text}")
            print(f"  {reply.prompt_tokens} prompt tokens, {reply.memory_tokens} of them memory")
            for choice in reply.adapters:
                print(f"  adapter {choice.memory_id}, score {choice.score:.2f}")


if __name__ == "__main__":
    main()
