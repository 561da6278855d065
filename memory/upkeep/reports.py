"""What upkeep reports. Importing this loads nothing, so that a client of a server can read it too."""

from __future__ import annotations

from dataclasses import dataclass

MIN_ADAPTERS = 8  # a session or document with fewer is not compacted


@dataclass(frozen=True, slots=True)
class CompactReport:
    """What a compaction changed, or, of a dry run, would change. Bytes are those of adapters."""

    groups: int  # sessions and documents with enough memories
    adapters_before: int
    adapters_after: int
    bytes_before: int
    bytes_after: int | None  # None for a dry run, which makes no adapters
    compacted: int = 0  # memories that went into others
    kept: int = 0  # memories left as they are, because joined with others they answer worse
    retired: int = 0  # outdated memories whose adapters went
    conflicts: int = 0  # windows left as they are, because another writer changed them meanwhile
    questions: int = 0
    likelihood_before: float | None = None  # mean natural logarithm of an answer token's chance
    likelihood_after: float | None = None
    recall_before: float | None = None  # share of the questions whose answer is the likeliest reply
    recall_after: float | None = None
    seconds: float = 0.0
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an archive holds."""

    path: str
    memories: int
    past: int  # retired passages
    turns: int
    adapters: int
    nbytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import added, and what was there already."""

    memories: int
    past: int
    turns: int
    known: int  # memories and retired passages that were there
    taken: int  # adapters taken over
    made: int  # adapters made again from their texts
    seconds: float
