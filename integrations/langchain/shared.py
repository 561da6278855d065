"""The default memory: one per process and settings; on a server where they name one."""

from __future__ import annotations

from threading import Lock
from typing import Any

from integrations.langchain.remote import RemoteMemory
from memory import Memory
from memory.settings import Settings

AnyMemory = Memory | RemoteMemory

_lock = Lock()
_open: dict[Settings, AnyMemory] = {}


def shared(**overrides: Any) -> AnyMemory:
    """The process's memory for these settings, opened now if it was not. Raises InvalidSettings, StoreError.

    Objects made per request or per session thereby share one base model, or the connections to one server.
    """
    settings = Settings.load(**overrides)
    with _lock:
        if settings not in _open:
            _open[settings] = Memory(settings) if settings.url is None else RemoteMemory(settings)
        return _open[settings]


def close(service: AnyMemory) -> None:
    """Close a memory, shared or not; the next one asked for with its settings is opened anew."""
    with _lock:
        for settings, memory in list(_open.items()):
            if memory is service:
                del _open[settings]
    service.close()
