"""Answering as the history grows to 64 times the base model's window: from adapters, and from full context.

Adapters: the history is internalized, and the prompt holds the question alone. Full context: the whole
history is in the prompt, and no adapter in force. Both are the whole way of a question through `Memory`,
in turns, in one run. Full context stops where the window does.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path

from benchmarks.bench import Bench, Options, Row, milliseconds
from benchmarks.peak_memory import peak_memory
from hypernet.world.facts import FactWorld
from memory import Memory
from memory.records import ChatReply, Message

FACTORS, QUESTIONS = (Fraction(1, 4), Fraction(1), Fraction(4), Fraction(16), Fraction(64)), 15
QUICK_FACTORS, QUICK_QUESTIONS = (Fraction(1), Fraction(4)), 2
REPLY_TOKENS = 16
ROOM = 48 + REPLY_TOKENS  # tokens of a window that question and reply take
USER = "ana"


@dataclass
class History:
    """What a user told so far, and questions about it."""

    world: FactWorld
    messages: list[Message] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    tokens: int = 0

    def grow(self, tokens: int, count: Callable[[Sequence[Message]], int]) -> list[Message]:
        """Tell more, message by message, up to so many tokens in all; returns what was told."""
        told: list[Message] = []
        while True:
            context = self.world.group(1, 2, same_kind=False, style="notes").contexts[0]
            message = Message("user", context.text)
            if self.tokens + count([message]) > tokens:
                return told
            self.tokens += count([message])
            told.append(message)
            self.messages.append(message)
            self.questions.append(context.qa[0].question)


def rows(options: Options) -> Iterator[Row]:
    """One row a length of the history; medians."""
    factors, asked = (QUICK_FACTORS, QUICK_QUESTIONS) if options.quick else (FACTORS, QUESTIONS)
    parts = options.parts()
    window = parts["generator"].window
    history = History(FactWorld("heldout", seed=0))
    with (
        tempfile.TemporaryDirectory(prefix="memory-bench-") as folder,
        Memory(home=Path(folder), database_url=None, max_new_tokens=REPLY_TOKENS, **parts) as memory,
    ):
        memory.add("What is said first waits for the models.", user_id="somebody else")
        for factor in factors:
            told = history.grow(_length(factor, window), memory.count_tokens)
            spent = milliseconds(partial(memory.add, told, user_id=USER))
            yield _row(memory, history, factor, window, asked, spent / len(told))


def _length(factor: Fraction, window: int) -> int:
    """Tokens of the history; one window of it leaves room for question and reply."""
    return int(factor * window) if factor > 1 else min(int(factor * window), window - ROOM)


def _row(memory: Memory, history: History, factor: Fraction, window: int, asked: int, add_ms: float) -> Row:
    questions = history.questions[:: max(1, len(history.questions) // asked)][:asked]
    adapters = Arm(lambda question: memory.ask(question, user_id=USER, mode="adapters"))
    context = Arm(lambda question: _from_context(memory, history, question))
    fits = factor <= 1
    _ask_in_turns([adapters, context] if fits else [adapters], questions)
    return {
        "history": f"{factor} of the window" if fits else f"{factor} windows",
        "tokens": f"{history.tokens:,}",
        "adapters ms": adapters.median("ms"),
        "prompt": adapters.median("prompt_tokens"),
        "reply": adapters.median("reply_tokens"),
        "peak +MiB": adapters.mib,
        "full context ms": context.median("ms") if fits else f"stops at {window} tokens",
        "its prompt": context.median("prompt_tokens") if fits else None,
        "its reply": context.median("reply_tokens") if fits else None,
        "its peak +MiB": context.mib if fits else None,
        "times": context.median("ms") / adapters.median("ms") if fits else None,
        "add, ms a message": add_ms,
    }


class Arm:
    """A way to answer, and what its answers took."""

    def __init__(self, answer: Callable[[str], ChatReply]) -> None:
        self._answer = answer
        self._taken: dict[str, list[float]] = {"ms": [], "prompt_tokens": [], "reply_tokens": []}
        self.mib = float("nan")

    def ask(self, question: str) -> None:
        replies: list[ChatReply] = []
        self._taken["ms"].append(milliseconds(lambda: replies.append(self._answer(question))))
        self._taken["prompt_tokens"].append(replies[0].prompt_tokens)
        self._taken["reply_tokens"].append(replies[0].completion_tokens)

    def weigh(self, questions: Sequence[str]) -> None:
        """Ask again, for the median of the peaks: apart, because looking at memory takes time."""
        peaks = []
        for question in questions:
            with peak_memory() as peak:
                self._answer(question)
            peaks.append(peak.mib)
        self.mib = statistics.median(peaks)

    def median(self, what: str) -> float:
        return statistics.median(self._taken[what])


def _ask_in_turns(arms: Sequence[Arm], questions: Sequence[str]) -> None:
    for arm in arms:  # the first answer pays for what later ones find ready
        arm.weigh(questions[:1])
    for question in questions:
        for arm in arms:
            arm.ask(question)
    for arm in arms:
        arm.weigh(questions[:3])


def _from_context(memory: Memory, history: History, question: str) -> ChatReply:
    """The answer with the whole history in the prompt, and no adapter."""
    said = [*history.messages, Message("user", question)]
    reply = memory.answer(said, user_id=USER, mode="adapters", adapters=[])
    if reply.prompt_tokens < history.tokens // 2:
        raise RuntimeError(f"the prompt has {reply.prompt_tokens} tokens of a history of {history.tokens}")
    return reply


BENCH = Bench("history", "Answering as the history grows", rows)
