"""Two users of one memory: neither sees the other, and forgetting one leaves the other whole."""

from __future__ import annotations

from memory import Memory

QUESTION = "What is my cat called?"


def main() -> None:
    with Memory() as memory:
        memory.chat("My cat is called Tom.", user_id="ana", session_id="monday")
        memory.chat("My cat is called Luna.", user_id="ben", session_id="monday")
        for user in ("ana", "ben", "carla"):
            print(f"{user}: {memory.ask(QUESTION, user_id=user).text}")
        receipt = memory.forget(user_id="ana")
        print(f"forgotten of ana: {len(receipt.memories)} memories, {len(receipt.turns)} turns")
        for user in ("ana", "ben"):
            print(f"{user}: {memory.ask(QUESTION, user_id=user).text}")


if __name__ == "__main__":
    main()
