"""The samples of the shipped suites (`memory.conformance.samples`), for the other tests of storage."""

from memory.conformance.samples import (
    ANA,
    BEN,
    DIM,
    ELSEWHERE,
    EMBEDDER,
    NOON,
    Clock,
    adapter,
    record,
    vectors,
)

__all__ = [
    "ANA",
    "BEN",
    "DIM",
    "ELSEWHERE",
    "EMBEDDER",
    "NOON",
    "Clock",
    "adapter",
    "record",
    "vectors",
]
