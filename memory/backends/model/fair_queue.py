"""A round-robin queue: owners take turns, however many items each has queued."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """First in, first out for one owner; between owners, in turn. Not safe to share without a lock."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[T]] = {}  # whose turn it is next stands first
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[T]:
        return (item for line in self._lines.values() for item in line)

    def append(self, owner: str, item: T) -> None:
        """Put an item behind its owner's others."""
        self._lines.setdefault(owner, deque()).append(item)
        self._size += 1

    @property
    def first(self) -> T:
        """The next item, which stays. Raises StopIteration where there is none."""
        return next(iter(self._lines.values()))[0]

    def pop(self) -> T:
        """Take the next item. Raises StopIteration where there is none."""
        owner = next(iter(self._lines))
        line = self._lines.pop(owner)
        item = line.popleft()
        self._size -= 1
        if line:
            self._lines[owner] = line  # behind all others now
        return item
