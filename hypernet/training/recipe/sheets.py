"""What each step of the recipe practises. Step s is a pure function of (seed, rank, s), so training resumes
exactly, and other processes can prepare steps ahead.

A step is as many groups as hold a number of tokens: made-up facts, sayings, and examples from files. A
group's texts are its chunks; perhaps other groups' chunks are merged with them, which answer none of its
questions.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch.utils.data import DataLoader, Dataset
from transformers import PreTrainedTokenizerBase

from hypernet.backbones.chunking import affixes, frame, split
from hypernet.networks.config import HypernetConfig
from hypernet.training.data.examples import Asked, Example, asks_any, of_group
from hypernet.training.packed import Chat, Turn
from hypernet.training.recipe.stages import StageRow
from hypernet.world.facts import UNKNOWN, FactWorld
from hypernet.world.sayings import Sayings

QUESTIONS = 6  # of a group, at most
_SAYINGS, _FILES = 0.25, 0.3  # shares of the groups; made-up facts are the rest
_SAME_KIND = 0.5
_SHAPES = ((1, 1), (1, 1), (1, 2), (1, 3), (1, 4), (1, 6), (2, 2), (4, 1))  # chunks, facts in each
_AHEAD = 4  # steps that each process prepares before they are asked for


@dataclass(frozen=True)
class Sheet:
    """A step's groups. ``texts``: ids of every chunk, without the template; ``groups``: the numbers of the
    chunks merged in each; ``rows``: what each is asked, at least one turn."""

    texts: list[list[int]]
    groups: list[list[int]]
    rows: list[list[Turn]]


@dataclass(frozen=True)
class Part:
    """One group's share of a sheet."""

    example: Example
    texts: list[list[int]]
    turns: list[Turn]
    asked: tuple[str, ...]

    @property
    def tokens(self) -> int:
        return sum(map(len, self.texts)) + sum(len(turn.ids) for turn in self.turns)


class Scribe:
    """Examples -> token ids, in the base's own chat form."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, config: HypernetConfig) -> None:
        self.chat = Chat(tokenizer)
        self.opening, self._closing = affixes(tokenizer, system_turn=config.context_system_turn)
        self._frame = frame(tokenizer, system_turn=config.context_system_turn)
        self._longest = config.max_chunk_tokens
        probes = [self.chat.opened(question) for question in ("A z", "9 !")]
        self.shared = len(self.opening) if all(p[: len(self.opening)] == self.opening for p in probes) else 0

    def texts(self, context: str) -> list[list[int]]:
        """The windows of a text, cut as in use, without what the template writes around each."""
        head, tail = self._frame
        ids = self.chat.encode(head + context.strip() + tail)
        windows = split(ids, self.opening, self._closing, self._longest)
        return [window[len(self.opening) : len(window) - len(self._closing)] for window in windows]

    def part(
        self, example: Example, told: Sequence[Asked], unknown: Sequence[str], own: Sequence[Turn]
    ) -> Part:
        """The example with these questions, some that it does not answer, and turns of the base's own."""
        # A told word's token has its space: an answer begins with one, as rows say it.
        turns = [self.chat.turn(qa.question, f" {qa.answer}") for qa in told]
        turns += [self.chat.turn(question, UNKNOWN, told=False) for question in unknown]
        texts = [text for context in example.contexts for text in self.texts(context)]
        return Part(example, texts, [*turns, *own], (*(qa.question for qa in told), *unknown))


class Sources:
    """Groups by number: the generators' are endless, or begin anew after ``variety`` of them."""

    def __init__(self, examples: Sequence[Example], seed: int, variety: int = 0) -> None:
        self.seed, self.variety = seed, variety
        self._kinds: dict[str, list[Example]] = {}
        for example in examples:
            self._kinds.setdefault(example.kind, []).append(example)
        self._weights = [len(known) ** 0.5 for known in self._kinds.values()]  # small ones are not drowned

    def draw(self, rng: random.Random, merged: int) -> Example:
        """One group. Half of those of a stage that merges more than eight hold many chunks of one kind."""
        where = rng.random()
        if self._kinds and where < _FILES:
            return rng.choice(rng.choices(tuple(self._kinds.values()), self._weights)[0])
        number = rng.randrange(self.variety) if self.variety else rng.getrandbits(48)
        rng = random.Random(f"{self.seed}/{number}/{merged}")
        if where > 1 - _SAYINGS:
            found = of_group(Sayings("train", rng.getrandbits(48)).group(), "sayings")
            return found if found.qa else self.draw(rng, merged)
        world = FactWorld("train", rng.getrandbits(48))
        if merged > 8 and rng.random() < 0.5:
            chunks = round(math.exp(rng.uniform(0, math.log(merged))))
            return of_group(world.group(chunks, 1, same_kind=True), "world")
        chunks, facts = rng.choice(_SHAPES)
        return of_group(world.group(chunks, facts, same_kind=rng.random() < _SAME_KIND), "world")


class Practice(Dataset[Sheet]):
    """The sheets of a stage, by step."""

    def __init__(
        self,
        sources: Sources,
        scribe: Scribe,
        stage: StageRow,
        own: Sequence[Turn],
        *,
        tokens: int,
        seed: int,
        rank: int = 0,
    ) -> None:
        self.sources, self.scribe, self.stage, self.own = sources, scribe, stage, own
        self.tokens, self.seed, self.rank = tokens, seed, rank

    def __getitem__(self, step: int) -> Sheet:
        rng = random.Random(f"{self.seed}/{self.stage.name}/{self.rank}/{step}")
        parts: list[Part] = []
        tokens = 0
        while not parts or tokens < self.tokens:
            parts.append(self._part(rng))
            tokens += parts[-1].tokens
        return sheet(parts, [self._company(parts, number, rng) for number in range(len(parts))])

    def ahead(self, step: int, steps: int, workers: int) -> Iterator[Sheet]:
        """The sheets from ``step`` on, prepared by other processes where there are ``workers``."""
        loader = DataLoader(
            self,
            batch_size=None,
            sampler=range(step, steps),
            num_workers=workers,
            prefetch_factor=_AHEAD if workers else None,
        )
        return iter(loader)

    def _part(self, rng: random.Random) -> Part:
        stage = self.stage
        example = self.sources.draw(rng, stage.merged)
        told = rng.sample(example.qa, min(QUESTIONS, len(example.qa)))
        unknown = [rng.choice(example.unknown)] if example.unknown and rng.random() < stage.unknown else []
        own = [rng.choice(self.own)] if self.own and rng.random() < stage.own else []
        return self.scribe.part(example, told, unknown, own)

    def _company(self, parts: Sequence[Part], number: int, rng: random.Random) -> list[int]:
        """Itself, and perhaps other parts that answer nothing of what this one is asked, in any order."""
        part, most = parts[number], self.stage.merged
        found, chunks = [number], len(part.texts)
        if rng.random() < self.stage.company:
            wanted = round(math.exp(rng.uniform(0, math.log(most))))
            others = rng.sample(range(len(parts)), min(len(parts), wanted))
            for other in others:
                more = chunks + len(parts[other].texts)
                if other != number and more <= most and not asks_any(part.asked, parts[other].example):
                    found.append(other)
                    chunks = more
        rng.shuffle(found)
        return found


def sheet(parts: Sequence[Part], company: Sequence[Sequence[int]]) -> Sheet:
    """The parts in one, each merged with those that keep it company, itself among them."""
    texts: list[list[int]] = []
    numbers: list[range] = []
    for part in parts:
        numbers.append(range(len(texts), len(texts) + len(part.texts)))
        texts += part.texts
    groups = [[chunk for member in members for chunk in numbers[member]] for members in company]
    return Sheet(texts, groups, [part.turns for part in parts])
