"""The key-value drill asks for what its chunks tell, knows where that stands, and asks for more."""

from __future__ import annotations

import random

import pytest

from hypernet.training.reference.drill import KeyValueDrill
from hypernet.training.reference.reference import train_tokenizer
from hypernet.training.reference.rows import Renderer
from hypernet.world.facts import UNKNOWN, FactWorld


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    world = FactWorld("train", 3)
    texts = [c.text for _ in range(200) for c in world.group(1, 3, same_kind=False).contexts]
    return Renderer(train_tokenizer([*texts, UNKNOWN]))


def test_every_counted_token_stands_where_its_spot_says(renderer: Renderer) -> None:
    """In a chunk of its own group, among the salient tokens; refusals and ends stand nowhere."""
    drill = KeyValueDrill(renderer)
    for seed in range(12):
        batch = drill.draw(random.Random(seed))
        counted = batch.rows.ids[:, 1:][batch.rows.weights == 1.0].tolist()
        assert len(counted) == len(batch.spots)
        groups, rest = divmod(len(batch.chunks), batch.chunks_per_group)
        assert rest == batch.rows.ids.size(0) % groups == 0
        for token, spot in zip(counted, batch.spots, strict=True):
            for chunk, place in spot or ():
                assert batch.chunks[chunk][place] == token
                assert place in batch.salient[chunk]


def test_some_keys_were_never_told(renderer: Renderer) -> None:
    """Their questions are refused."""
    batch = KeyValueDrill(renderer).draw(random.Random(1))
    said = [renderer.tokenizer.decode(ids.tolist(), skip_special_tokens=True) for ids in batch.rows.ids]
    assert any(UNKNOWN in text for text in said)
    assert not all(UNKNOWN in text for text in said)
