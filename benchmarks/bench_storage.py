"""What storing adapters smaller costs: bytes, the reply's logits, and how many answers are still right.

The same adapters are stored in every form, read back, merged where there are several, and asked the same
held-out questions. Logits are those of each first word of a reply, before any choice is made; the divergence
is from what the adapters say in float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch
from torch import Tensor

from benchmarks.bench import Bench, Options, Row
from hypernet.doc_to_lora import DocToLoRA
from hypernet.evaluation.conditions import answer
from hypernet.evaluation.scoring import wilson
from hypernet.evaluation.trials import Case, Trial, facts
from hypernet.lora.adapter import LoRA
from hypernet.lora.inject import apply

QUESTIONS, QUICK_QUESTIONS = 200, 1
CASES = (
    facts("1 fact", 1, 1),
    facts("3 facts", 1, 3),
    facts("4 chunks of 1", 4, 1),
    facts("4 chunks of 1, same kind", 4, 1, same_kind=True),
)
BATCH = 32


@dataclass(frozen=True)
class Form:
    """How adapters are stored: the kind of number, as latents where these are kept in it, and the rank.

    They are truncated to that rank; 0 leaves them as they are.
    """

    numbers: str
    rank: int = 0
    latents: bool = False

    def __str__(self) -> str:
        what = self.numbers + (": latents" if self.latents else "")
        return what + (f", rank {self.rank}" if self.rank else "")

    def stored(self, lora: LoRA) -> bytes:
        lora = lora if self.latents else replace(lora, latents=None)
        return (lora.truncate(self.rank) if self.rank else lora).to_bytes(self.numbers)


EXACT = Form("float32")
FORMS = (
    EXACT,
    Form("bfloat16"),
    Form("int8", latents=True),
    Form("int8"),
    *(Form("int8", rank) for rank in (16, 8, 4, 2)),
)


@dataclass(frozen=True)
class Asked:
    """Trials, and the adapters of each one's chunks."""

    trials: Sequence[Trial]
    loras: Sequence[Sequence[LoRA]]


def rows(options: Options) -> Iterator[Row]:
    """One row a form: bytes, divergence, and how many of each case's answers are right."""
    model = options.parts()["generator"].d2l
    questions = QUICK_QUESTIONS if options.quick else QUESTIONS
    cases = {case.name: _told(model, case, questions) for case in CASES[: 1 if options.quick else None]}
    exact = {name: _logits(model, asked, EXACT) for name, asked in cases.items()}
    for form in FORMS:
        yield _row(model, form, cases, exact)


def _told(model: DocToLoRA, case: Case, questions: int) -> Asked:
    trials = [trial for trial in case.draw(questions) if trial.told]
    chunks = [[model.chunks(text)[0] for text in trial.chunks] for trial in trials]
    made = iter(model.generate([chunk for found in chunks for chunk in found]))
    return Asked(trials, [[next(made) for _ in found] for found in chunks])


def _row(model: DocToLoRA, form: Form, cases: dict[str, Asked], exact: dict[str, Tensor]) -> Row:
    every = [lora for asked in cases.values() for loras in asked.loras for lora in loras]
    sizes = [len(form.stored(lora)) for lora in every[:: max(1, len(every) // 200)]]
    moved = [_divergence(exact[name], _logits(model, asked, form)) for name, asked in cases.items()]
    return {
        "stored as": str(form),
        "KiB": sum(sizes) / len(sizes) / 1024,
        "KL": f"{torch.cat(moved).mean().item():.1e}",
        **{name: _right(model, asked, form) for name, asked in cases.items()},
    }


def _right(model: DocToLoRA, asked: Asked, form: Form) -> str:
    """Share of exact answers in %, with its 95 % interval."""
    said: list[str] = []
    for part, merged in _parts(model, asked, form):
        said += answer(model, [[{"role": "user", "content": trial.question}] for trial in part], merged)
    right = sum(text == trial.answer for text, trial in zip(said, asked.trials, strict=True))
    low, high = wilson(right, len(said))
    return f"{100 * right / len(said):.1f} ({100 * low:.0f}-{100 * high:.0f})"


@torch.no_grad()
def _logits(model: DocToLoRA, asked: Asked, form: Form) -> Tensor:
    """Of the first token of each reply: [trials, V]."""
    found = []
    for part, merged in _parts(model, asked, form):
        for trial, lora in zip(part, merged, strict=True):
            chat = [{"role": "user", "content": trial.question}]
            prompt = model.tokenizer.apply_chat_template(
                chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
            with apply(model.base_model, lora):
                found.append(model.base_model(**prompt.to(model.base_model.device)).logits[0, -1].float())
    return torch.stack(found)


def _parts(model: DocToLoRA, asked: Asked, form: Form) -> Iterator[tuple[tuple[Trial, ...], list[LoRA]]]:
    """Some trials at a time, each with its adapters as they come back from storage, merged."""
    pairs = zip(asked.trials, asked.loras, strict=True)
    while part := list(islice(pairs, BATCH)):
        read = [[model.unpack(form.stored(lora)) for lora in loras] for _, loras in part]
        yield tuple(trial for trial, _ in part), [model.combine(loras) for loras in read]


def _divergence(exact: Tensor, found: Tensor) -> Tensor:
    """KL of each row: [trials]."""
    p, q = exact.log_softmax(-1), found.log_softmax(-1)
    return torch.nn.functional.kl_div(q, p, reduction="none", log_target=True).sum(-1)


BENCH = Bench("storage", "Adapters stored smaller", rows)
