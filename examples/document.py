"""A document becomes adapters, one a passage; each question selects the few that matter for it."""

from __future__ import annotations

from memory import Memory

NOTES = """\
The lighthouse of Sardel was founded in 1874. It has a height of 41 metres.

The keeper of the lighthouse of Sardel is Henrik Olsen.

The bakery Norrby opens at 7 am. It is closed on Monday.
"""


def main() -> None:
    with Memory(passage_tokens=30) as memory:
        passages = memory.add(NOTES, user_id="ana", document_id="notes.md")
        print(f"{len(passages)} passages, {sum(p.adapter.nbytes for p in passages):,} bytes of adapters")
        for question in (
            "Who is the keeper of the lighthouse of Sardel?",
            "At what time does the bakery Norrby open?",
        ):
            reply = memory.ask(question, user_id="ana")
            print(f"{question} {reply.text}")
            for choice in reply.adapters:
                print(f"  {choice.score:.2f} {choice.text!r}")


if __name__ == "__main__":
    main()
