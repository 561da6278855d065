"""Small records, vectors and a clock that stands still: what the storage tests run on."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from memory.ports import Vectors
from memory.records import AdapterRef, MemoryRecord, Scope

DIM = 64
EMBEDDER = "words"
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ANA = Scope(user_id="ana")
BEN = Scope(user_id="ben")
ELSEWHERE = Scope(user_id="ana", tenant_id="other")  # the same user name in another tenant


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **time: float) -> None:
        self.at += timedelta(**time)


def adapter(data: bytes = b"adapter", **given: Any) -> AdapterRef:
    """A reference to the blob of these bytes."""
    fixed: dict[str, Any] = {
        "rank": 8,
        "nbytes": len(data),
        "base_fingerprint": "base",
        "hypernet_fingerprint": "net",
    }
    return AdapterRef(digest=hashlib.sha256(data).hexdigest(), **(fixed | given))


def record(text: str, scope: Scope = ANA, **given: Any) -> MemoryRecord:
    """A memory whose adapter is the text itself."""
    fixed: dict[str, Any] = {
        "embedder": EMBEDDER,
        "dim": DIM,
        "adapter": adapter(text.encode(errors="replace")),
        "created_at": NOON,
    }
    return MemoryRecord(scope=scope, text=text, **(fixed | given))


def vectors(count: int, *, seed: int = 0, dim: int = DIM) -> Vectors:
    """Random directions, [count, dim]."""
    drawn = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
