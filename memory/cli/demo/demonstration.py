"""Runs the demonstration in a temporary home and measures each step of it."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from memory.cli.demo import texts
from memory.ports import Generation, GenerationRequest, Generator, Score, Trial
from memory.records import MemoryRecord, Message

if TYPE_CHECKING:
    from memory.bootstrap import Memory

USER = "ana"
SESSION = "first-talk"
STEPS = ("embed", "select", "merge", "generate")
_REFUSAL = re.compile(r"don['’]?t know|do not know", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """What the model has to read for a question, three ways."""

    none: int
    full_context: int
    adapters: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A question, its answer from adapters, and the answers to the same without them."""

    question: str
    expected: str | None  # None: it was never told, and should not be known
    answer: str
    right: bool
    adapters: tuple[tuple[int, float], ...]  # number of the passage, score
    read: str  # all that the model was given to read
    prompt_tokens: PromptTokens
    milliseconds: dict[str, float]
    taken_away: str  # the answer with the adapters taken away
    taken_away_right: bool
    full_context: str  # the answer with everything told in the prompt
    full_context_right: bool

    @property
    def told(self) -> bool:
        """Whether the answer is in what was told."""
        return self.expected is not None


@dataclass(frozen=True, slots=True)
class Demonstration:
    """All that was measured."""

    passages: tuple[MemoryRecord, ...]
    load_ms: float  # both models, from the start of the first call
    internalize_ms: float  # all passages, written to disk and index
    answers: tuple[Answered, ...]

    @property
    def bytes_per_adapter(self) -> float:
        """On disk, without the index."""
        return sum(record.adapter.nbytes for record in self.passages) / len(self.passages)

    @property
    def right(self) -> dict[str, int]:
        """How many questions were answered right, of those that could be (`told`) and of the others."""
        told = [answer for answer in self.answers if answer.told]
        never = [answer for answer in self.answers if not answer.told]
        return {
            "told": len(told),
            "adapters": sum(answer.right for answer in told),
            "taken_away": sum(answer.taken_away_right for answer in told),
            "full_context": sum(answer.full_context_right for answer in told),
            "never_told": len(never),
            "refused": sum(answer.right for answer in never),
        }


@dataclass(slots=True)
class Witness:
    """A generator that notes what the model is given to read."""

    generator: Generator
    read: tuple[Message, ...] = field(default=())

    @property
    def base_fingerprint(self) -> str:
        return self.generator.base_fingerprint

    @property
    def window(self) -> int:
        return self.generator.window

    @property
    def waiting(self) -> int:
        return self.generator.waiting

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return self.generator.count_tokens(messages)

    def stream(self, request: GenerationRequest) -> Generation:
        self.read = request.messages
        return self.generator.stream(request)

    def score(self, trials: Sequence[Trial]) -> list[Score]:
        return self.generator.score(trials)

    def close(self) -> None:
        self.generator.close()


def demonstrate(
    *, progress: Callable[[int, int], None] | None = None, model: str | None = None, **backends: object
) -> Demonstration:
    """Tell, forget the text, ask. Nothing outside a temporary folder is read or written.

    `backends` fill ports, as in `memory.Memory`. Raises ModelUnavailable.
    """
    from memory.bootstrap import BACKENDS, Memory, assemble
    from memory.settings import Settings

    with tempfile.TemporaryDirectory(prefix="memory-demo-") as folder:
        chosen = {} if model is None else {"model": model}
        settings = Settings.load(home=Path(folder), database_url=None, **chosen)
        assembled = assemble(settings, **backends)
        witness = Witness(assembled.generator)
        filled = {name: getattr(assembled, name) for name in BACKENDS}
        with Memory(settings, **filled | {"generator": witness}) as memory:
            return _run(memory, witness, progress or _unseen)


def _unseen(_done: int, _total: int) -> None:
    """Progress that nobody watches."""


def _run(memory: Memory, witness: Witness, report: Callable[[int, int], None]) -> Demonstration:
    steps = 2 + len(texts.QUESTIONS)
    began = time.perf_counter()
    memory.ask("Hello!", user_id=USER)  # loads the models
    loaded = time.perf_counter()
    report(1, steps)
    told = memory.add(texts.CONVERSATION, user_id=USER, session_id=SESSION)
    told += memory.add(texts.DOCUMENT, user_id=USER, document_id=texts.DOCUMENT_NAME)
    internalized = time.perf_counter()
    report(2, steps)
    answers = []
    for question, expected in texts.QUESTIONS:
        answers.append(_answer(memory, witness, told, question, expected))
        report(2 + len(answers), steps)
    return Demonstration(tuple(told), (loaded - began) * 1000, (internalized - loaded) * 1000, tuple(answers))


def _answer(
    memory: Memory, witness: Witness, told: Sequence[MemoryRecord], question: str, expected: str | None
) -> Answered:
    reply = memory.ask(question, mode="adapters", user_id=USER)
    read = "\n".join(message.text for message in witness.read)
    said = Message("user", question)
    bare = memory.answer(said, adapters=[], user_id=USER)
    full = memory.answer([Message("system", _everything()), said], adapters=[], user_id=USER)
    numbers = {record.id: number for number, record in enumerate(told, 1)}
    return Answered(
        question=question,
        expected=expected,
        answer=reply.text,
        right=is_right(reply.text, expected),
        adapters=tuple((numbers[choice.memory_id], choice.score) for choice in reply.adapters),
        read=read,
        prompt_tokens=PromptTokens(bare.prompt_tokens, full.prompt_tokens, reply.prompt_tokens),
        milliseconds={step: reply.timings[step] for step in STEPS},
        taken_away=bare.text,
        taken_away_right=is_right(bare.text, expected),
        full_context=full.text,
        full_context_right=is_right(full.text, expected),
    )


def is_right(answer: str, expected: str | None) -> bool:
    """Whether the answer says what was told, as whole words; or, never told, that it is not known."""
    if expected is None:
        return _REFUSAL.search(answer) is not None
    return re.search(rf"(?<!\w){re.escape(expected)}(?!\w)", answer, re.IGNORECASE) is not None


def _everything() -> str:
    """All that was told, as a prompt would hold it."""
    names = {"user": "User", "assistant": "Assistant"}
    lines = [f"{names[message['role']]}: {message['content']}" for message in texts.CONVERSATION]
    return "\n".join([*lines, "", texts.DOCUMENT])
