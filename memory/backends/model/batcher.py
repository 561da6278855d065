"""Coalesces concurrent calls into batches, fairly between owners; a lone call does not wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from threading import Condition
from time import monotonic
from typing import Generic, TypeVar

from memory.backends.model.fair_queue import FairQueue
from memory.ports.asker import Asker, asker

T = TypeVar("T")
R = TypeVar("R")
STEP_S = 0.01  # what another owner's small call waits for while a large one is at work
_LATELY_S = 2.0  # an owner who asked within it may ask again


@dataclass(eq=False)
class _Call(Generic[T, R]):
    """What one caller wants done, and how that went."""

    items: Sequence[T]
    asker: Asker
    done: bool = False
    results: list[R] = field(default_factory=list)
    error: BaseException | None = None

    def outcome(self) -> list[R]:
        if self.error is not None:
            raise self.error
        return self.results


class Batcher(Generic[T, R]):
    """Does something to lists of items, one list at a time. Safe to share between threads.

    Whoever comes while nothing runs is done at once and alone. Then owners take turns: a call waits for one
    of each other owner, and not for all that they ask. An error ends only the call that caused it, and what
    nobody waits for any more is not done. While several owners ask, a large call is cut into pieces that take
    about STEP_S each: a small one waits for a piece, and not for all of it.
    """

    def __init__(self, do: Callable[[list[T]], Iterable[R]], *, most: int) -> None:
        """`do` gives one result an item, in order; at most so many items of several callers go in at once."""
        self._do = do
        self._most = most
        self._item_s: float | None = None  # what an item took lately
        self._asked: dict[str, float] = {}  # when each owner did last
        self._waiting: FairQueue[_Call[T, R]] = FairQueue()
        self._running = False
        self._changed = Condition()

    def __call__(self, items: Sequence[T]) -> list[R]:
        results: list[R] = []
        while len(results) < len(items):
            piece = items[len(results) :][: self._fitting(len(items))]
            results += self._done(piece)
        return results

    def _fitting(self, items: int) -> int:
        """How many of a caller's items go in before it is another owner's turn."""
        now, owner = monotonic(), asker().owner
        with self._changed:
            self._asked[owner] = now
            alone = all(one == owner or now - at > _LATELY_S for one, at in self._asked.items())
            if alone:
                self._asked = {owner: now}
        if alone or self._item_s is None:
            return items
        return max(1, int(STEP_S / self._item_s))

    def _done(self, items: Sequence[T]) -> list[R]:
        call: _Call[T, R] = _Call(items, asker())
        call.asker.check()
        with self._changed:
            self._waiting.append(call.asker.owner, call)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: call.done or not self._running)
                if call.done:
                    return call.outcome()
                calls = self._taken()
                self._running = True
            began = monotonic()
            self._run(calls)
            with self._changed:
                self._running = False
                self._note_time(monotonic() - began, sum(len(one.items) for one in calls))
                for one in calls:
                    one.done = True
                self._changed.notify_all()

    def _note_time(self, seconds: float, items: int) -> None:
        last = max(seconds, 1e-6) / items
        self._item_s = last if self._item_s is None else (self._item_s + last) / 2

    def _taken(self) -> list[_Call[T, R]]:
        """The calls whose turn it is: as many as fit, and at least one."""
        taken = [self._waiting.pop()]
        items = len(taken[0].items)
        while self._waiting and items + len(self._waiting.first.items) <= self._most:
            taken.append(self._waiting.pop())
            items += len(taken[-1].items)
        return taken

    def _run(self, calls: list[_Call[T, R]]) -> None:
        try:
            for call in calls:
                call.asker.check()
            results = iter(self._do([item for call in calls for item in call.items]))
            for call in calls:
                call.results = [next(results) for _ in call.items]
        except BaseException as error:  # it is raised in the thread of each caller
            if len(calls) == 1 or not isinstance(error, Exception):
                for call in calls:
                    call.error = error
                return
            for call in calls:
                self._run([call])
