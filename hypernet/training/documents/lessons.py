"""What each step of Doc-to-LoRA training practises. Step s is a pure function of (seed, rank, s), so that
training resumes exactly.

One step is a few examples of like length. Each tells its contexts in chunks, is asked some of its questions
and perhaps one that nothing told answers, and may have another example's chunks merged with its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from transformers import PreTrainedTokenizerBase

from hypernet.backbones.chunking import affixes, frame, split
from hypernet.networks.config import HypernetConfig
from hypernet.training.data.examples import Asked, Example, asks_any
from hypernet.training.packed import Chat, Turn
from hypernet.world.facts import UNKNOWN

SHORTEST = 32  # tokens: a text is not cut into shorter windows for the sake of their number
_POOL = 256  # examples of which those of like length are taken


@dataclass(frozen=True)
class Mix:
    """How steps are made up: ``tokens`` of chunks and questions a step, ``questions`` an example at most,
    chunks growing from one to the most over ``growth`` steps, the share of examples with ``distractors``
    merged in, and the share with an ``unknown`` question."""

    tokens: int = 8192
    questions: int = 6
    growth: int = 1000
    distractors: float = 0.3
    unknown: float = 0.3

    def most_chunks(self, step: int, limit: int) -> int:
        """How many chunks a context may be cut into at a step, ``limit`` in the end."""
        return 1 + int((limit - 1) * min(1.0, step / max(1, self.growth)))


@dataclass(frozen=True)
class Lesson:
    """Some examples, ready for the models.

    ``groups`` are the numbers of the ``chunks`` merged for each example; ``rows`` what it is asked; and
    ``reminded`` the same turns with the contexts in the prompt, None where that does not fit, or where
    nothing told has the answer.
    """

    chunks: list[list[int]]
    groups: list[list[int]]
    rows: list[list[Turn]]
    reminded: list[list[Turn | None]]


@dataclass(frozen=True)
class _Part:
    """One example's share of a lesson."""

    example: Example
    asked: list[str]
    chunks: list[list[int]]
    turns: list[Turn]
    reminded: list[Turn | None]

    @property
    def tokens(self) -> int:
        return sum(map(len, self.chunks)) + sum(len(turn.ids) for turn in self.turns)


class Reader:
    """Examples -> token ids, in the base's own chat form; ``window`` is how many tokens the base reads."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, config: HypernetConfig, window: int) -> None:
        self.chat = Chat(tokenizer)
        self.window = window
        self.max_tokens = config.max_chunk_tokens
        self._as_told = " " if config.reader == "tokens" else ""  # a word's token in a text has its space
        self._frame = frame(tokenizer, system_turn=config.context_system_turn)
        self._affixes = affixes(tokenizer, system_turn=config.context_system_turn)

    def chunks(self, contexts: Sequence[str], count: int) -> list[list[int]]:
        """The contexts in about ``count`` chunks, in more where one would be too long.

        Fewer chunks than contexts join neighbours, more cut each of them.
        """
        size = ceil(len(contexts) / count)
        texts = ["\n\n".join(contexts[i : i + size]) for i in range(0, len(contexts), size)]
        return [chunk for text in texts for chunk in self._cut(text, ceil(count / len(texts)))]

    def part(self, example: Example, count: int, asked: Sequence[tuple[Asked, bool]], remind: bool) -> _Part:
        """The example in ``count`` chunks with these questions, each with whether its answer was told."""
        turns = [self.chat.turn(qa.question, self._said(qa, told), told=told) for qa, told in asked]
        questions = [qa.question for qa, _ in asked]
        reminded = [
            self._remind(example, question, turn) if remind and turn.told else None
            for question, turn in zip(questions, turns, strict=True)
        ]
        return _Part(example, questions, self.chunks(example.contexts, count), turns, reminded)

    def _said(self, qa: Asked, told: bool) -> str:
        return self._as_told + qa.answer if told else qa.answer

    def _cut(self, text: str, count: int) -> list[list[int]]:
        head, tail = self._frame
        ids = self.chat.encode(head + text.strip() + tail)
        size = min(max(ceil(len(ids) / count), SHORTEST), self.max_tokens)
        return split(ids, *self._affixes, size)

    def _remind(self, example: Example, question: str, turn: Turn) -> Turn | None:
        longer = self.chat.reworded(turn, "\n\n".join([*example.contexts, question]))
        return longer if len(longer.ids) <= self.window else None


class Lessons:
    """Endless lessons from examples; ``remind``: whether the contexts go into prompts, for a teacher."""

    def __init__(self, examples: Sequence[Example], reader: Reader, mix: Mix, limit: int, seed: int) -> None:
        self.examples, self.reader, self.mix = examples, reader, mix
        self.limit, self.seed = limit, seed

    def at(self, step: int, rank: int = 0, *, remind: bool) -> Lesson:
        """The lesson of a step, for one process of a team."""
        rng = random.Random(f"{self.seed}/{rank}/{step}")
        count = rng.randint(
            1, self.mix.most_chunks(step, self.limit)
        )  # the same for all: ranks need no padding
        pool = self._alike(rng)
        parts: list[_Part] = []
        tokens = 0
        for example in pool:
            part = self.reader.part(example, count, self._questions(example, pool, rng), remind)
            tokens += part.tokens
            if parts and tokens > self.mix.tokens:
                break
            parts.append(part)
        return _lesson(parts, [self._company(parts, i, rng) for i in range(len(parts))])

    def _alike(self, rng: random.Random) -> list[Example]:
        """Examples in an order that puts those of like length together, from a random one on."""
        pool = rng.sample(self.examples, min(_POOL, len(self.examples)))
        pool.sort(key=lambda example: example.size, reverse=rng.random() < 0.5)
        start = rng.randrange(len(pool))
        return pool[start:] + pool[:start][::-1]

    def _questions(
        self, example: Example, pool: Sequence[Example], rng: random.Random
    ) -> list[tuple[Asked, bool]]:
        asked = [(qa, True) for qa in rng.sample(example.qa, min(self.mix.questions, len(example.qa)))]
        if rng.random() < self.mix.unknown:
            question = self._unknown(example, pool, rng)
            asked += [(Asked(question, UNKNOWN), False)] if question else []
        return asked

    @staticmethod
    def _unknown(example: Example, pool: Sequence[Example], rng: random.Random) -> str | None:
        """One of the example's own, or else another example's question that this one cannot answer."""
        if example.unknown:
            return rng.choice(example.unknown)
        question = rng.choice(rng.choice(pool).qa).question
        return None if asks_any([question], example) else question

    def _company(self, parts: Sequence[_Part], number: int, rng: random.Random) -> list[int]:
        """Itself, and perhaps another part that has no answer to what this one is asked."""
        other = rng.randrange(len(parts))
        alone = rng.random() >= self.mix.distractors or other == number
        if alone or asks_any(parts[number].asked, parts[other].example):
            return [number]
        return [number, other]


def exams(examples: Sequence[Example], reader: Reader, tokens: int, questions: int) -> Iterator[Lesson]:
    """Lessons to judge by, always the same: as few chunks as in use, the first questions, one unknown."""
    parts: list[_Part] = []
    for example in examples:
        asked = [(qa, True) for qa in example.qa[:questions]]
        asked += [(Asked(question, UNKNOWN), False) for question in example.unknown[:1]]
        parts.append(reader.part(example, 1, asked, remind=True))
        if sum(part.tokens for part in parts) > tokens:
            yield _lesson(parts, [[i] for i in range(len(parts))])
            parts = []
    if parts:
        yield _lesson(parts, [[i] for i in range(len(parts))])


def _lesson(parts: Sequence[_Part], company: Sequence[Sequence[int]]) -> Lesson:
    chunks: list[list[int]] = []
    numbers: list[range] = []
    for part in parts:
        numbers.append(range(len(chunks), len(chunks) + len(part.chunks)))
        chunks += part.chunks
    groups = [[chunk for member in members for chunk in numbers[member]] for members in company]
    return Lesson(chunks, groups, [part.turns for part in parts], [part.reminded for part in parts])
