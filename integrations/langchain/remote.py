"""A memory on a server, with what the parts read of a memory beside its verbs: settings and a reader."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from memory.backends.reader.english import EnglishReader
from memory.client import Client
from memory.errors import InvalidSettings
from memory.ports import Reader
from memory.records import MAX_PAGE, MemoryHit
from memory.settings import Settings


class RemoteMemory(Client):
    """The server that settings name. No model and no database in this process; see `memory.client`."""

    def __init__(self, settings: Settings, **given: Any) -> None:
        """Take settings with a `url`, and what `Client` takes. Raises InvalidSettings, InvalidInput."""
        if settings.url is None:
            raise InvalidSettings("which server? set MEMORY_URL, or give url")
        super().__init__(settings.url, settings.server_key, timeout_s=settings.timeout_s, **given)
        self._given = settings
        self.reader: Reader = EnglishReader()

    @cached_property
    def settings(self) -> Settings:
        """Those of this process, but for the model, which is the server's. Asks the server once."""
        return self._given.model_copy(update={"model": self.status().model})

    def search(self, query: str, *, k: int = 4, **given: Any) -> list[MemoryHit]:  # type: ignore[override]
        """As `Memory.search`; a server gives no more than a page of them."""
        return super().search(query, k=min(k, MAX_PAGE), **given)
