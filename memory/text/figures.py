"""Counts and sizes for people."""

from __future__ import annotations


def size(nbytes: int) -> str:
    """Bytes for people."""
    if nbytes < 1024:
        return f"{nbytes} B"
    kib = nbytes / 1024
    return f"{kib:.1f} KiB" if kib < 1024 else f"{kib / 1024:.1f} MiB"


def counted(count: int, what: str) -> str:
    """The count with its noun."""
    plural = what[:-1] + "ies" if what.endswith("y") else what + "s"
    return f"{count} {what if count == 1 else plural}"
