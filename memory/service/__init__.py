"""The front door: everything one can ask of a memory. `memory.Memory` is this, put together."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from memory.read.options import AskOptions
from memory.service.answering import Answering
from memory.service.forgetting import Forgetting
from memory.service.looking import Load, Looking
from memory.service.remembering import Remembering
from memory.service.upkeep import Upkeep

__all__ = ["AskOptions", "Load", "Service"]


class Service(Remembering, Answering, Looking, Forgetting, Upkeep):
    """Remembers and answers. Safe to share between threads; several processes may share a home.

    Every call names whose memory it means: user_id, agent_id, session_id, of which at least one, and
    tenant_id, by default the one in the settings. What is written keeps all of them; a read takes those
    that it names as a filter, and leaves the others open.
    """

    def close(self) -> None:
        """Finish what runs in the background, then let go of models and database."""
        with self._lock:
            background, self._background = self._background, None
        if background is not None:
            background.shutdown()
        if self._wired is not None:
            self._wired.usage.write()
        self._backends.generator.close()
        self._backends.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
