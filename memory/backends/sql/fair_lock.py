"""A FIFO lock."""

from __future__ import annotations

from collections import deque
from threading import Event, Lock


class FairLock:
    """For threads that would starve each other at threading.Lock, or at SQLite, which lets waiters poll."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._held = False
        self._waiting: deque[Event] = deque()

    def acquire(self, timeout_s: float) -> bool:
        """Whether it was had in time."""
        with self._guard:
            if not self._held:
                self._held = True
                return True
            turn = Event()
            self._waiting.append(turn)
        try:
            if turn.wait(timeout_s):
                return True
        except BaseException:  # Ctrl-C: who is gone must not be handed the lock
            if self._left(turn):
                self.release()
            raise
        return self._left(turn)

    def _left(self, turn: Event) -> bool:
        """Waits no longer; whether it was this one's turn just now."""
        with self._guard:
            if not turn.is_set():
                self._waiting.remove(turn)
            return turn.is_set()

    def release(self) -> None:
        """Hand it to whoever has waited for longest."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._held = False
