"""Cuts passages that hold more facts than an adapter can recall, before they are stored.

    passage of several sentences -> its adapter -> asked what it tells -> all right: it stays
    else -> halves -> their adapters -> measured as compaction does -> what answers worse whole is cut

Passages of few sentences, as most messages are, are not asked: that doubles what adding one takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from memory.text.cutting import halves
from memory.text.passage import Passage
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
        dense = [passage for passage in passages if _dense(passage)]
        cut: dict[Passage, list[Passage]] = {}
        for start in range(0, len(dense), PASSAGES_PER_BATCH):
            cut |= self._cut(dense[start : start + PASSAGES_PER_BATCH])
        return [part for passage in passages for part in _leaves(passage, cut)]

    def _cut(self, passages: Sequence[Passage]) -> dict[Passage, list[Passage]]:
        """Too dense passages -> their halves, which may be keys themselves."""
        cut: dict[Passage, list[Passage]] = {}
        while passages:
            again: list[Passage] = []
            for passage, lora in zip(passages, self._making.loras(passages), strict=True):
                parts = halves(passage)
                if len(parts) < 2 or self._measure.certain(passage, lora):
                    continue
                alone = list(zip(parts, self._making.loras(parts), strict=True))
                if self._measure(alone, lora).loss > self._margin:
                    cut[passage] = parts
                    again += [part for part in parts if len(halves(part)) > 1]
            passages = again
        return cut


def _dense(passage: Passage) -> bool:
    return sum(len(line.clauses) for line in passage.lines) >= DENSE


def _leaves(passage: Passage, cut: dict[Passage, list[Passage]]) -> Iterator[Passage]:
    if passage not in cut:
        yield passage
        return
    for part in cut[passage]:
        yield from _leaves(part, cut)
