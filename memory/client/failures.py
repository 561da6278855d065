"""What a server answers that is no success, and connections that break, as this package's errors."""

from __future__ import annotations

import math
from importlib.metadata import version
from typing import Any

import httpx

from memory import errors
from memory.errors import ParametricMemoryError, ServerMismatch, ServerUnavailable

PROBLEM = "urn:parametric-memory:problem:"
_KINDS: dict[str, type[ParametricMemoryError]] = {
    "unauthenticated": errors.Unauthenticated,
    "invalid-api-key": errors.Unauthenticated,  # as OpenAI's clients know it
    "forbidden": errors.Forbidden,
    "conflict": errors.Conflict,
    "not-found": errors.NotFound,
    "too-large": errors.TextTooLarge,
    "too-slow": errors.TooSlow,
    "empty-text": errors.EmptyText,
    "missing-scope": errors.MissingScope,
    "invalid-input": errors.InvalidInput,
    "bad-body": errors.InvalidInput,
    "bad-request": errors.InvalidInput,
    "precondition-failed": errors.StoreConflict,
    "incompatible-adapter": errors.IncompatibleAdapter,
    "adapter-unavailable": errors.BlobError,
    "sees-nothing": errors.SeesNothing,
    "model-unavailable": errors.ModelUnavailable,
    "store-busy": errors.StoreBusy,
    "store-conflict": errors.StoreConflict,
    "disk-full": errors.DiskFull,
    "store-unavailable": errors.StoreUnavailable,
}
_NO_ROUTE = "there is nothing at this address"  # of a path; else it is said what is not there
_UNKNOWN_FIELD = ("Extra inputs are not permitted", "this parameter is unknown; leave it out")


def of(response: httpx.Response, url: str) -> ParametricMemoryError:
    """The error that an answer is."""
    if response.is_redirect:
        return ServerMismatch(f"{url} sends elsewhere, to {response.headers.get('Location')}; give that URL")
    try:
        said = response.json()
    except ValueError:
        said = None
    kind, detail = _problem(said)
    if kind is None:
        if response.status_code in (502, 503, 504):
            return ServerUnavailable(f"no answer from the server behind {url}: {_status(response)}")
        return ServerMismatch(f"{url} answers {_status(response)}, and is no server of this package")
    return _error(kind, detail, response.headers.get("Retry-After"), url)


def of_event(said: Any, url: str) -> ParametricMemoryError:
    """The error that ends a stream."""
    kind, detail = _problem(said)
    return _error(kind or "internal", detail, None, url)


def unreachable(error: httpx.TransportError, url: str, *, uploading: bool = False) -> ServerUnavailable:
    """That no answer came, and why; one who still sends a file may miss that it is refused."""
    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError):
        return ServerUnavailable(f"no server at {url}: {_reason(error)}; does it run? (`memory serve`)")
    if isinstance(error, httpx.TimeoutException):
        return ServerUnavailable(f"{url} takes too long to answer; try again, or allow more time")
    why = "; is the file larger than the server takes (MEMORY_MAX_ARCHIVE_BYTES)?" if uploading else ""
    return ServerUnavailable(f"the connection to {url} broke: {_reason(error)}{why}")


def mismatch(url: str, theirs: str | None) -> ServerMismatch:
    """That an answer cannot be read."""
    ours = version("parametric-memory")
    if theirs is None:
        return ServerMismatch(f"{url} answers, but not as a server of this package does; check the URL")
    if theirs == ours:
        return ServerMismatch(f"{url} answers in a form that this client cannot read; is a proxy between?")
    return ServerMismatch(f"{url} is version {theirs}, this client {ours}, which cannot read its answer")


def _problem(said: Any) -> tuple[str | None, str]:
    """(kind, what it says), of both forms in which a server of this package says it; else None."""
    if not isinstance(said, dict):
        return None, ""
    kind = said.get("type")
    if isinstance(kind, str) and kind.startswith(PROBLEM):
        return kind.removeprefix(PROBLEM), str(said.get("detail", ""))
    openai = said.get("error")
    if isinstance(openai, dict) and "message" in openai:
        return str(openai.get("code") or "internal").replace("_", "-"), str(openai["message"])
    return None, ""


def _error(kind: str, detail: str, retry_after: str | None, url: str) -> ParametricMemoryError:
    if kind == "quota-exceeded":
        return errors.QuotaExceeded(detail, _seconds(retry_after))
    if any(said in detail for said in _UNKNOWN_FIELD):
        return ServerMismatch(f"{url} does not know a part of this request, and may be older: {detail}")
    if kind == "not-found" and detail.startswith(_NO_ROUTE):
        return ServerMismatch(f"{url} does not know this request, and may be older; ask for its version")
    found = _KINDS.get(kind)
    return ServerUnavailable(f"{url}: {detail}") if found is None else found(detail)


def _seconds(retry_after: str | None) -> float:
    try:
        found = float(retry_after or 1)
    except ValueError:
        return 1.0
    return found if math.isfinite(found) and found >= 0 else 1.0


def _status(response: httpx.Response) -> str:
    return f"{response.status_code} {response.reason_phrase}".strip()


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
