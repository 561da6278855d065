"""Connection limits: a maximum number, and a timeout for silent ones.

uvicorn's own protocol does the work; this adds what it lacks: time limits for the headers of a request and
for a client that does not read its answer, a bound on the bytes of headers and on the connections. Of a
body nothing is taken from the socket before the app asks for it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

try:
    import resource
except ImportError:  # as on Windows, which has no such limit
    resource = None  # type: ignore[assignment]

HEADERS_S = 10.0  # from a connection's first moment, or a request's first byte, to the end of its headers
UNREAD_S = 30.0  # that a client may leave an answer unread
MOST_HEADER_BYTES = 64 * 1024
_PIECE = 8 * 1024  # read at once: what is done with it holds up everybody else
_OTHERS = 2  # of the descriptors, one of so many is for connections; the others for databases and files
_UNLIMITED = 1_000_000
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
)


class Connection(H11Protocol):
    """One connection of a client."""

    most = 1000  # of all; `bounded` makes a class with another number

    def connection_made(self, transport: Any) -> None:
        self._timer: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        transport.max_size = _PIECE
        super().connection_made(transport)
        if len(self.connections) > self.most and not self._made_room():
            transport.write(_FULL)
            transport.close()
            return
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._busy:
            self._header_bytes += len(data)
            if self._timer is None:
                self._expect_headers()
        begun = self.cycle
        super().data_received(data)
        if self.cycle is not begun:
            self.flow.pause_reading()  # `receive` goes on reading
        if self._busy:
            self._stop_timer()
        elif self._header_bytes > MOST_HEADER_BYTES:
            self.transport.abort()

    def on_response_complete(self) -> None:
        self._header_bytes, self._since = 0, self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client does not read what it asked for."""
        super().pause_writing()
        self._start_timer(UNREAD_S)

    def resume_writing(self) -> None:
        self._stop_timer()
        super().resume_writing()

    @property
    def _busy(self) -> bool:
        """Whether a request is worked on."""
        return self.cycle is not None and not self.cycle.response_complete

    def _made_room(self) -> bool:
        """Close the connection that is idle for longest; False where none is."""
        others = [one for one in self.connections if isinstance(one, Connection) and one is not self]
        idle = [one for one in others if not one._busy]
        if not idle:
            return False
        min(idle, key=lambda one: one._since).transport.abort()
        return True

    def _expect_headers(self) -> None:
        self._start_timer(HEADERS_S)

    def _start_timer(self, seconds: float) -> None:
        self._stop_timer()
        self._since = self.loop.time()
        self._timer = self.loop.call_later(seconds, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def bounded(most: int) -> type[Connection]:
    """Connections, at most so many, and fewer where the system gives this process fewer descriptors."""
    return type("Connection", (Connection,), {"most": min(most, max(8, descriptors() // _OTHERS))})


def descriptors() -> int:
    """How many files this process may have open; asks the system for all that it may ask for."""
    if resource is None:
        return _UNLIMITED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return _UNLIMITED if soft == resource.RLIM_INFINITY else soft
