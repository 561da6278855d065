"""The default memory: one per process and settings."""

from __future__ import annotations

from threading import Lock
from typing import Any

from memory import Memory
from memory.settings import Settings

_lock = Lock()
_open: dict[Settings, Memory] = {}


def shared(**overrides: Any) -> Memory:
    """The process's memory for these settings, opened now if it was not. Raises InvalidSettings, StoreError.

    Objects made per request or per session thereby share one base model.
    """
    settings = Settings.load(**overrides)
    with _lock:
        if settings not in _open:
            _open[settings] = Memory(settings)
        return _open[settings]


def close(service: Memory) -> None:
    """Close a memory, shared or not; the next one asked for with its settings is opened anew."""
    with _lock:
        for settings, memory in list(_open.items()):
            if memory is service:
                del _open[settings]
    service.close()
