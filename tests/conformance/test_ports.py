"""The shipped suites, run on everything that fills a port here, fakes included."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hypernet.doc_to_lora import DocToLoRA
from memory import conformance
from memory.backends.model.local import LocalModel
from memory.fakes import EchoGenerator, EchoInternalizer, EchoSkills
from memory.ports import Generator, Internalizer, SkillWriter


class TestStores(conformance.StoreConformance):
    """Fixtures in conftest.py."""


class TestBlobStores(conformance.BlobStoreConformance):
    """Fixtures in conftest.py."""


class TestIndexes(conformance.IndexConformance):
    """Fixtures in conftest.py."""


class TestEmbedders(conformance.EmbedderConformance):
    """Fixtures in conftest.py."""


class TestReaders(conformance.ReaderConformance):
    """Fixtures in conftest.py."""


@pytest.fixture(scope="module")
def local(tiny_d2l: DocToLoRA) -> Iterator[LocalModel]:
    """A base model and hypernetwork of random weights, on the engine."""
    model = LocalModel(lambda: tiny_d2l, passage_tokens=60, batch_window_s=0.02)
    yield model
    model.close()


class OnBothModels:
    """The local engine and the echo, each with its own adapters."""

    @pytest.fixture(params=["local", "echo"])
    def internalizer(self, request: pytest.FixtureRequest, local: LocalModel) -> Internalizer:
        return local if request.param == "local" else EchoInternalizer()

    @pytest.fixture
    def generator(self, internalizer: Internalizer) -> Generator:
        return internalizer if isinstance(internalizer, LocalModel) else EchoGenerator()


class TestInternalizers(OnBothModels, conformance.InternalizerConformance):
    """One of them fills both ports."""


class TestGenerators(OnBothModels, conformance.GeneratorConformance):
    """One of them fills both ports."""


class TestSkillWriters(conformance.SkillWriterConformance):
    """The Text-to-LoRA network of the package is in the life tests; here is the echo's."""

    @pytest.fixture
    def internalizer(self) -> Internalizer:
        return EchoInternalizer()

    @pytest.fixture
    def skills(self) -> SkillWriter:
        return EchoSkills()
