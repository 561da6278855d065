"""Who is signed in at the console, and which requests may use that.

A session is a random token in a cookie; the server keeps its digest beside the id of the key, in this
process: a restart signs everybody out. A key that is revoked or expires ends its sessions at once, because
each request asks for the key again.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from hashlib import sha256
from threading import Lock

from starlette.datastructures import Headers
from starlette.types import Scope

from memory.api.origins import place
from memory.errors import Forbidden, QuotaExceeded

SIGN_IN = "/console/sign-in"
COOKIE = "memory_console"
LASTS_S = 12 * 3600
_MOST = 10_000  # sessions; the oldest ends first
_ATTEMPTS = 20  # failed ones, a minute, of one address
_MOST_ADDRESSES = 4096


def in_console(path: str) -> bool:
    """Whether an address is one of the console's."""
    return path == "/console" or path.startswith("/console/")


def check_origin(scope: Scope) -> None:
    """Refuse what another site's page sends. Raises Forbidden.

    Browsers say where a POST comes from; one that does not say so is refused as well.
    """
    if scope["method"] in ("GET", "HEAD"):
        return
    headers = Headers(scope=scope)
    origin = place(headers.get("origin", ""))
    if not origin or origin != headers.get("host"):
        raise Forbidden("this was not sent by a page of this console; open the page again and send it there")


class SignedIn:
    """Sessions by token, and failed attempts by address. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._sessions: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, key_id: str) -> str:
        """A new session's token."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions[_digest(token)] = (key_id, self._clock() + LASTS_S)
            while len(self._sessions) > _MOST:
                self._sessions.popitem(last=False)
        return token

    def end(self, scope: Scope) -> None:
        """Sign out whoever sends a request."""
        token = _digest(_token(scope))
        with self._lock:
            self._sessions.pop(token, None)

    def key_of(self, scope: Scope) -> str | None:
        """Id of the key that a request's session was begun with; None without one."""
        token = _digest(_token(scope))
        with self._lock:
            key_id, until = self._sessions.get(token, ("", 0.0))
        return key_id if key_id and until > self._clock() else None

    def check_attempts(self, address: str) -> None:
        """Refuse an address that failed too often within a minute. Raises QuotaExceeded."""
        with self._lock:
            times = self._failed.get(address)
            while times and times[0] <= self._clock() - 60:
                times.popleft()
            if times and len(times) >= _ATTEMPTS:
                raise QuotaExceeded("too many attempts to sign in; wait a minute", 60.0)

    def failed(self, address: str) -> None:
        """Count one attempt that failed."""
        with self._lock:
            self._failed.setdefault(address, deque(maxlen=_ATTEMPTS)).append(self._clock())
            self._failed.move_to_end(address)
            while len(self._failed) > _MOST_ADDRESSES:
                self._failed.popitem(last=False)


def _token(scope: Scope) -> str:
    """What our cookie says; "" without one. `http.cookies` takes time quadratic in what a stranger sends."""
    for pair in Headers(scope=scope).get("cookie", "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def _digest(token: str) -> str:
    return sha256(token.encode(errors="surrogatepass")).hexdigest()
