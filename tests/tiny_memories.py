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
from memory.text.passage import Passage

__all__ = [
    "ANA",
    "BEN",
    "DIM",
    "ELSEWHERE",
    "EMBEDDER",
    "NOON",
    "Clock",
    "adapter",
    "in_turns",
    "record",
    "vectors",
]


def in_turns(text: str) -> Passage:
    """A passage as it is stored of a conversation: the labels that begin its lines are ours."""
    return Passage(text, first_turn=0, last_turn=0)
