"""The turns of a session as a chat history, for those who still use RunnableWithMessageHistory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from integrations.langchain.messages import as_turn, role_of, to_messages, unreadable
from integrations.langchain.scope import scoped
from integrations.langchain.shared import AnyMemory
from memory.errors import InvalidInput
from memory.ports import Reader
from memory.records import Message


class ParametricChatMessageHistory(BaseChatMessageHistory):
    """A session's messages. What is added becomes turns, and what it tells is remembered.

    `k` is how many of the newest exchanges are returned; by default all. With a ParametricChatModel a few
    are enough, because the older ones are in its weights.
    """

    def __init__(
        self, session_id: str, *, service: AnyMemory | None = None, k: int | None = None, **names: Any
    ) -> None:
        super().__init__()
        self._scoped = scoped(service, session_id=session_id, **names)
        self.service = self._scoped.service
        self.session_id = session_id
        self.k = k

    # LangChain declares an attribute, and says that a property may take its place.
    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        """Oldest first; a session that is not known yet has none."""
        turns = (
            self.service.turns(last=None if self.k is None else 2 * self.k, **self._scoped.whose())
            if self.k != 0
            else []
        )
        return [*to_messages(turns)]

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Append messages, all or none. Blank ones say nothing and are left out.

        Raises InvalidInput (a ValueError) for what a transcript of texts cannot hold: tool calls and their
        results, images. An agent's are kept by its checkpointer, and remembered by the middleware.
        """
        turns = [_turn(message, self.service.reader) for message in messages]
        said = [turn for turn in turns if turn.text.strip()]
        if said:
            self.service.append(said, **self._scoped.whose())

    def clear(self) -> None:
        """Forget the session: its messages, and what was remembered of them."""
        self.service.forget(**self._scoped.whose())


def _turn(message: BaseMessage, reader: Reader) -> Message:
    """A message as a turn. Raises InvalidInput for what a transcript of texts cannot hold."""
    if isinstance(message, ToolMessage) or (isinstance(message, AIMessage) and message.tool_calls):
        raise InvalidInput(
            "a chat history holds no tool calls; "
            "use create_agent with ParametricMemoryMiddleware and a checkpointer"
        )
    if kind := unreadable(message):
        raise InvalidInput(f"a chat history holds text only, a message has {kind!r}")
    role = role_of(message)
    if role is None:
        raise InvalidInput(f"a chat history cannot hold a {message.type!r} message")
    return as_turn(role, str(message.text), reader, from_memory=False)
