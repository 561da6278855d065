"""The result of adding a text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memory.records import MemoryRecord, Skipped

Progress = Callable[[int, int], None]
"""Called with the passages done and all there are."""


class Added(list[MemoryRecord]):
    """What stands for each passage of an added text, in its order."""

    def __init__(
        self,
        records: Sequence[MemoryRecord] = (),
        created: Sequence[str] = (),
        superseded: Sequence[str] = (),
        skipped: Sequence[Skipped] = (),
    ) -> None:
        super().__init__(records)
        self.created = frozenset(created)  # ids stored just now; the others were there before
        self.superseded = frozenset(superseded)  # ids of older ones whose place they take
        self.skipped = tuple(skipped)  # what was told and not stored, with the reason
