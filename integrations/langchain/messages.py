"""LangChain's messages and the conversation that a memory keeps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextvars import ContextVar

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from integrations.langchain import tool_calls
from memory.errors import InvalidInput
from memory.ports import Reader
from memory.records import Message, Role, Turn

_KINDS: dict[type[BaseMessage], Role] = {
    HumanMessage: "user",
    AIMessage: "assistant",
    SystemMessage: "system",
}
_SPEAKERS: dict[str, Role] = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "system": "system",
    "developer": "system",
}
_WORDS = (
    "text",
    "text-plain",
    "refusal",
    "reasoning",
    "thinking",
    "redacted_thinking",
    "tool_use",
    "tool_call",
)

_PICTURES = ("image", "image_url")

asked: ContextVar[str] = ContextVar("asked", default="")
"""What a chain that is running was asked, before its prompt template went around it."""


def role_of(message: BaseMessage) -> Role | None:
    """Who says it; None for what nobody says, as a tool's result. Raises InvalidInput for an unknown role."""
    if isinstance(message, ChatMessage):
        if message.role not in _SPEAKERS:
            raise InvalidInput(f"a message has role {message.role!r}; use user, assistant or system")
        return _SPEAKERS[message.role]
    return next((role for kind, role in _KINDS.items() if isinstance(message, kind)), None)


def unreadable(message: BaseMessage) -> str | None:
    """The type of the first non-text part, such as an image; None if all parts are text."""
    blocks = message.content if isinstance(message.content, list) else []
    kinds = (block.get("type", "text") for block in blocks if isinstance(block, dict))
    return next((kind for kind in kinds if kind not in _WORDS), None)


def pictures(messages: Sequence[BaseMessage]) -> list[str]:
    """The pictures of the last human message, as data URLs; one at another address keeps that address."""
    last = next((message for message in reversed(messages) if role_of(message) == "user"), None)
    blocks = [dict(block) for block in last.content_blocks if block["type"] == "image"] if last else []
    return [str(block.get("url") or f"data:image/any;base64,{block.get('base64', '')}") for block in blocks]


def without_pictures(message: BaseMessage) -> BaseMessage:
    """The message as a model reads it that knows pictures from its memory."""
    if role_of(message) != "user" or not isinstance(message.content, list):
        return message
    left = [part for part in message.content if isinstance(part, str) or part.get("type") not in _PICTURES]
    return message.model_copy(update={"content": left})


def to_prompt(messages: Sequence[BaseMessage]) -> list[Message]:
    """What the base model reads. Raises InvalidInput for what it cannot read, and never leaves it out."""
    return [Message(*_line(message)) for message in messages]


def _line(message: BaseMessage) -> tuple[Role, str]:
    if kind := unreadable(message):
        raise InvalidInput(f"the model reads text only, got {kind!r}; leave it out or describe it")
    if isinstance(message, ToolMessage):
        return "user", tool_calls.response(message)
    role = role_of(message)
    if role is None:
        raise InvalidInput(f"a {message.type!r} message cannot be read; give human, ai, system or tool ones")
    return role, tool_calls.written(message) if isinstance(message, AIMessage) else str(message.text)


def question(messages: Sequence[BaseMessage]) -> str:
    """What is asked, by which memories are found: the last human message, without a chain's template."""
    humans = (str(m.text) for m in reversed(messages) if role_of(m) == "user")
    last = next(humans, "")
    inside = asked.get()
    return inside if inside and inside in last else last


def says(message: BaseMessage) -> tuple[Role, str] | None:
    """Speaker and text of what becomes a turn of a session; None for what does not."""
    role = role_of(message)
    text = str(message.text)
    return (role, text) if role in ("user", "assistant") and text.strip() else None


def to_turns(messages: Sequence[BaseMessage], reader: Reader, *, from_memory: bool) -> list[Message]:
    """What the messages say, as a memory takes it."""
    said = [line for message in messages if (line := says(message))]
    return [as_turn(role, text, reader, from_memory=from_memory) for role, text in said]


def as_turn(role: Role, text: str, reader: Reader, *, from_memory: bool) -> Message:
    """A line of a conversation; of the model's, only a question that no memory led to is remembered."""
    news = role != "assistant" or not (from_memory or not reader.read(text).asks)
    return Message(role, text, recalled=not news)


def to_messages(turns: Sequence[Turn]) -> list[AnyMessage]:
    """Turns of a session as messages; their ids are those of the turns."""
    kinds = {role: kind for kind, role in _KINDS.items()}
    # All three kinds of messages take these, which their common base does not say.
    return [kinds[turn.role](content=turn.text, id=turn.id) for turn in turns]  # type: ignore[misc]


def exchanges(messages: Sequence[BaseMessage]) -> Iterator[list[BaseMessage]]:
    """The conversation in exchanges: what the user says, and all that answers it, tool calls included."""
    exchange: list[BaseMessage] = []
    for before, message in zip([None, *messages], messages, strict=False):
        begins = role_of(message) == "user" and (before is None or role_of(before) != "user")
        if begins and exchange:
            yield exchange
            exchange = []
        exchange.append(message)
    if exchange:
        yield exchange
