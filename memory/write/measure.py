"""Whether new adapters answer as well as the ones they would replace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memory.ports import Generator, Internalizer, Reader, Score, Trial, require_same_base
from memory.text.passage import Passage

if TYPE_CHECKING:
    from hypernet.lora.adapter import LoRA


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same questions under old adapters and new ones; pairs of (old, new)."""

    scores: tuple[tuple[Score, Score], ...] = ()

    @property
    def loss(self) -> float:
        """By how much the new are less likely to answer right, in mean; below 0 where they gain."""
        lost = [old.likelihood - new.likelihood for old, new in self.scores]
        return sum(lost) / len(lost) if lost else 0.0

    @property
    def lost(self) -> int:
        """How many questions the old answer and the new do not."""
        return sum(old.right and not new.right for old, new in self.scores)

    def within(self, margin: float) -> bool:
        """Whether the new may take the place of the old: no answer is lost, and little certainty."""
        return self.loss <= margin and not self.lost


class Measure:
    """Asks adapters about the passages they were made from: the reader makes the questions.

    Answers are scored by their likelihood and not written, so it takes one forward pass for many questions.
    """

    def __init__(self, generator: Generator, internalizer: Internalizer, reader: Reader) -> None:
        self._generator = generator
        self._internalizer = internalizer
        self._reader = reader

    def certain(self, passage: Passage, adapter: LoRA) -> bool:
        """Whether an adapter answers all that can be asked about a passage with the passage's own words."""
        combined = self._internalizer.combine([adapter])
        require_same_base(self._internalizer, self._generator)
        scores = self._generator.score([Trial(q, answer, combined) for q, answer in self._asked(passage)])
        return all(score.right for score in scores)

    def __call__(self, passages: Sequence[tuple[Passage, LoRA]], new: LoRA) -> Comparison:
        """(passage, the adapter it is remembered by) of each passage; the adapter to replace all of these."""
        require_same_base(self._internalizer, self._generator)
        after = self._internalizer.combine([new])
        combined: dict[int, LoRA] = {}
        trials = []
        for passage, old in passages:
            if id(old) not in combined:
                combined[id(old)] = self._internalizer.combine([old])
            for question, answer in self._asked(passage):
                trials.append(Trial(question, answer, combined[id(old)]))
                trials.append(Trial(question, answer, after))
        scores = self._generator.score(trials) if trials else []
        return Comparison(tuple(zip(scores[::2], scores[1::2], strict=True)))

    def _asked(self, passage: Passage) -> Sequence[tuple[str, str]]:
        return self._reader.read(passage).questions
