"""What a listing shows of a scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from memory.records import Kind, MemoryRecord, State
from memory.records.filters import meets


@dataclass(frozen=True, slots=True)
class Wanted:
    """Memories that meet all that is given; what is left out is open."""

    kind: Kind | None = None
    document_id: str | None = None
    superseded_by: str | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)  # of the metadata
    since: datetime | None = None  # told then or later,
    until: datetime | None = None  # and before this
    state: State = "current"

    def described(self, record: MemoryRecord) -> bool:
        """Whether the metadata has what the filters ask for."""
        return meets(record.metadata, self.filters)

    def meets(self, record: MemoryRecord) -> bool:
        """All but the state."""
        told = record.created_at
        return (
            self.kind in (None, record.kind)
            and self.document_id in (None, record.document_id)
            and self.superseded_by in (None, record.superseded_by)
            and (self.since is None or told >= self.since)
            and (self.until is None or told < self.until)
            and self.described(record)
        )


ANYTHING = Wanted()
