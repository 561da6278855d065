"""The engine: one thread owns the base model, decodes replies in batches and runs other work on it."""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable
from concurrent.futures import Future
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, TypeVar

from memory.backends.model.decoding import decode
from memory.backends.model.fair_queue import FairQueue
from memory.backends.model.reply import Reply
from memory.errors import ModelUnavailable
from memory.ports.asker import asker

if TYPE_CHECKING:
    from transformers import PreTrainedModel

T = TypeVar("T")


class Engine:
    """Batches replies that arrive within a short window; no other use of the model runs meanwhile.

    Replies and jobs take turns, so neither waits for more than one of the other kind; of either, owners
    take turns, so that nobody waits for all that another one asks. An error ends the
    one reply or job that caused it; the thread lives until `close`.
    """

    def __init__(
        self, model: PreTrainedModel, *, max_batch: int = 16, batch_window_s: float = 0.002, pad_id: int = 0
    ) -> None:
        self._model = model
        self._max_batch = max_batch
        self._window = batch_window_s
        self._pad_id = pad_id
        self._replies: FairQueue[Reply] = FairQueue()
        self._jobs: FairQueue[tuple[Callable[[], Any], Future[Any]]] = FairQueue()
        self._changed = Condition()
        self._running: list[Reply] = []
        self._closed = False
        self.batches = 0  # written since the start
        self._thread = Thread(target=self._work, name="memory-engine", daemon=True)
        self._thread.start()
        atexit.register(self._abandon)  # a thread inside the model when the interpreter ends would abort it

    @property
    def waiting(self) -> int:
        """Replies and jobs that nothing has been done for yet."""
        return len(self._replies) + len(self._jobs)

    def submit(self, reply: Reply) -> None:
        """Queue a reply. Raises ModelUnavailable when closed."""
        with self._changed:
            self._check_open()
            self._replies.append(reply.owner, reply)
            self._changed.notify()

    def run(self, job: Callable[[], T]) -> T:
        """Run something that uses the base model, in the engine's thread; returns what it returns."""
        done: Future[T] = Future()
        with self._changed:
            self._check_open()
            self._jobs.append(asker().owner, (job, done))
            self._changed.notify()
        return done.result()

    def close(self) -> None:
        """Finish what is queued, then stop. Closing again does nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()
        atexit.unregister(self._abandon)

    def _abandon(self) -> None:
        """Close without finishing replies, which nobody will read."""
        with self._changed:
            for reply in [*self._running, *self._replies]:
                reply.close()
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ModelUnavailable("the memory is closed; open it again")
        if not self._thread.is_alive():  # a thread is not forked with its process
            raise ModelUnavailable("the model was loaded before this process was forked; open it here")

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._replies or self._jobs or self._closed)
                if not (self._replies or self._jobs):
                    return
                job = self._jobs.pop() if self._jobs else None
                batch = self._running = self._gather() if self._replies else []
            if job is not None:
                _run(*job)
            self._write(batch)

    def _gather(self) -> list[Reply]:
        """Up to max_batch replies, after waiting for more to come while the window is open."""
        deadline = time.monotonic() + self._window
        while len(self._replies) < self._max_batch and not self._closed:
            if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                break
        batch: list[Reply] = []
        while self._replies and len(batch) < self._max_batch:
            reply = self._replies.pop()
            if reply.alive:  # else whoever asked has gone
                batch.append(reply)
        return batch

    def _write(self, batch: list[Reply]) -> None:
        """Write a batch; where it fails, its rows are taken up one by one, and only the culprit fails."""
        if not batch:
            return
        self.batches += 1
        try:
            decode(self._model, batch, self._pad_id)
        except Exception as error:
            left = [reply for reply in batch if reply.alive]
            if len(batch) == 1 and left:
                left[0].fail(_translated(error))
                return
            for reply in left:
                self._write([reply])


def _translated(error: Exception) -> ModelUnavailable:
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    failure = ModelUnavailable(f"the base model could not answer: {reason}")
    failure.__cause__ = error
    return failure


def _run(job: Callable[[], Any], done: Future[Any]) -> None:
    try:
        done.set_result(job())
    except Exception as error:
        done.set_exception(error)
