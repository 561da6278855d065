"""File descriptors: how those that the system allows are shared between clients, requests and the rest.

A server that runs out of them can accept nobody, open no database and write no file. So what uses them is
bounded by how many there are: connections, how many are accepted at a time, and requests worked on.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from memory.settings import Settings

try:
    import resource
except ImportError:  # as on Windows, which has no such limit
    resource = None  # type: ignore[assignment]

_OWN = 40  # libraries, logs, idle database connections, keys that are looked up, jobs
_A_REQUEST = 8  # two connections to a SQLite file with its log, and an adapter file
_UNLIMITED = 1_000_000


@dataclass(frozen=True, slots=True)
class Shares:
    """How many of each there may be at a time."""

    connections: int
    accepted: int  # before the first of them is looked at
    requests: int

    @classmethod
    def of(cls, settings: Settings, allowed: int | None = None) -> Self:
        """What the settings ask for, or less where not so many descriptors are `allowed`."""
        left = (descriptors() if allowed is None else allowed) - _OWN
        requests = max(2, min(settings.server_threads, left // 2 // _A_REQUEST))
        accepted = max(4, min(128, left // 16))
        connections = max(4, min(settings.max_connections, left - requests * _A_REQUEST - 2 * accepted))
        return cls(connections, accepted, requests)


def descriptors() -> int:
    """How many files this process may have open; asks the system for all that it may ask for."""
    if resource is None:
        return _UNLIMITED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return _UNLIMITED if soft == resource.RLIM_INFINITY else soft
