"""The measure that decides about a swap, on the packaged model: damage is found, what is as good passes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from hypernet.doc_to_lora import DocToLoRA
from hypernet.lora.adapter import LoRA
from memory.backends.model.local import LocalModel
from memory.backends.reader.english import EnglishReader
from memory.backends.reader.questions import questions
from memory.ports import Trial
from memory.text.passage import Passage
from memory.write.measure import Measure
from tests.command import packaged_model

MARGIN = 0.5  # the default of MEMORY_COMPACT_MARGIN
TEXTS = ["My dog is called Biscuit.", "My PIN is 4821.", "I live in Lisbon.", "My boss is called Marta."]


@pytest.fixture(scope="module")
def model() -> Iterator[LocalModel]:
    path = packaged_model()
    opened = LocalModel(lambda: DocToLoRA.from_pretrained(path))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def adapters(model: LocalModel) -> list[LoRA]:
    return model.generate(TEXTS)


def test_what_an_adapter_knows_is_likely(model: LocalModel, adapters: list[LoRA]) -> None:
    """The right adapter makes the answer likely, the bare base model and another adapter do not."""
    [(question, answer)] = questions(Passage(TEXTS[0]))
    right, wrong = (model.combine([adapter]) for adapter in adapters[:2])
    scores = model.score([Trial(question, answer, a) for a in (right, None, wrong, right)])
    assert scores[0].right
    assert not scores[1].right
    assert scores[0].likelihood > -1.5
    assert max(scores[1].likelihood, scores[2].likelihood) < scores[0].likelihood - 3
    assert scores[3].likelihood == pytest.approx(scores[0].likelihood, abs=1e-4)  # the batch does not matter
    assert model.score([]) == []


def test_one_adapter_of_all_may_replace_its_parts(model: LocalModel, adapters: list[LoRA]) -> None:
    """Two facts in a chunk answer about as well as each by itself."""
    measure = Measure(model, model, EnglishReader())
    [both] = model.generate(["\n".join(TEXTS[:2])])
    comparison = measure(list(zip(map(Passage, TEXTS[:2]), adapters[:2], strict=True)), both)
    assert len(comparison.scores) == 2
    assert comparison.within(MARGIN)


@pytest.mark.parametrize("damage", ["noise", "nothing", "half of it", "another's"])
def test_a_damaged_adapter_is_caught(model: LocalModel, adapters: list[LoRA], damage: str) -> None:
    """Whatever way it is damaged, it does not replace."""
    old = list(zip(map(Passage, TEXTS[:3]), adapters[:3], strict=True))
    [whole] = model.generate(["\n".join(TEXTS[:3])])
    torch.manual_seed(0)
    if damage == "noise":
        new = LoRA(whole.A, {k: torch.randn_like(b) * b.std() for k, b in whole.B.items()}, whole.scaling)
    elif damage == "nothing":
        new = whole.scaled(0.0)
    elif damage == "half of it":
        new = adapters[0]
    else:
        new = adapters[3]
    comparison = Measure(model, model, EnglishReader())(old, new)
    assert not comparison.within(MARGIN)
    assert Measure(model, model, EnglishReader())(old[:1], adapters[0]).within(0.01)
