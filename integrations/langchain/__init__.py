"""Parametric memory for LangChain: agents, chains, retrievers and chat models that remember in weights.

    from integrations.langchain import ParametricMemory

    memory = ParametricMemory()          # offline, nothing to configure
    model = memory.as_chat_model()       # answers from what memory holds

Translation only: the work is done by `memory.Memory`. Needs langchain-core; `as_middleware` needs langchain,
`as_store` needs langgraph.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from integrations.names import require_packages

if TYPE_CHECKING:
    from integrations.langchain.chat_history import ParametricChatMessageHistory
    from integrations.langchain.chat_model import ParametricChatModel
    from integrations.langchain.compressor import ParametricCompressor
    from integrations.langchain.memory import ParametricMemory
    from integrations.langchain.middleware import ParametricMemoryMiddleware
    from integrations.langchain.retriever import ParametricRetriever
    from integrations.langchain.store import ParametricStore

require_packages()

_HOMES = {
    "ParametricChatMessageHistory": "chat_history",
    "ParametricChatModel": "chat_model",
    "ParametricCompressor": "compressor",
    "ParametricMemory": "memory",
    "ParametricMemoryMiddleware": "middleware",
    "ParametricRetriever": "retriever",
    "ParametricStore": "store",
}

__all__ = [
    "ParametricChatMessageHistory",
    "ParametricChatModel",
    "ParametricCompressor",
    "ParametricMemory",
    "ParametricMemoryMiddleware",
    "ParametricRetriever",
    "ParametricStore",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
