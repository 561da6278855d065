"""Where real texts come from: what must be said of them beside what is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

ATTRIBUTIONS = {
    "qamr": "QAMR, MIT, github.com/uwnlp/qamr",
    "squad2": "SQuAD 2.0, CC BY-SA 4.0, rajpurkar.github.io/SQuAD-explorer",
    "policyqa": "PolicyQA, MIT, github.com/wasiahmad/PolicyQA",
    "sgd": "Schema-Guided Dialogue, CC BY-SA 4.0, "
    "github.com/google-research-datasets/dstc8-schema-guided-dialogue",
}


def attribution(counts: Mapping[str, int]) -> list[str]:
    """A line for each kind of example, with how many there are; of a kind that is not known, its name."""
    return [f"{ATTRIBUTIONS.get(kind, kind)}: {count} texts" for kind, count in counts.items()]


def counted(kinds: Iterable[str]) -> dict[str, int]:
    """How many of each kind, in the order in which they first came."""
    counts: dict[str, int] = {}
    for kind in kinds:
        counts[kind or "files"] = counts.get(kind or "files", 0) + 1
    return counts
