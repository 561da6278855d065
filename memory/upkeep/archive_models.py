"""What the lines of an archive are: as strict as a request, for whoever made the file may be anybody.

Errors name the field and what is wrong with it, and never quote the line.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from memory.errors import InvalidInput
from memory.records import (
    MAX_NAME,
    RETIRED,
    SCOPE_FIELDS,
    AdapterRef,
    Kind,
    MemoryRecord,
    Role,
    Scope,
    Turn,
    content_hash,
)

MOST_VALUES = 10_000  # of one line: names, numbers, lists; a record has some forty, the rest is metadata
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)

M = TypeVar("M", bound=BaseModel)


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is out of range") from error


Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Time = Annotated[AwareDatetime, AfterValidator(_utc)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
Size = Annotated[int, Field(ge=0, lt=2**53)]
Fingerprint = Annotated[str, Field(max_length=128)]


class _Line(BaseModel):
    """No unknown fields, and no number where a text belongs."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class ScopeLine(_Line):
    """Whose something is."""

    tenant_id: Name
    user_id: Name | None
    agent_id: Name | None
    session_id: Name | None

    @property
    def scope(self) -> Scope:
        return Scope(**{name: getattr(self, name) for name in ("tenant_id", *SCOPE_FIELDS)})


class AdapterLine(_Line):
    """Where an adapter is in the archive, and which models it fits."""

    digest: Hash
    rank: Count
    nbytes: Size
    base_fingerprint: Fingerprint
    hypernet_fingerprint: Fingerprint


class RecordLine(ScopeLine):
    """A memory, or a retired passage, which has no adapter."""

    id: Id
    text: Annotated[str, Field(min_length=1)]
    content_hash: Hash
    embedder: Name
    dim: Annotated[int, Field(ge=1, le=65_536)]
    kind: Kind
    document_id: Name | None
    position: Count
    role: Role | None
    first_turn: Count | None
    last_turn: Count | None
    created_at: Time
    updated_at: Time | None
    expires_at: Time | None
    valid_from: Time | None
    valid_until: Time | None
    superseded_by: Id | None
    pinned: bool
    uses: Count
    used_at: Time | None
    compacted: Count
    held_by: Id | None
    metadata: dict[str, Any]
    adapter: AdapterLine | None

    def record(self) -> MemoryRecord:
        """The record. Raises InvalidInput for names and metadata that cannot be kept."""
        given = {name: getattr(self, name) for name in type(self).model_fields if name not in _OWN}
        ref = RETIRED if self.adapter is None else AdapterRef(**self.adapter.model_dump())
        content = content_hash(self.text, self.kind, self.metadata)
        return MemoryRecord(scope=self.scope, adapter=ref, content_hash=content, **given)


_OWN = {"tenant_id", *SCOPE_FIELDS, "adapter", "content_hash"}


class TurnLine(ScopeLine):
    """A turn of a session."""

    id: Id
    role: Role
    text: str
    ordinal: Count
    created_at: Time
    internalized: bool

    def turn(self) -> Turn:
        """The turn, with an id of its own."""
        return Turn(
            self.scope.required_session(),
            self.role,
            self.text,
            self.ordinal,
            created_at=self.created_at,
            internalized=self.internalized,
        )


class ManifestLine(_Line):
    """What an archive says about itself."""

    format: int
    made_at: str
    scope: ScopeLine
    counts: dict[str, Size]
    files: dict[str, tuple[Hash, Size]]


def parsed(model: type[M], line: bytes, *, most_values: int = MOST_VALUES) -> M:
    """The line as that model. Raises InvalidInput, which says what is wrong and quotes nothing.

    What its values would take is known before they are made: a few bytes of JSON can be many objects.
    """
    bare = _STRING.sub(b"", line)
    if bare.count(b",") + bare.count(b"[") + bare.count(b"{") > most_values:
        raise InvalidInput(f"it has more than {most_values:,} values")
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = next((part for part in first["loc"] if part in model.model_fields), "it")
        raise InvalidInput(f"{field} is not valid ({first['type'].replace('_', ' ')})") from error
