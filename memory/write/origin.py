"""Where a text comes from: what all memories of it share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from memory.records import Kind, Scope


@dataclass(frozen=True, slots=True)
class Origin:
    """Fields that all memories of one text share, named as in a record."""

    scope: Scope
    kind: Kind = "message"
    document_id: str | None = None
    expires_at: datetime | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
