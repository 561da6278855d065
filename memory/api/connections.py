"""Connection limits: a maximum number, and a timeout for silent ones.

uvicorn's own protocol does the work; this adds what it lacks: time limits for the headers of a request and
for a client that does not read its answer, a bound on the bytes of headers and on the connections. Of a
body nothing is taken from the socket before the app asks for it.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_S = 10.0  # from a connection's first moment, or a request's first byte, to the end of its headers
UNREAD_S = 30.0  # that a client may leave an answer unread
MOST_HEADER_BYTES = 64 * 1024
MOST_HEADER_LINES = 256  # each of them is parsed by itself: 64 KiB of short ones take as long as a long reply
_PIECE = 8 * 1024  # read at once: what is done with it holds up everybody else
PROBES = ("/health/live", "/health/ready")
_BLANK_LINE = re.compile(rb"\n\r?\n")  # ends the headers
_SPARE = 8  # connections beyond the bound, on which nothing but a probe is answered
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
)


class Connection(H11Protocol):
    """One connection of a client."""

    most = 1000  # of all; `bounded` makes a class with another number

    def connection_made(self, transport: Any) -> None:
        self._timer: asyncio.TimerHandle | None = None
        self._begin_headers()
        self._since = self.loop.time()
        transport.max_size = _PIECE
        super().connection_made(transport)
        beyond = self._beyond()
        if beyond > 0:
            self.app = _only_probes(self.app)
            if beyond > _SPARE:
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
            if self._more_lines(data) > MOST_HEADER_LINES:
                self.transport.abort()
                return
        begun = self.cycle
        super().data_received(data)
        if self.cycle is not begun:
            self.flow.pause_reading()  # `receive` goes on reading
        if self._busy:
            self._stop_timer()
        elif self._header_bytes > MOST_HEADER_BYTES:
            self.transport.abort()

    def on_response_complete(self) -> None:
        self._begin_headers()
        self._since = self.loop.time()
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

    def _begin_headers(self) -> None:
        self._header_bytes, self._header_lines, self._header_end = 0, 0, b""

    def _more_lines(self, data: bytes) -> int:
        """How many lines there are with those of this piece, up to the blank one."""
        seen = self._header_end + data  # a blank line may come in two pieces
        end = _BLANK_LINE.search(seen)
        self._header_lines += seen.count(b"\n", len(self._header_end), end.end() if end else len(seen))
        self._header_end = seen[-2:]
        return self._header_lines

    def _beyond(self) -> int:
        """How many connections there are too many, once those that were idle for longest are closed."""
        others = [one for one in self.connections if isinstance(one, Connection) and one is not self]
        there = [one for one in others if not one.transport.is_closing()]
        beyond = len(there) + 1 - self.most
        idle = sorted((one for one in there if not one._busy), key=lambda one: one._since)
        for one in idle[: max(0, beyond)]:
            one.transport.abort()
        return beyond - len(idle)

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
    """Connections, at most so many."""
    return type("Connection", (Connection,), {"most": most})


def _only_probes(app: Any) -> Any:
    """The app for a connection there is no room for: whether the server lives is still answered."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] in PROBES:
            await app(scope, receive, send)
            return
        headers = [(b"content-length", b"0"), (b"retry-after", b"1"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body"})

    return answer
