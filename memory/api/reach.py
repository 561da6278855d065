"""What an agent reaches by the tools of memory.api.mcp."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memory.errors import ParametricMemoryError
from memory.inputs import Whose
from memory.records import MemoryRecord
from memory.service import Service


@dataclass(frozen=True, slots=True)
class Reach:
    """What an agent reaches: one scope's memories in one memory, which the caller closes."""

    memory: Service
    whose: Whose

    def remember(self, text: str) -> Sequence[MemoryRecord]:
        """The memories that a text became; raises what `Memory.add` does."""
        return self.memory.add(text, **self.whose)

    def ask(self, question: str) -> str:
        """The memory's own answer."""
        return self.memory.ask(question, **self.whose).text

    def forget(self, memory_id: str) -> None:
        """Erase one. Raises NotFound."""
        self.memory.delete(memory_id, **self.whose)

    def words(self, error: ParametricMemoryError) -> str:
        """What a model is told of an error."""
        return str(error)
