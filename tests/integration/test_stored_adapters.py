"""Adapters are kept smaller than they are made, and what was kept in another form before is still read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hypernet.doc_to_lora import DocToLoRA
from memory import Memory
from memory.backends.model.local import LocalModel

FACT, QUESTION = "My dog is called Biscuit.", "What is my dog called?"
MakeMemory = Callable[..., Memory]


@pytest.fixture
def model(tiny_d2l: DocToLoRA) -> LocalModel:
    return LocalModel(lambda: tiny_d2l)


def test_a_smaller_form_takes_fewer_bytes(make_memory: MakeMemory, model: LocalModel, tmp_path: Path) -> None:
    """A half, with a truncated rank less, and as latents least; the record says which rank it has."""
    sizes = {}
    half_numbers = {"adapter_storage": "bfloat16"}
    for form in ({"adapter_storage": "float32"}, half_numbers, {}, {**half_numbers, "adapter_rank": 1}):
        home = tmp_path / str(len(sizes))
        memory = make_memory(home=home, internalizer=model, generator=model, **form)
        [record] = memory.add(FACT, user_id="ana")
        sizes[str(form)] = (record.adapter.nbytes, record.adapter.rank)
    (full, rank), (half, _), (least, same), (truncated, one) = sizes.values()
    assert full > 1.8 * half
    assert half > 1.4 * truncated > 1.4 * least
    assert (rank, same, one) == (4, 4, 1)


def test_what_was_stored_before_is_read_as_it_is(make_memory: MakeMemory, model: LocalModel) -> None:
    """A change of the setting makes nothing again; old and new are merged with each other."""
    parts = {"internalizer": model, "generator": model, "score_threshold": -1, "score_margin": 2}
    before = make_memory(adapter_storage="float32", **parts)
    before.add(FACT, user_id="ana")
    answer = before.ask(QUESTION, user_id="ana").text
    after = make_memory(adapter_storage="int8", **parts)
    assert after.ask(QUESTION, user_id="ana").text == answer
    assert after.reindex() == 0
    after.add("My cat is called Tom.", user_id="ana")
    assert len(after.ask(QUESTION, user_id="ana").adapters) == 2
