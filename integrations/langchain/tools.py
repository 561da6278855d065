"""Memory as tools for an agent."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, tool

from integrations.langchain.scope import Recalling, recalling
from memory.errors import NotFound


def memory_tools(owner: Recalling, k: int = 4) -> list[BaseTool]:
    """search_memory, save_memory and forget_memory. Whose memory: `owner`'s, or what the call's config says.

    The model cannot name anybody else, because names are no arguments of the tools.
    """

    @tool
    def search_memory(query: str, config: RunnableConfig) -> str:
        """Search long-term memory for what was said before. Returns one memory a line, with its id."""
        mine = recalling(owner.whose(config))
        hits = owner.service.search(query, k=k, filters=owner.narrowed(), **mine)
        return "\n".join(f"[{hit.record.id}] {hit.record.text}" for hit in hits) or "Nothing is remembered."

    @tool
    def save_memory(text: str, config: RunnableConfig) -> str:
        """Save a fact to long-term memory, in one full sentence."""
        added = owner.service.add(text, **recalling(owner.whose(config)))
        return "Saved as " + ", ".join(record.id for record in added)

    @tool
    def forget_memory(memory_id: str, config: RunnableConfig) -> str:
        """Erase one memory, by the id that search_memory shows."""
        try:
            owner.service.delete(memory_id, **recalling(owner.whose(config)))
        except NotFound:
            return f"No memory {memory_id}; search for its id."
        return f"Erased {memory_id}."

    return [search_memory, save_memory, forget_memory]
