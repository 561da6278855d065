"""A memory in a process of its own: `python -m tests.attack.other_process HOME URL` does what it is sent.

Calls and results go through its pipes. What is called may take a while: whoever calls need not wait for it.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import URL, make_url

from memory import Memory
from memory.backends.sql.store import SqlStore
from memory.ports.work import Work, current, working
from memory.records import now
from tests.command import echoes


class OtherProcess:
    """Has the verbs of `Memory`; each is done there, as part of the work that is at hand here."""

    def __init__(self, home: Path, url: str, late: list[timedelta]) -> None:
        """`late` is what its clock is ahead, at each call anew."""
        self._command = [sys.executable, "-m", "tests.attack.other_process", str(home), url]
        self._late = late
        self._busy = False
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        if verb.startswith("_"):
            raise AttributeError(verb)
        return lambda *given, progress=None, **named: self._done(verb, given, named, progress)

    def chat_stream(self, message: str, **asking: Any) -> Iterator[Any]:
        """Its pieces, one at a time; none any more once the process that made them was killed."""
        number, process = self._done("chat_stream", (message,), asking), self._process
        while process is self._process and (piece := self._done("next", (number,), {})) is not None:
            yield piece

    @contextmanager
    def at_the_same_time(self, work: Work | None, verb: str, *given: Any, **named: Any) -> Iterator[None]:
        """It does this, as part of the work, while the block does something else. Raises as the verb does."""
        self._send((verb, given, named, work, self._late[0], False))
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
            self._result(None)

    def kill_during(self, after_s: float, work: Work, verb: str, *given: Any, **named: Any) -> None:
        """Kill it so long after it was sent this, and start another in its place."""
        self._send((verb, given, named, work, self._late[0], False))
        time.sleep(after_s)
        self._process.kill()
        self.close()
        self._start()

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        self._process.wait(60)

    def _done(
        self,
        verb: str,
        given: tuple[Any, ...],
        named: dict[str, Any],
        progress: Callable[..., None] | None = None,
    ) -> Any:
        assert not self._busy, "one thing at a time"
        work = current(named["tenant_id"]) if "tenant_id" in named else None
        self._send((verb, given, named, work, self._late[0], progress is not None))
        return self._result(progress)

    def _send(self, call: object) -> None:
        assert self._process.stdin is not None
        _write(self._process.stdin, call)

    def _result(self, progress: Callable[..., None] | None) -> Any:
        assert self._process.stdout is not None
        while True:
            kind, value = pickle.load(self._process.stdout)
            if kind == "progress":
                assert progress is not None
                progress(*value)
                self._send(None)
            elif kind == "error":
                raise value
            else:
                return value


def _write(pipe: BinaryIO, what: object) -> None:
    pickle.dump(what, pipe)
    pipe.flush()


class Server:
    """The other end."""

    def __init__(self, home: str, url: URL, sent: BinaryIO, answers: BinaryIO) -> None:
        self._late = timedelta(0)
        self._sent, self._answers = sent, answers
        self._streams: dict[int, Iterator[Any]] = {}
        shown = url.render_as_string(hide_password=False)
        store = SqlStore.open(url, clock=self._clock)
        self._memory = Memory(home=home, database_url=shown, store=store, **echoes())

    def _clock(self) -> datetime:
        return now() + self._late

    def serve(self) -> None:
        """Until nothing more is sent."""
        with self._memory:
            while True:
                try:
                    verb, given, named, work, self._late, progress = pickle.load(self._sent)
                except EOFError:
                    return
                if progress:
                    named["progress"] = self._progress
                try:
                    with working(work):
                        _write(self._answers, ("result", self._call(verb, given, named)))
                except Exception as error:  # it goes on where it was called
                    _write(self._answers, ("error", error))

    def _call(self, verb: str, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if verb == "next":
            return next(self._streams[given[0]], None)
        result = getattr(self._memory, verb)(*given, **named)
        if verb == "chat_stream":
            self._streams[len(self._streams)] = result
            return len(self._streams) - 1
        return result

    def _progress(self, *given: object) -> None:
        _write(self._answers, ("progress", given))
        assert pickle.load(self._sent) is None


if __name__ == "__main__":
    Server(sys.argv[1], make_url(sys.argv[2]), sys.stdin.buffer, sys.stdout.buffer).serve()
