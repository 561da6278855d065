"""What fills a port, held to what the port promises: suites for a backend of one's own, run by pytest.

    from memory.conformance import BlobStoreConformance

    class TestS3Blobs(BlobStoreConformance):
        @pytest.fixture
        def blobs(self):
            return S3Blobs("a-test-bucket")

    suite                     fixtures to give, each new for every test unless it says otherwise
    StoreConformance          store, clock: a `samples.Clock` that the store asks for the time
    BlobStoreConformance      blobs
    IndexConformance          index, over the fixture store: `samples.EMBEDDER`, `samples.DIM` dimensions
    EmbedderConformance       embedder; one for all tests will do
    InternalizerConformance   internalizer; one for all tests will do
    GeneratorConformance      generator, and the internalizer of the same base; one for all tests will do
    SkillWriterConformance    skills, and the internalizer of the same base; one for all tests will do
    ReaderConformance         reader
    VerbsConformance          memory: what has the verbs of `memory.Memory`, empty and with nothing in its way

Each test is a sentence about the port; that another tenant sees nothing is among them. The suites know the
ports and nothing that fills them, and need pytest, which this package does not install.
"""

from __future__ import annotations

import pytest

for _suite in (
    *("blobs", "changes", "embedder", "generator", "index", "internalizer", "isolation", "life"),
    *("memories", "reader", "skills", "tenants", "turns", "verbs", "words"),
):
    pytest.register_assert_rewrite(f"{__name__}.{_suite}")

from memory.conformance.blobs import BlobStoreConformance  # noqa: E402
from memory.conformance.embedder import EmbedderConformance  # noqa: E402
from memory.conformance.generator import GeneratorConformance  # noqa: E402
from memory.conformance.index import IndexConformance  # noqa: E402
from memory.conformance.internalizer import InternalizerConformance  # noqa: E402
from memory.conformance.reader import ReaderConformance  # noqa: E402
from memory.conformance.skills import SkillWriterConformance  # noqa: E402
from memory.conformance.store import StoreConformance  # noqa: E402
from memory.conformance.verbs import VerbsConformance  # noqa: E402

__all__ = [
    "BlobStoreConformance",
    "EmbedderConformance",
    "GeneratorConformance",
    "IndexConformance",
    "InternalizerConformance",
    "ReaderConformance",
    "SkillWriterConformance",
    "StoreConformance",
    "VerbsConformance",
]
