"""Texts that were recalled for a prompt, and how they stand in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

HEADING = "What is known from earlier conversations, the most relevant first:"


@dataclass(frozen=True, slots=True)
class Recalled:
    """One text that was recalled, and where it comes from."""

    memory_id: str
    text: str
    said_at: datetime  # when it was told, or since when it holds
    score: float  # relevance: cosine and shared words
    speaker: str | None  # "user" or "assistant", where one of them said it
    document_id: str | None
    session_id: str | None
    shown: str = ""  # the text as a prompt has it

    @property
    def line(self) -> str:
        """As it stands in a prompt: date, speaker, text."""
        said = "; ".join(part.strip() for part in (self.shown or self.text).splitlines() if part.strip())
        where = f"{self.document_id}: " if self.document_id is not None else ""
        return f"- {self.said_at:%Y-%m-%d} {where}{said}"


class Recall(list[Recalled]):
    """Texts for a prompt: what holds first, the most relevant first. `str` of it is what goes there."""

    def __init__(self, texts: Iterable[Recalled] = (), tokens: int = 0) -> None:
        super().__init__(texts)
        self.tokens = tokens  # of the prompt text, heading included; 0 where nothing was recalled

    @property
    def prompt(self) -> str:
        """The texts under a heading, one a line; "" for none."""
        return "\n".join([HEADING, *(one.line for one in self)]) if self else ""

    def __str__(self) -> str:
        return self.prompt
