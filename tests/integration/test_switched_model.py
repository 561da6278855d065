"""A home whose model is switched: `memory reindex` makes its adapters again; the model can be set back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from hypernet.doc_to_lora import DocToLoRA
from hypernet.networks.hypernetwork import build
from memory import Memory
from memory.backends.model.local import LocalModel
from memory.errors import IncompatibleAdapter
from memory.fakes import WordEmbedder
from tests.unit.test_tokens import CONFIG, fresh_base


@pytest.fixture(scope="module")
def by_token(byte_tokenizer: PreTrainedTokenizerFast) -> DocToLoRA:
    """Another base, with a hypernetwork that keeps latents."""
    torch.manual_seed(7)
    return DocToLoRA(build(CONFIG).requires_grad_(False).eval(), fresh_base(), byte_tokenizer)


@pytest.fixture
def opened() -> Iterator[list[Memory]]:
    memories: list[Memory] = []
    yield memories
    for memory in memories:
        memory.close()


def test_a_switched_model_works_after_reindexing_and_can_be_set_back(
    tiny_d2l: DocToLoRA, by_token: DocToLoRA, tmp_path: Path, opened: list[Memory]
) -> None:
    """Each time the message names the way; what is kept is what the model in use keeps."""

    def memory(d2l: DocToLoRA) -> Memory:
        model = LocalModel(lambda: d2l)
        parts = {"embedder": WordEmbedder(), "internalizer": model, "generator": model}
        opened.append(Memory(home=tmp_path, max_new_tokens=4, **parts))
        return opened[-1]

    first = memory(tiny_d2l)
    first.add("Rex is a dog.", user_id="ana")
    sizes = []
    for d2l in (by_token, tiny_d2l, by_token):
        switched = memory(d2l)
        with pytest.raises(IncompatibleAdapter, match="run `memory reindex`"):
            switched.ask("Is Rex a dog?", user_id="ana", mode="adapters")
        assert switched.reindex() == 1
        assert switched.ask("Is Rex a dog?", user_id="ana", mode="adapters").adapters
        [record] = switched.list(user_id="ana").records
        sizes.append((record.adapter.rank, record.adapter.nbytes))
        assert record.adapter.hypernet_fingerprint == d2l.hypernet_fingerprint
    assert sizes[0] == sizes[2] != sizes[1]
    assert sizes[0][0] == len("Rex is a dog.")  # a row for every token
