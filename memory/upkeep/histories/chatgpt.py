"""ChatGPT's data export: `conversations.json`, also in its zip.

    [{"conversation_id", "title", "create_time", "current_node",
      "mapping": {node id: {"parent", "children", "message": {
          "author": {"role"}, "create_time", "recipient", "metadata": {...},
          "content": {"content_type", "parts": [...]}}}}}]

A regenerated answer or an edited question makes a branch; the conversation is the path from `current_node` to
the root. Left out: system and tool messages, what the interface hides, calls of tools (a recipient other than
"all"), reasoning, and the custom instructions that precede every conversation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from memory.upkeep.histories.history import (
    Conversation,
    HistoryMessage,
    LeftOut,
    Told,
    named,
    objects,
    past,
    speaker,
    spoken,
    unspoken,
)

_SPOKEN = ("text", "multimodal_text")
_HIDDEN = ("is_visually_hidden_from_conversation", "is_user_system_message")
_REASONS = {
    "user_editable_context": "custom instructions",
    "model_editable_context": "custom instructions",
    "thoughts": "reasoning",
    "reasoning_recap": "reasoning",
}


def looks(documents: Sequence[Any]) -> bool:
    """Whether a file has this form."""
    return any(isinstance(one.get("mapping"), Mapping) for one in objects(documents))


def read(documents: Sequence[Any], left_out: LeftOut) -> Iterator[Told]:
    """Its conversations."""
    for one in objects(documents):
        mapping = one.get("mapping")
        if not isinstance(mapping, Mapping):
            left_out["not a conversation"] += 1
            continue
        began = past(one.get("create_time"))
        said = [_message(node, began, left_out) for node in _path(mapping, one.get("current_node"))]
        yield Conversation(
            [message for message in said if message is not None],
            named(one.get("conversation_id")) or named(one.get("id")),
            named(one.get("title")) or "",
        )


def _path(mapping: Mapping[str, Any], last: object) -> list[Mapping[str, Any]]:
    """The messages from the root to the node that was shown last."""
    at = last if isinstance(last, str) and last in mapping else _newest_leaf(mapping)
    path: list[Mapping[str, Any]] = []
    seen: set[str] = set()
    while isinstance(at, str) and at in mapping and at not in seen:
        seen.add(at)
        node = mapping[at]
        if not isinstance(node, Mapping):
            break
        if isinstance(node.get("message"), Mapping):
            path.append(node["message"])
        at = node.get("parent")
    return path[::-1]


def _newest_leaf(mapping: Mapping[str, Any]) -> str | None:
    """Where the file does not say which node was shown last."""
    nodes = {key: node for key, node in mapping.items() if isinstance(node, Mapping)}
    parents = {node["parent"] for node in nodes.values() if isinstance(node.get("parent"), str)}
    leaves = [key for key, node in nodes.items() if key not in parents and node.get("message")]

    def age(key: str) -> float:
        message = nodes[key]["message"]
        at = past(message.get("create_time")) if isinstance(message, Mapping) else None
        return 0.0 if at is None else at.timestamp()

    return max(leaves, key=age, default=None)


def _message(message: Mapping[str, Any], began: Any, left_out: LeftOut) -> HistoryMessage | None:
    reason, author = _reason(message), message.get("author")
    role = author.get("role") if isinstance(author, Mapping) else None
    who = speaker(role)
    if reason is None and who is None:
        reason = unspoken(role)
    if reason is not None or who is None:
        left_out[str(reason)] += 1
        return None
    text = spoken(message["content"].get("parts"), left_out)
    if not text:
        left_out["empty"] += 1
        return None
    return HistoryMessage(who, text, past(message.get("create_time")) or began)


def _reason(message: Mapping[str, Any]) -> str | None:
    """Why a message is no part of what was said, if it is not."""
    metadata, content = message.get("metadata"), message.get("content")
    if not isinstance(content, Mapping):
        return "empty"
    kind = content.get("content_type", "text")
    if isinstance(kind, str) and kind in _REASONS:
        return _REASONS[kind]
    if isinstance(metadata, Mapping) and any(metadata.get(flag) for flag in _HIDDEN):
        return "hidden"
    if message.get("recipient", "all") not in ("all", None) or kind not in _SPOKEN:
        return "tool"
    return None
