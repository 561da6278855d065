"""The base class of chain memories: langchain-classic's, which its chains insist on, else its like."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from langchain_core.load.serializable import Serializable
from langchain_core.runnables import run_in_executor
from pydantic import ConfigDict


class OwnBaseMemory(Serializable, ABC):
    """The members of `langchain_classic.base_memory.BaseMemory`, for when that is not installed."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    @property
    @abstractmethod
    def memory_variables(self) -> list[str]:
        """The keys that this memory adds to the inputs of a chain."""

    @abstractmethod
    def load_memory_variables(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """What those keys hold for a turn with these inputs."""

    async def aload_memory_variables(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """`load_memory_variables` in a thread."""
        return await run_in_executor(None, self.load_memory_variables, inputs)

    @abstractmethod
    def save_context(self, inputs: dict[str, Any], outputs: dict[str, str]) -> None:
        """Remember a turn."""

    async def asave_context(self, inputs: dict[str, Any], outputs: dict[str, str]) -> None:
        """`save_context` in a thread."""
        await run_in_executor(None, self.save_context, inputs, outputs)

    @abstractmethod
    def clear(self) -> None:
        """Forget the conversation."""

    async def aclear(self) -> None:
        """`clear` in a thread."""
        await run_in_executor(None, self.clear)


if TYPE_CHECKING:
    BaseMemory = OwnBaseMemory
else:
    try:
        from langchain_classic.base_memory import BaseMemory
    except ImportError:
        BaseMemory = OwnBaseMemory
