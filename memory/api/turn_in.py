"""What requests to be answered have in common, whichever of OpenAI's forms they have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from memory.api.schemas.parts import FILTERS, Many, Name, Time, Whole
from memory.api.strict_json import BadBody
from memory.read.options import Mode
from memory.records import AdapterChoice, Message, Role
from memory.records.inputs import MAX_CHOICES, Whose

# What a tool found out was said by whoever asked it; the calls themselves say nothing, and are left out.
ROLES: dict[str, Role] = {
    **{"system": "system", "developer": "system", "user": "user"},
    **{"assistant": "assistant", "tool": "assistant", "function": "assistant"},
}


MOST_ADAPTERS = 64  # that one turn may name: merged, they are held together


class AdapterIn(BaseModel):
    """An adapter to merge, as /v1/select names it."""

    memory_id: str = Field(min_length=1, max_length=64)
    score: float = Field(0.0, allow_inf_nan=False)
    weight: float = Field(1.0, ge=-100, le=100, description="In the merge.")


class StreamOptionsIn(BaseModel):
    """About a stream."""

    model_config = ConfigDict(extra="allow")

    include_usage: bool | None = None


class ChatMetadataIn(BaseModel):
    """Names that go with a request; three of them are known here."""

    model_config = ConfigDict(extra="allow")

    user_id: Name | None = Field(
        default=None, description="The user, where `user` names none.", examples=["ana"]
    )
    session_id: Name | None = Field(default=None, description="The conversation.", examples=["monday"])
    agent_id: Name | None = Field(default=None, description="The agent.", examples=["concierge"])


class TurnIn(BaseModel, ABC):
    """A conversation whose last message, the user's, is to be answered."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(description="As /v1/models names it.", examples=["reference"])
    user: Name | None = Field(default=None, description="Whose memory answers, and keeps what is told.")
    safety_identifier: Name | None = Field(default=None, description="The user, where `user` names none.")
    metadata: ChatMetadataIn | None = None
    store: bool | None = Field(
        default=None, description="false: answer from memory, and remember nothing of it."
    )
    mode: Mode = Field("auto", description="An extension: how memory comes in.")
    as_of: Time | None = Field(default=None, description="An extension: what held at that time is recalled.")
    filters: dict[str, Any] | None = Field(
        default=None, description=f"An extension, for what is recalled. {FILTERS}"
    )
    session_turns: bool | None = Field(
        default=None,
        description="An extension: true puts the session's newest turns before the one message that is sent.",
    )
    adapters: Many[AdapterIn] | None = Field(
        default=None,
        max_length=MOST_ADAPTERS,
        description="An extension: what is merged, in place of what it would select; with store: false.",
    )
    choices: Many[str] | None = Field(
        default=None,
        max_length=MAX_CHOICES,
        description="An extension: answers, of which the likeliest is the reply; `memory.choices` has the "
        "probability of each. With store: false.",
        examples=[["yes", "no"]],
    )
    stream: bool | None = False
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(
        default=None, description="0, the default here, is greedy."
    )
    top_p: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="Sample among the likeliest tokens that together have this chance."
    )
    seed: Whole | None = None

    @property
    @abstractmethod
    def longest(self) -> int | None:
        """Most tokens in a reply, where it is said."""

    @property
    def stops(self) -> tuple[str, ...]:
        """Where a reply ends."""
        return ()

    @property
    def wanted(self) -> int:
        """How many replies are wanted."""
        return 1

    @property
    def merged(self) -> list[AdapterChoice] | None:
        """The adapters that it names; None where they are to be selected."""
        if self.adapters is None:
            return None
        return [AdapterChoice(one.memory_id, one.score, one.weight, "") for one in self.adapters]

    @abstractmethod
    def picture(self) -> bytes | None:
        """The file of the picture that the last message shows. Raises BadBody for several, or another form.

        Those of earlier messages were remembered in their turn, and are passed over.
        """

    @abstractmethod
    def said(self) -> list[Message]:
        """The conversation, blank messages left out. Raises BadBody for what cannot be followed."""

    def whose(self, tenant_id: str) -> Whose | None:
        """Whose memory; None where nobody is named."""
        named = self.metadata or ChatMetadataIn()
        names = {
            "user_id": self.user or self.safety_identifier or named.user_id,
            "agent_id": named.agent_id,
            "session_id": named.session_id,
        }
        return Whose(tenant_id=tenant_id, **names) if any(names.values()) else None  # type: ignore[typeddict-item]


def checked(said: list[Message], place: str, turn: TurnIn) -> list[Message]:
    """The conversation without blank messages; `place` is the last one's. Raises BadBody."""
    if not said or said[-1].role != "user" or not said[-1].text.strip():
        raise BadBody(place, "the last message must be the user's, and say something")
    if turn.session_turns and (len(said) > 1 or turn.store is False):
        raise BadBody("session_turns", "goes with one message, of a chat that is remembered")
    if turn.adapters is not None and turn.store is not False:
        raise BadBody("adapters", "goes with a turn that is not remembered; send store: false")
    if turn.choices is not None and (turn.store is not False or turn.wanted > 1):
        raise BadBody("choices", "goes with one reply that is not remembered; send store: false")
    return [message for message in said if message.text.strip()]


def text_of(part: Mapping[str, Any], place: str, name: str = "text") -> str:
    """The words of a part of a message. Raises BadBody."""
    said = part.get(name)
    if not isinstance(said, str):
        raise BadBody(f"{place}.{name}", "give a text")
    return said


def refuse_unknown(
    given: Mapping[str, Any],
    neutral: Mapping[str, tuple[Any, ...]],
    ignored: Collection[str],
    choices: Mapping[str, str],
) -> None:
    """Refuse parameters that would be silently disobeyed. Raises BadBody.

    `neutral` has the values that ask for nothing; `choices`, of tools, where it is said whether to call them.
    """
    for name, value in given.items():
        if value is None or name in ignored or value in neutral.get(name, ()):
            continue
        if given.get(choices.get(name, "")) == "none":
            continue  # tools that are not to be called
        known = "not supported" if name in neutral else "unknown"
        raise BadBody(name, f"this parameter is {known}; leave it out")
