"""Claude's data export: `conversations.json`, also in its zip.

    [{"uuid", "name", "created_at", "updated_at", "account": {"uuid"},
      "chat_messages": [{"uuid", "sender": "human" | "assistant", "text", "created_at",
                         "content": [{"type": "text" | "thinking" | "tool_use" | "tool_result", ...}],
                         "attachments": [{"file_name", "extracted_content"}], "files": [...]}]}]

Of the blocks in `content` those of text count; `text` stands in for them in older exports. Attachments are
documents, which `memory add --file` remembers; here they are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from memory.upkeep.histories.history import (
    Conversation,
    HistoryMessage,
    LeftOut,
    Told,
    named,
    objects,
    past,
    plain,
    speaker,
    unspoken,
)

_REASONS = {"thinking": "reasoning", "tool_use": "tool", "tool_result": "tool"}


def looks(documents: Sequence[Any]) -> bool:
    """Whether a file has this form."""
    return any(isinstance(one.get("chat_messages"), list) for one in objects(documents))


def read(documents: Sequence[Any], left_out: LeftOut) -> Iterator[Told]:
    """Its conversations."""
    for one in objects(documents):
        messages = one.get("chat_messages")
        if not isinstance(messages, list):
            left_out["not a conversation"] += 1
            continue
        began = past(one.get("created_at"))
        said = [_message(message, began, left_out) for message in messages]
        yield Conversation(
            [message for message in said if message is not None],
            named(one.get("uuid")),
            named(one.get("name")) or "",
        )


def _message(message: Any, began: datetime | None, left_out: LeftOut) -> HistoryMessage | None:
    if not isinstance(message, Mapping):
        left_out["empty"] += 1
        return None
    who = speaker(message.get("sender"))
    if who is None:
        left_out[unspoken(message.get("sender"))] += 1
        return None
    for name in ("attachments", "files"):
        found = message.get(name)
        left_out["attachment"] += len(found) if isinstance(found, list) else 0
    text = _text(message, left_out)
    if not text:
        left_out["empty"] += 1
        return None
    return HistoryMessage(who, text, past(message.get("created_at")) or began)


def _text(message: Mapping[str, Any], left_out: LeftOut) -> str:
    blocks, texts = message.get("content"), []
    for block in blocks if isinstance(blocks, list) else []:
        if not isinstance(block, Mapping):
            continue
        text, kind = block.get("text"), block.get("type", "text")
        if kind == "text" and isinstance(text, str):
            texts.append(text)
        else:
            left_out[_REASONS.get(str(kind), "image, file or tool part")] += 1
    whole = message.get("text")
    if not texts and not blocks and isinstance(whole, str):
        texts = [whole]
    return plain("\n".join(texts)).strip()
