"""A turn answered by an upstream LLM: recalled texts go in, and what the user said is remembered.

The request is passed on as it came, tools, images and unknown fields too. Only two things change: the model's
name, where the operator maps it, and the instructions, which get what is recalled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from memory.api.foreign import MOST_KEPT, storable
from memory.api.relay_forms import Form
from memory.api.strict_json import BadBody
from memory.read.recalled import Recall
from memory.records import Message
from memory.records.inputs import MAX_RECALLED, Whose, filters_in
from memory.service import Service

_OURS = (
    "mode",
    "as_of",
    "filters",
    "session_turns",
    "adapters",
)  # extensions of this server, which no other knows


@dataclass(frozen=True, slots=True)
class Relayed:
    """One request: whose memory it means, and what is said in it."""

    form: Form
    memory: Service
    given: Mapping[str, Any]
    whose: Whose | None  # None: nobody is named, and nothing is recalled or remembered
    said: tuple[Message, ...]  # what user and assistant say in it, as far as it is text
    new: Message | None  # what the user says last, unless a tool's result follows

    @classmethod
    def of(
        cls, form: Form, memory: Service, given: Mapping[str, Any], tenant_id: str, user: str | None
    ) -> Relayed:
        """Read a request; `user` is named by a header. Raises BadBody for one in which nothing is said."""
        items = form.items(given)
        if given.get("session_turns"):
            raise BadBody("session_turns", "another model answers here; send the conversation")
        if given.get("adapters") is not None:
            raise BadBody("adapters", "another model answers here, which has none; leave it out")
        said = tuple(line for item in items if (line := _line(item)))
        new = _line(items[-1]) if items[-1].get("role") == "user" else None
        return cls(form, memory, given, _whose(given, tenant_id, user), said, new)

    @property
    def remembers(self) -> bool:
        """Whether anything is kept of it."""
        return self.whose is not None and self.given.get("store") is not False

    def recall(self) -> Recall:
        """What is known about what the user says last."""
        asked = next((line.text for line in reversed(self.said) if line.role == "user"), "")
        if self.whose is None or not asked.strip():
            return Recall()
        names = cast(Whose, dict(self.whose))
        if names.get("user_id") is not None or names.get("agent_id") is not None:
            names.pop("session_id", None)  # from all sessions of whoever is named
        as_of, filters = _time(self.given.get("as_of")), filters_in(self.given.get("filters"))
        return self.memory.recall(
            asked, k=MAX_RECALLED, before=list(self.said), as_of=as_of, filters=filters, **names
        )

    def body(self, recalled: Recall, model: str) -> dict[str, Any]:
        """The request for the other model."""
        passed = {name: value for name, value in self.given.items() if name not in _OURS}
        named = {"model": model} if "model" in passed else {}
        return self.form.with_known({**passed, **named}, recalled.prompt)

    def remember(self, reply: str, *, from_memory: bool) -> bool:
        """Keep what the user told, and the reply as a turn of the session; "" means there is no reply.

        Returns whether the user told something to keep.
        """
        if not self.remembers:
            return False
        names = cast(Whose, self.whose)
        reply = storable(reply) if len(reply) <= MOST_KEPT else ""
        news = not from_memory and bool(reply.strip()) and self.memory.reader.read(reply).asks
        answer = [Message("assistant", reply, recalled=not news)] if reply.strip() else []
        if names.get("session_id") is not None and (self.new or answer):
            added = self.memory.append([*([self.new] if self.new else []), *answer], **names)
        elif self.new is not None:
            added = self.memory.add([self.new], **names)
        else:
            return False
        return self.new is not None and bool(added.created)


def _time(said: object) -> datetime | None:
    """A time with its zone. Raises BadBody."""
    if said is None:
        return None
    try:
        at = datetime.fromisoformat(str(said))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise BadBody("as_of", "give a time with its zone, as 2030-01-01T00:00:00Z")
    return at


def _line(message: Mapping[str, Any]) -> Message | None:
    """What a message says, where its speaker is a person or the model."""
    role, content = message.get("role"), message.get("content")
    if role not in ("user", "assistant"):
        return None
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "\n".join(part for part in parts if isinstance(part, str))
    text = content.replace("\0", "") if isinstance(content, str) else ""
    return Message(role, text) if text.strip() else None


def _whose(given: Mapping[str, Any], tenant_id: str, user: str | None) -> Whose | None:
    """Named by `user`, `safety_identifier`, `metadata.user_id` or the header, in this order."""
    metadata = given.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    users = (given.get("user"), given.get("safety_identifier"), named.get("user_id"), user)
    whose = {
        "user_id": next((one for one in users if one is not None), None),
        "agent_id": named.get("agent_id"),
        "session_id": named.get("session_id"),
    }
    for name, value in whose.items():
        if value is not None and not isinstance(value, str):
            raise BadBody(name, "give a string")
    return Whose(tenant_id=tenant_id, **whose) if any(whose.values()) else None  # type: ignore[typeddict-item]
