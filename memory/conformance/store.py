"""What MemoryStore promises, all of it."""

from __future__ import annotations

from memory.conformance.changes import ChangesConformance
from memory.conformance.isolation import IsolationConformance
from memory.conformance.life import LifeConformance
from memory.conformance.memories import MemoriesConformance
from memory.conformance.tenants import TenantsConformance
from memory.conformance.turns import TurnsConformance
from memory.conformance.words import WordsConformance


class StoreConformance(
    MemoriesConformance,
    IsolationConformance,
    LifeConformance,
    TurnsConformance,
    TenantsConformance,
    ChangesConformance,
    WordsConformance,
):
    """Memories and turns, who sees them and when, and what an index hears of their changes."""
