"""Answers are traced to the tokens that told them, and only to those."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer

from hypernet.training.reference.alignment import MemoryBatch, align, occurrences, spots
from hypernet.training.reference.losses import SPILL, Memories, addressing_losses
from hypernet.training.reference.reference import train_tokenizer
from hypernet.training.reference.rows import Batch, Renderer
from hypernet.world.facts import QA, UNKNOWN, Context, FactWorld, Group

TOLD = QA("What is my dog called?", "Biscuit", "pets.dog")
UNTOLD = QA("What is my cat called?", UNKNOWN, "pets.cat")


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    world = FactWorld("train", 3)
    tokenizer: Tokenizer = train_tokenizer(
        c.text for _ in range(200) for c in world.group(1, 3, same_kind=False).contexts
    )
    return Renderer(tokenizer)


def test_a_number_is_not_found_inside_a_longer_one(renderer: Renderer) -> None:
    """48 stands alone once, and twice at the beginning of another number."""
    (chunk,) = renderer.contexts(["It was 482, then 48, then 4800."])
    (answer,) = renderer.encode(["48"])
    (start,) = occurrences(chunk, answer, renderer.digits)
    assert chunk[start + len(answer)] not in renderer.digits


def test_an_answer_that_is_not_in_the_text_has_no_known_place() -> None:
    """Nothing is taught about where it comes from, except that its end comes from nowhere."""
    assert spots(0, [], 2) == [None, None, ()]


@pytest.mark.parametrize("texts", [(), ("My dog is called Biscuit.", "It rains.")])
def test_every_counted_token_has_its_spot(renderer: Renderer, texts: tuple[str, ...]) -> None:
    """Tokens of a told answer point at the same tokens of the right chunk; refusals and ends at none."""
    group = Group((Context("It rains.", ()), Context("My dog is called Biscuit.", (TOLD,))), (UNTOLD,))
    batch = align(renderer, [group], 2, [[TOLD], [UNTOLD]], texts)
    counted = [int(i) for i in batch.rows.ids[:, 1:][batch.rows.weights == 1.0]]
    assert len(counted) == len(batch.spots)
    copied = [(i, spot[0]) for i, spot in zip(counted, batch.spots, strict=True) if spot]
    assert copied
    assert all(batch.chunks[chunk][place] == i and chunk == 1 for i, (chunk, place) in copied)
    assert batch.salient == [set(), {place for _, (_, place) in copied}]


def test_what_other_rows_answer_is_spilt() -> None:
    """Nothing where the right row answers one and the other zero; more, the louder the other is."""
    asked = Batch(torch.zeros(1, 2, dtype=torch.long), torch.ones(1, 1))
    batch = MemoryBatch([[0] * 6], 1, asked, [{3}], [((0, 3),)])
    rows = torch.eye(2)[None, None]  # A [C, L, R, d_in]
    made = Memories({"down_proj": (rows, rows)}, torch.tensor([[3, 5]]), torch.tensor(0.0))

    def spill(*answers: float) -> float:
        return addressing_losses(batch, made, {0: torch.tensor([[answers, answers]])})[1].item()

    assert spill(1.0, 0.0) == 0.0
    assert spill(1.0, 0.5) == pytest.approx(0.25 * SPILL)
    assert spill(0.0, 1.0) == pytest.approx(2 * SPILL)
