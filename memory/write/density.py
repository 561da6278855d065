"""A passage that tells more than its adapter can hold is cut before it is stored, instead of losing facts.

    passage of several sentences -> its adapter -> asked what it tells -> all right: it stays
    else -> halves -> their adapters -> measured as compaction does -> what answers worse whole is cut

Passages of few sentences, as most messages are, are not asked: that doubles what adding one takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from memory.text.passages import Passage, clauses, halves
from memory.write.adapter_factory import AdapterFactory
from memory.write.measure import Measure

DENSE = 8  # sentences from which on a passage is asked
PASSAGES_PER_BATCH = 16  # asked about together


class DensityGuard:
    """Cuts passages that are too dense for their adapters."""

    def __init__(self, making: AdapterFactory, measure: Measure, margin: float) -> None:
        """`margin`: what a passage may answer worse than its halves, as in compaction."""
        self._making = making
        self._measure = measure
        self._margin = margin

    def __call__(self, passages: Sequence[Passage]) -> list[Passage]:
        """The passages, in order, dense ones in parts. Raises ModelUnavailable."""
        dense = [passage for passage in passages if _dense(passage.text)]
        cut: dict[str, list[str]] = {}
        for start in range(0, len(dense), PASSAGES_PER_BATCH):
            cut |= self._cut([passage.text for passage in dense[start : start + PASSAGES_PER_BATCH]])
        return [replace(passage, text=part) for passage in passages for part in _leaves(passage.text, cut)]

    def _cut(self, texts: Sequence[str]) -> dict[str, list[str]]:
        """Texts that are too dense -> their halves, which may be in it themselves."""
        cut: dict[str, list[str]] = {}
        while texts:
            again: list[str] = []
            for text, lora in zip(texts, self._making.loras(texts), strict=True):
                parts = halves(text)
                if len(parts) < 2 or self._measure.certain(text, lora):
                    continue
                alone = list(zip(parts, self._making.loras(parts), strict=True))
                if self._measure(alone, lora).loss > self._margin:
                    cut[text] = parts
                    again += [part for part in parts if len(halves(part)) > 1]
            texts = again
        return cut


def _dense(text: str) -> bool:
    return len(list(islice(clauses(text), DENSE))) == DENSE


def _leaves(text: str, cut: dict[str, list[str]]) -> Iterator[str]:
    if text not in cut:
        yield text
        return
    for part in cut[text]:
        yield from _leaves(part, cut)
