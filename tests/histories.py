"""Small files in the forms that other products export, made by hand from their documentation."""

from __future__ import annotations

from typing import Any

DAY = 1_700_000_000.0  # 14 November 2023, 22:13:20 UTC


def node(parent: str | None, role: str, *parts: Any, at: float = DAY, **more: Any) -> dict[str, Any]:
    """A node of ChatGPT's tree of messages."""
    message = {
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": at,
        "content": {"content_type": "text", "parts": list(parts)},
        "status": "finished_successfully",
        "metadata": {},
        "recipient": "all",
    }
    return {"parent": parent, "children": [], "message": message | more}


def chatgpt(*more: tuple[str, dict[str, Any]], last: str = "f") -> list[dict[str, Any]]:
    """A conversation with everything that is not to be told beside what is."""
    mapping = {
        "root": {"id": "root", "message": None, "parent": None, "children": ["s"]},
        "s": node("root", "system", "", metadata={"is_visually_hidden_from_conversation": True}),
        "i": node(
            "s",
            "user",
            content={
                "content_type": "user_editable_context",
                "user_profile": "PROFILE",
                "parts": ["PROFILE"],
            },
        ),
        "a": node("i", "user", "My dog is called Biscuit.", at=DAY),
        "b": node("a", "assistant", "What a HIDDEN branch.", at=DAY + 1),
        "c": node("a", "assistant", '{"query": "dogs"}', recipient="browser", at=DAY + 2),
        "d": node("c", "tool", "TOOL OUTPUT", at=DAY + 3),
        "t": node("d", "assistant", content={"content_type": "thoughts", "thoughts": [{"content": "HM"}]}),
        "e": node("t", "assistant", "A fine name.\ue200cite\ue202turn0search1\ue201", at=DAY + 4),
        "f": node(
            "e",
            "user",
            {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x"},
            "I live in Lisbon.",
            content={
                "content_type": "multimodal_text",
                "parts": [{"content_type": "image_asset_pointer"}, "I live in Lisbon."],
            },
            at=DAY + 86400,
        ),
        **dict(more),
    }
    return [
        {
            "title": "Dogs",
            "create_time": DAY,
            "update_time": DAY + 86400,
            "mapping": mapping,
            "current_node": last,
            "conversation_id": "c-1",
            "id": "c-1",
        }
    ]


def claude() -> list[dict[str, Any]]:
    """A conversation with thinking, a tool, an attachment, and a message of the older form."""
    return [
        {
            "uuid": "u-1",
            "name": "Cats",
            "created_at": "2024-03-01T10:00:00.000000Z",
            "updated_at": "2024-03-01T10:05:00.000000Z",
            "account": {"uuid": "acc"},
            "chat_messages": [
                {
                    "uuid": "m1",
                    "text": "My cat is called Tom.",
                    "content": [{"type": "text", "text": "My cat is called Tom.", "citations": []}],
                    "sender": "human",
                    "created_at": "2024-03-01T10:00:01.123456Z",
                    "attachments": [{"file_name": "a.txt", "extracted_content": "ATTACHED"}],
                    "files": [],
                },
                {
                    "uuid": "m2",
                    "text": "",
                    "content": [
                        {"type": "thinking", "thinking": "HM"},
                        {"type": "tool_use", "name": "search", "input": {"q": "RAW"}},
                        {"type": "tool_result", "content": [{"type": "text", "text": "RESULT"}]},
                        {"type": "text", "text": "Where were you born?"},
                    ],
                    "sender": "assistant",
                    "created_at": "2024-03-01T10:01:00Z",
                    "attachments": [],
                    "files": [],
                },
                {"uuid": "m3", "text": "In Porto.", "sender": "human", "created_at": "2024-03-01T10:02:00Z"},
            ],
        }
    ]


def mem0() -> dict[str, Any]:
    """Memories of two users, one of them of a run."""
    return {
        "count": 3,
        "results": [
            {
                "id": "1",
                "memory": "Ana works at TechCorp.",
                "hash": "h",
                "metadata": {"type": "professional"},
                "user_id": "ana",
                "created_at": "2024-07-01T10:00:00-07:00",
                "updated_at": None,
            },
            {
                "id": "2",
                "memory": "Ben prefers tea.",
                "user_id": "ben",
                "run_id": "r1",
                "created_at": "2024-07-02T10:00:00Z",
                "updated_at": "2024-08-02T10:00:00Z",
            },
            {"id": "3", "memory": "", "user_id": "ben"},
        ],
    }


def zep() -> dict[str, Any]:
    """A session with messages, and facts, one of which holds no longer."""
    return {
        "session_id": "z-1",
        "user_id": "ana",
        "messages": [
            {
                "uuid": "1",
                "role_type": "user",
                "role": "Ana",
                "content": "My sister is Joana.",
                "created_at": "2024-05-01T09:00:00Z",
            },
            {"uuid": "2", "role_type": "assistant", "role": "bot", "content": "Noted.", "created_at": "x"},
            {"uuid": "3", "role_type": "tool", "role": "t", "content": '{"a": 1}'},
        ],
        "facts": [
            {
                "uuid": "f1",
                "content": "Ana moved to Faro.",
                "fact": "deprecated",
                "created_at": "2024-05-02T09:00:00Z",
                "valid_at": "2024-05-01T00:00:00Z",
            },
            {
                "uuid": "f2",
                "fact": "Ana lived in Braga.",
                "created_at": "2024-05-02T09:00:00Z",
                "valid_at": "2020-01-01T00:00:00Z",
                "invalid_at": "2024-04-30T00:00:00Z",
            },
        ],
    }


def openai() -> list[dict[str, Any]]:
    """One conversation, with parts, a system message and a call of a tool."""
    return [
        {"role": "system", "content": "You are SECRET."},
        {"role": "user", "content": [{"type": "text", "text": "My car is a Volvo."}, {"type": "image_url"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": '{"raw": 1}'},
        {"role": "assistant", "content": "A good car.", "created_at": 1700000000},
    ]
