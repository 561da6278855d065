"""Long text in bounded memory: what is needed beyond the adapters themselves does not grow with the text."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from benchmarks.peak_memory import peak_memory
from hypernet.doc_to_lora import DocToLoRA
from hypernet.networks.hypernetwork import Hypernetwork

SENTENCE = "The kettle of number {:05} is red and stands on the shelf beside the other kettles. "


def text(kib: int) -> str:
    """So many KiB of sentences, no two alike; the tokenizer makes a token of each byte."""
    return "".join(SENTENCE.format(i) for i in range(kib * 1024 // len(SENTENCE.format(0))))


def bounded(d2l: DocToLoRA, kind: str, tokens: int, *, layer_by_layer: bool = False) -> DocToLoRA:
    config = replace(d2l.config, feature_kind=kind, rank=1)  # type: ignore[arg-type]
    network = Hypernetwork(config).requires_grad_(False).eval()
    return DocToLoRA(
        network, d2l.base_model, d2l.tokenizer, tokens_at_once=tokens, layer_by_layer=layer_by_layer
    )


def needed(model: DocToLoRA, kib: int) -> float:
    """MiB at the peak, beyond what the adapters take."""
    chunks = model.chunks(text(kib))
    with peak_memory() as peak:
        made = model.generate(chunks)
    assert len(made) == len(chunks)
    return peak.mib - sum(lora.nbytes for lora in made) / 2**20


@pytest.mark.parametrize("kind", ["concat", "per_layer"])
def test_a_long_text_needs_little_more_than_its_adapters(tiny_d2l: DocToLoRA, kind: str) -> None:
    """32,000 tokens in batches of 1,024 take a fraction of what they take in one batch."""
    needed(bounded(tiny_d2l, kind, 1024), 4)  # what is set up once
    together = needed(bounded(tiny_d2l, kind, 10**9), 32)
    in_batches = needed(bounded(tiny_d2l, kind, 1024, layer_by_layer=True), 32)
    assert together > 20
    assert in_batches < together / 4


def test_a_merge_beyond_the_trained_number_of_chunks_is_logged(
    tiny_d2l: DocToLoRA, caplog: pytest.LogCaptureFixture
) -> None:
    """It is computed all the same, as the published code does."""
    few = bounded(tiny_d2l, "concat", 8192)
    with caplog.at_level(logging.WARNING):
        assert few.internalize(text(1)).rank == len(few.chunks(text(1))) + 1
        assert not caplog.records
        many = few.internalize(text(2))
    assert many.rank > few.config.max_chunks + 1
    assert "beyond the 8 trained for" in caplog.text
