"""An import that can be ended anywhere in it, and the bounds of what it writes at once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from memory.errors import InvalidInput
from memory.ports.asker import asker
from memory.records import Turn
from memory.upkeep.archive import Pulse
from memory.write.added import Progress

_MOST_TURNS, _MOST_TOLD = 2**18, 2**27  # of one session, which is written at once: turns, and characters


class Watched(list[Turn]):
    """A list that whoever goes through it can be stopped in."""

    def __init__(self, pulse: Pulse, items: Iterable[Turn]) -> None:
        super().__init__(items)
        self._pulse = pulse

    def __iter__(self) -> Iterator[Turn]:
        for item in super().__iter__():
            self._pulse()
            yield item


def bounded(turns: Iterable[Turn]) -> Iterator[Turn]:
    """The turns of a session. Raises InvalidInput where they are more than can be written at once."""
    size = 0
    for count, turn in enumerate(turns, 1):
        size += len(turn.text)
        if count > _MOST_TURNS or size > _MOST_TOLD:
            raise InvalidInput(
                f"the archive is not imported: a session has more than {_MOST_TURNS:,} turns or "
                f"{_MOST_TOLD:,} characters"
            )
        yield turn


class Ticker:
    """A progress that is told again while nothing moves: that is where a cancelled import ends."""

    def __init__(self, progress: Progress, every_s: float = 0.2) -> None:
        self._progress = progress
        self._every_s = every_s
        self._last = time.monotonic()
        self._reached = (0, 0)

    def __call__(self, done: int, total: int) -> None:
        self._reached, self._last = (done, total), time.monotonic()
        self._progress(done, total)

    def pulse(self) -> None:
        """The same once more, where it was not for so long. Raises Cancelled where nobody waits any more."""
        asker().check()
        if time.monotonic() - self._last >= self._every_s:
            self(*self._reached)
