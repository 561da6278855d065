"""Adapters by gradient descent beside those of the hypernetwork: seconds a text, and answers that are right.

The distilled ones practise the very questions that are asked afterwards, given to them, or the text alone.
They cannot know more than their teacher, the base with the text in its prompt, whose answers are counted too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.bench import Bench, Options, Row
from hypernet.distill import distill
from hypernet.doc_to_lora import DocToLoRA
from hypernet.evaluation.conditions import answer
from hypernet.evaluation.scoring import wilson
from hypernet.lora.adapter import LoRA
from hypernet.world.facts import QA, FactWorld

TEXTS, QUICK_TEXTS, STEPS, QUICK_STEPS = 20, 1, 200, 2
SEED = 900


@dataclass(frozen=True)
class Told:
    """A text, and what it answers."""

    text: str
    asked: Sequence[QA]


def rows(options: Options) -> Iterator[Row]:
    """For texts of one and of three facts, each way of making the adapter."""
    model = options.parts()["generator"].d2l
    texts, steps = (QUICK_TEXTS, QUICK_STEPS) if options.quick else (TEXTS, STEPS)

    def distilled(told: Told, questions: list[str]) -> LoRA:
        return distill(
            model.base_model, model.tokenizer, told.text, questions=questions, steps=steps, progress=False
        )

    ways: dict[str, Callable[[Told], LoRA | None]] = {
        "hypernetwork": lambda told: model.internalize(told.text),
        "distilled, its questions": lambda told: distilled(told, [qa.question for qa in told.asked]),
        "distilled, the text alone": lambda told: distilled(told, []),
        "text in the prompt": lambda _: None,
    }
    for facts in (1, 3):
        told = [_told(facts, i) for i in range(texts)]
        for name, make in ways.items():
            yield _row(model, f"{facts} fact{'s' * (facts > 1)}", name, told, make)


def _told(facts: int, number: int) -> Told:
    [context] = FactWorld("heldout", SEED + number).group(1, facts, same_kind=False).contexts
    return Told(context.text, context.qa)


def _row(
    model: DocToLoRA, case: str, name: str, told: Sequence[Told], make: Callable[[Told], LoRA | None]
) -> Row:
    began = time.perf_counter()
    made = [make(one) for one in told]
    seconds = (time.perf_counter() - began) / len(told)
    right = [said for one, lora in zip(told, made, strict=True) for said in _right(model, one, lora)]
    low, high = wilson(sum(right), len(right))
    return {
        "text of": case,
        "adapter": name,
        "seconds a text": seconds if any(made) else None,
        "asked": float(len(right)),
        "right %": 100 * sum(right) / len(right),
        "95 % interval": f"{abs(100 * low):.0f}-{100 * high:.0f}",
    }


def _right(model: DocToLoRA, told: Told, lora: LoRA | None) -> list[bool]:
    reminder = [] if lora is not None else [{"role": "system", "content": told.text}]
    chats = [[*reminder, {"role": "user", "content": qa.question}] for qa in told.asked]
    said = answer(model, chats, [lora] * len(chats))
    return [text == qa.answer for text, qa in zip(said, told.asked, strict=True)]


BENCH = Bench("distill", "Adapters by gradient descent", rows)
