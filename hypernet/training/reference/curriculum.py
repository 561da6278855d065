"""What each training step practises. Step s is a pure function of (seed, s), so training resumes exactly.

The data decides what is learned: binding a value to its key appears only when groups with same-kind
competitors are frequent, and survives merging only when merged chunks are in the mix from early on.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from hypernet.training.reference.alignment import MemoryBatch, align
from hypernet.training.reference.drill import KeyValueDrill
from hypernet.training.reference.rows import ASSISTANT, END, SYSTEM, USER, Batch, Renderer, Row
from hypernet.world.facts import QA, UNKNOWN, Context, FactWorld, Group

SAME_KIND = 0.7
_FIRST_TOKEN = 5  # ids below are special
_SHAPES = (  # chunks per group, facts per chunk, groups per batch, how often
    (1, 1, 32, 1.6),
    (1, 2, 24, 2.0),
    (1, 3, 20, 2.0),
    (1, 4, 16, 2.0),
    (1, 6, 12, 3.0),
    (1, 8, 10, 1.2),
    (2, 1, 24, 2.0),
    (2, 3, 10, 0.8),
    (4, 1, 16, 3.0),
    (4, 2, 8, 0.6),
    (4, 3, 6, 0.6),
    (8, 1, 8, 2.5),
    (16, 1, 4, 1.4),
    (32, 1, 2, 1.2),
    (64, 1, 1, 0.9),
)
_DRILLED_AT_FIRST, _DRILLED, _AT_FIRST = 0.3, 0.15, 2500  # share of steps on random pairs; until this step
_NATURAL = 0.34  # share of steps on real conversations, and of steps on facts that stand amid prose
_NEEDLES = 0.16
_LONG = 0.5  # share of the prose around needles that is as long as a whole passage
_BOTH, _BOTH_FACTS = 0.12, 4  # share of small groups of which some text is in the prompts, too


class Curriculum:
    """Batches for the two stages: reading in context (the base), remembering (base and hypernetwork)."""

    def __init__(
        self,
        renderer: Renderer,
        seed: int,
        natural: Sequence[Context] = (),
        prose: Sequence[str] = (),
        drilled: float | None = None,
    ):
        """``drilled``: share of steps on random pairs; by default much at first, and half of it later."""
        self.renderer, self.seed, self.drilled = renderer, seed, drilled
        self.natural, self.prose = natural, prose
        self.drill = KeyValueDrill(renderer)
        self.vocab = renderer.tokenizer.get_vocab_size()

    def sample(self, rows: int = 24, tokens: int = 48) -> Tensor:
        """Told facts as the base reads them, without padding: ids [rows, tokens]."""
        world = FactWorld("train", self.seed)
        found: list[list[int]] = []
        while len(found) < rows:
            (ids,) = self.renderer.contexts([world.group(1, 4, same_kind=False).contexts[0].text])
            found += [ids[:tokens]] if len(ids) >= tokens else []
        return torch.tensor(found)

    def reading(self, step: int, warmup: int) -> list[Batch]:
        """A batch for the base alone: induction first, then mostly facts with every one of them asked."""
        rng = random.Random(f"{self.seed}/reading/{step}")
        dice = rng.random()
        if step < warmup or dice < 0.12:
            return Batch.buckets(self._induction(rng))
        if self.prose and dice < 0.17:
            return Batch.buckets(self._prose(rng))
        return Batch.buckets(self.in_context(FactWorld("train", rng.getrandbits(48)), rng, rows=20))

    def remembering(self, step: int, ease: float) -> tuple[MemoryBatch, list[Batch]]:
        """A batch for the adapters, one for reading; ``ease`` 1 -> 0 moves from small groups to all."""
        rng = random.Random(f"{self.seed}/remembering/{step}")
        world = FactWorld("train", rng.getrandbits(48))
        drilled = _DRILLED_AT_FIRST if step < _AT_FIRST else _DRILLED
        if rng.random() < (drilled if self.drilled is None else self.drilled):
            return self.drill.draw(rng), Batch.buckets(self._induction(rng), parts=2)
        weights = [often * (1.0 if chunks * facts <= 3 else 1 - ease) for chunks, facts, _, often in _SHAPES]
        chunks, facts, count, _ = rng.choices(_SHAPES, weights)[0]
        near = max(1, chunks // 4 - 1)  # the more is merged, the more there is to mistake for an answer
        groups = [
            world.group(chunks, facts, same_kind=rng.random() < SAME_KIND, unknown=near) for _ in range(count)
        ]
        dice = rng.random()
        if self.natural and dice < _NATURAL:
            chunks = rng.choice((1, 1, 2, 4))
            groups = [self._natural_group(rng, chunks) for _ in range(16 // chunks)]
        elif self.prose and facts <= 2 and dice < _NATURAL + 2 * _NEEDLES:  # about half have so few facts
            idle = rng.choice((0, 1, 3, 3)) if chunks <= 4 else 0
            groups = [self._amid_prose(rng, group, idle) for group in groups[: max(1, 24 // (chunks + idle))]]
            chunks += idle
        return self._memory(world, rng, groups, chunks), Batch.buckets(
            self.in_context(world, rng, rows=8), parts=2
        )

    def in_context(self, world: FactWorld, rng: random.Random, rows: int) -> list[Row]:
        """Texts of one to four chunks in a system message, then a question about every fact."""
        texts, dialogues = [], []
        for _ in range(rows):
            if self.natural and rng.random() < 0.15:
                group = self._natural_group(rng, 1)
            else:
                chunks = rng.choice((1, 1, 1, 2, 4))
                facts = rng.choice((1, 2, 3, 4, 6)) if chunks == 1 else rng.choice((1, 2))
                group = world.group(chunks, facts, same_kind=rng.random() < SAME_KIND)
            texts.append("\n".join(c.text for c in group.contexts))
            dialogues.append(self._ask(world, rng, group, limit=10))
        told = self.renderer.with_context(texts, dialogues, text_weight=0.15)
        blank = [[(q.question, UNKNOWN)] for q in world.group(1, 1, same_kind=False).unknown[:1]]
        return told + self.renderer.dialogues(blank)

    def _ask(self, world: FactWorld, rng: random.Random, group: Group, limit: int) -> list[tuple[str, str]]:
        told = [qa for context in group.contexts for qa in context.qa]
        asked = rng.sample(told, min(limit, len(told)))
        asked += rng.sample(group.unknown, rng.choice((0, 1, 1)) if group.unknown else 0)
        asked += [world.chat()] if rng.random() < 0.05 else []
        rng.shuffle(asked)
        return [(qa.question, qa.answer) for qa in asked]

    def _memory(self, world: FactWorld, rng: random.Random, groups: list[Group], chunks: int) -> MemoryBatch:
        told = min(sum(len(c.qa) for c in g.contexts) for g in groups)
        count = min(12 if chunks >= 8 else 6, told)
        unknown = min(self._refused(rng, chunks, count), *(len(g.unknown) for g in groups))
        talking = rng.random() < 0.15
        dialogues = [
            turns for g in groups for turns in self._questions(world, rng, g, count, unknown, talking)
        ]
        both = told <= _BOTH_FACTS and rng.random() < _BOTH
        texts = [self._recalled(rng, g) for g in groups for _ in range(count + unknown)] if both else ()
        return align(self.renderer, groups, chunks, dialogues, texts)

    @staticmethod
    def _refused(rng: random.Random, chunks: int, told: int) -> int:
        """How many questions that nothing answers go with ``told`` others.

        At most half as many where little is merged: with more, most of what failed was refused. Many where
        much is merged, for there they are learned last.
        """
        if chunks < 8:
            return min(3, told // 2) or rng.randrange(2)
        return 5 if chunks < 32 else 10

    @staticmethod
    def _recalled(rng: random.Random, group: Group) -> str:
        """Some of what the adapters hold, as it stands in a prompt."""
        contexts = [context.text for context in group.contexts]
        return "\n".join(rng.sample(contexts, rng.randint(1, min(2, len(contexts)))))

    @staticmethod
    def _questions(
        world: FactWorld, rng: random.Random, group: Group, count: int, unknown: int, talking: bool
    ) -> list[list[QA]]:
        """One row a question; in a conversation each row opens with another turn."""
        told = [qa for context in group.contexts for qa in context.qa]
        asked = rng.sample(told, count) + list(group.unknown[:unknown])
        rows = []
        for qa in asked:
            before = [world.chat() if rng.random() < 0.5 else rng.choice(told)] if talking else []
            rows.append([*before, qa])
        return rows

    def _natural_group(self, rng: random.Random, chunks: int) -> Group:
        """Chunks of real conversation whose questions differ; one more about a service they lack."""
        while True:
            *contexts, other = rng.sample(self.natural, chunks + 1)
            kinds = [qa.kind for c in contexts for qa in c.qa]
            services = {kind.split("/")[0] for kind in kinds}
            unknown = [q for q in other.qa if q.kind.split("/")[0] not in services]
            if len(set(kinds)) == len(kinds) and unknown:
                refused = tuple(QA(q.question, UNKNOWN, q.kind) for q in unknown)
                return Group(tuple(contexts), refused)

    def _amid_prose(self, rng: random.Random, group: Group, idle: int) -> Group:
        """The same facts with sentences of prose before and behind them, beside ``idle`` chunks of prose."""
        contexts = []
        for context in group.contexts:
            around = [self._sentences(rng) for _ in range(rng.randrange(3))]
            around.insert(rng.randrange(len(around) + 1), context.text)
            contexts.append(replace(context, text=" ".join(around)))
        contexts += [Context(f"{self._sentences(rng)} {self._sentences(rng)}", ()) for _ in range(idle)]
        return replace(group, contexts=tuple(rng.sample(contexts, len(contexts))))

    def _sentences(self, rng: random.Random) -> str:
        words = rng.choice(self.prose).split()
        start = rng.randrange(max(1, len(words) - 50))
        count = rng.randint(50, 80) if rng.random() < _LONG else rng.randint(8, 50)
        return " ".join(words[start : start + count])

    def _prose(self, rng: random.Random) -> list[Row]:
        rows = []
        for ids in self.renderer.encode(rng.sample(self.prose, 16)):
            row = Row([SYSTEM], [0.0])
            row.add([*ids[:255], END], 0.5)
            rows.append(row)
        return rows

    def _induction(self, rng: random.Random) -> list[Row]:
        """Repeats of random segments, and key-value recall over random tokens: no language, only binding."""
        top = rng.choice((128, 512, self.vocab))  # few tokens show the pattern sooner, all make it general
        return [self._repeat(rng, top) if rng.random() < 0.4 else self._recall(rng, top) for _ in range(12)]

    @staticmethod
    def _random_ids(rng: random.Random, top: int, count: int) -> list[int]:
        return [rng.randrange(_FIRST_TOKEN, top) for _ in range(count)]

    def _repeat(self, rng: random.Random, top: int) -> Row:
        segment = self._random_ids(rng, top, rng.randint(6, 60))
        row = Row([], [])
        row.add(segment, 0.0)
        row.add(segment, 1.0)
        return row

    def _recall(self, rng: random.Random, top: int) -> Row:
        keys = {tuple(self._random_ids(rng, top, rng.randint(1, 2))): 0 for _ in range(rng.randint(2, 16))}
        pairs = [(list(key), self._random_ids(rng, top, rng.randint(1, 3))) for key in keys]
        row = Row([], [])
        for key, value in pairs:
            row.add([USER, *key, ASSISTANT, *value, END], 0.0)
        for key, value in rng.sample(pairs, len(pairs)):
            row.add([USER, *key, ASSISTANT], 0.0)
            row.add([*value, END], 1.0)
        return row
