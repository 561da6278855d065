"""Which of the answers that a question names the model has for the likeliest: they are scored, not written.

The likelihood is the mean over an answer's tokens, the end of the reply among them, so that neither long
answers nor those that begin another are at a disadvantage.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, isfinite
from typing import TYPE_CHECKING

from memory.errors import ModelUnavailable
from memory.ports import Generator, Trial
from memory.records import Message, ScoredChoice

if TYPE_CHECKING:
    from hypernet.lora.adapter import LoRA


def scored(
    generator: Generator, messages: Sequence[Message], adapter: LoRA | None, choices: Sequence[str]
) -> tuple[ScoredChoice, ...]:
    """The choices as replies to the last message, the likeliest first. Raises ModelUnavailable."""
    *before, asked = messages
    scores = generator.score(
        [Trial(asked.text, choice, adapter, before=tuple(before), whole=True) for choice in choices]
    )
    found = [score.likelihood for score in scores]
    if not all(map(isfinite, found)):
        raise ModelUnavailable("the base model gave no numbers for these choices; ask again")
    shares = [exp(one - max(found)) for one in found]
    ranked = sorted(zip(choices, shares, found, strict=True), key=lambda one: -one[1])
    return tuple(ScoredChoice(text, share / sum(shares), one) for text, share, one in ranked)
