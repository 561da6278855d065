"""Calls at the same time share one run; each gets its own results, or its own error."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from memory.backends.model.batcher import Batcher


class Work:
    """Doubles numbers, and remembers in which lists they came. The first list waits to be let go."""

    def __init__(self) -> None:
        self.lists: list[list[int]] = []
        self.begun, self.go = Event(), Event()

    def __call__(self, items: list[int]) -> list[int]:
        self.lists.append(items)
        self.begun.set()
        assert self.go.wait(20)
        if 0 in items:
            raise ZeroDivisionError
        return [2 * item for item in items]


@pytest.fixture
def work() -> Work:
    return Work()


def meanwhile(work: Work, *calls: list[int], most: int = 100) -> list[Callable[[], list[int]]]:
    """Makes calls in threads while a first one runs; gives what waits for their results."""
    batcher = Batcher(work, most=most)
    with ThreadPoolExecutor(len(calls) + 1) as pool:
        first = pool.submit(batcher, [1])
        assert work.begun.wait(20)
        later = [pool.submit(batcher, call) for call in calls]
        while len(batcher._waiting) < len(calls):
            pass
        work.go.set()
    assert first.result() == [2]
    return [future.result for future in later]


def test_alone_nobody_waits(work: Work) -> None:
    """One call, one run; nothing, none."""
    work.go.set()
    batcher = Batcher(work, most=4)
    assert (batcher([1, 2]), batcher([]), batcher([3])) == ([2, 4], [], [6])
    assert work.lists == [[1, 2], [3]]


def test_calls_during_a_run_share_the_next(work: Work) -> None:
    """Each gets its own."""
    results = meanwhile(work, [2], [3, 4], [5])
    assert [result() for result in results] == [[4], [6, 8], [10]]
    assert [sorted(items) for items in work.lists] == [[1], [2, 3, 4, 5]]


def test_a_run_holds_so_much_and_one_call_is_never_cut(work: Work) -> None:
    """What does not fit comes in the next."""
    results = meanwhile(work, [2, 3, 4, 5], [6], [7], most=2)
    assert sorted(result() for result in results) == [[4, 6, 8, 10], [12], [14]]
    assert sorted(map(len, work.lists)) in ([1, 1, 1, 4], [1, 2, 4])


def test_an_error_is_of_who_caused_it(work: Work) -> None:
    """The others of its run are done without it."""
    good, bad, fine = meanwhile(work, [2], [0], [3])
    assert (good(), fine()) == ([4], [6])
    with pytest.raises(ZeroDivisionError):
        bad()
