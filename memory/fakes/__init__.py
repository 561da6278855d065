"""In-memory implementations of every port; they pass the same conformance suites.

For tests of what is built on this package, and for trying it without a disk or a model.
"""

from __future__ import annotations

from memory.fakes.blobs import InMemoryBlobs
from memory.fakes.embedder import WordEmbedder
from memory.fakes.index import BruteForceIndex
from memory.fakes.models import EchoGenerator, EchoInternalizer, EchoSkills
from memory.fakes.reader import PlainReader
from memory.fakes.store import InMemoryStore

__all__ = [
    "BruteForceIndex",
    "EchoGenerator",
    "EchoInternalizer",
    "EchoSkills",
    "InMemoryBlobs",
    "InMemoryStore",
    "PlainReader",
    "WordEmbedder",
]
