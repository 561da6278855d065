"""What the demonstration tells, and asks. Data only."""

from __future__ import annotations

CONVERSATION: tuple[dict[str, str], ...] = tuple(
    {"role": role, "content": content}
    for role, content in (
        ("user", "My dog is called Biscuit and we live in Lisbon."),
        ("assistant", "Nice."),
        ("user", "By the way, I am allergic to peanuts."),
        ("assistant", "Got it."),
        ("user", "My sister is called Marta. She works as a baker."),
        ("assistant", "Noted."),
        ("user", "I need a table at Corvo."),
        ("assistant", "For which day?"),
        ("user", "Thursday."),
        ("assistant", "For how many people?"),
        ("user", "4, please."),
        ("assistant", "Done."),
    )
)

DOCUMENT_NAME = "lighthouse.md"
DOCUMENT = """\
The lighthouse of Sardel was founded in 1874. The keeper of the lighthouse of Sardel is Henrik Olsen.

The lighthouse of Sardel opens at 9:30 am and it is closed on Monday.
"""

QUESTIONS: tuple[tuple[str, str | None], ...] = (  # the answer; None where it was never told
    ("What is my dog called?", "Biscuit"),
    ("Where do we live?", "Lisbon"),
    ("What am I allergic to?", "peanuts"),
    ("What does my sister do for a living?", "baker"),
    ("On which day is my table at Corvo?", "Thursday"),
    ("Who is the keeper of the lighthouse of Sardel?", "Henrik Olsen"),
    ("When was the lighthouse of Sardel founded?", "1874"),
    ("On which day is the lighthouse of Sardel closed?", "Monday"),
    ("What is my wifi password?", None),
    ("What is my cat called?", None),  # the harder kind: something like it was told
)
