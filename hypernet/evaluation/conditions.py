"""Evaluation conditions: the same questions to the same base model, with the facts shown in different ways.

=================  ========================================================================
no memory          the question alone
wrong adapter      the adapter of another trial: somebody else's memory
full context       all that was told in the prompt, where the window holds it
retrieved text     the k nearest chunks in the prompt: plain RAG
adapter            all chunks' adapters merged, and no text
selected adapters  the adapters of the k nearest chunks merged, and no text
adapter + text     the selected adapters, and their text in the prompt as well
=================  ========================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import torch

from hypernet.doc_to_lora import DocToLoRA
from hypernet.evaluation.retrieval import Embed, nearest
from hypernet.evaluation.trials import Trial
from hypernet.lora.adapter import LoRA
from hypernet.lora.inject import apply

CONDITIONS = (
    "no memory",
    "wrong adapter",
    "full context",
    "retrieved text",
    "adapter",
    "selected adapters",
    "adapter + text",
)
MOST_MERGED = 64  # chunks; what a history of more is merged to is not asked for
NEW_TOKENS = 24
_BATCH = 32

Prompt = list[dict[str, str]]


class Bench:
    """A model, and the adapters of every chunk it has been told, each made once."""

    def __init__(self, model: DocToLoRA, embed: Embed, *, retrieved: int = 4) -> None:
        self.model, self.embed, self.retrieved = model, embed, retrieved
        self._made: dict[str, list[LoRA]] = {}
        self._window = int(model.base_model.config.get_text_config().max_position_embeddings)

    def answers(self, trials: Sequence[Trial], condition: str) -> list[tuple[str, str]]:
        """(said, right answer) of the trials that the condition can be asked of; none where none can."""
        asked = (turn for turn in _ASKERS[condition](self, trials) if self._fits(turn[1]))
        pairs = []
        while batch := list(islice(asked, _BATCH)):  # merged adapters of long histories are large
            said = answer(self.model, [prompt for _, prompt, _ in batch], [lora for *_, lora in batch])
            pairs += [(text, trial.answer) for text, (trial, *_) in zip(said, batch, strict=True)]
        return pairs

    def internalize(self, chunks: Sequence[str]) -> LoRA:
        """All chunks' adapters merged, the bias adapter once."""
        new = [text for text in dict.fromkeys(chunks) if text not in self._made]
        windows = [self.model.chunks(text) for text in new]
        made = iter(self.model.generate([window for parts in windows for window in parts]))
        for text, parts in zip(new, windows, strict=True):
            self._made[text] = [next(made) for _ in parts]
        return self.model.combine([lora for text in chunks for lora in self._made[text]])

    def forget(self) -> None:
        """Drop the adapters made so far: cases share none."""
        self._made.clear()

    def _nearest(self, trial: Trial) -> list[str]:
        return [trial.chunks[i] for i in nearest(self.embed, trial.question, trial.chunks, self.retrieved)]

    def _fits(self, prompt: Prompt) -> bool:
        ids = self.model.tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=False)
        return len(ids) + NEW_TOKENS <= self._window


Asked = Iterator[tuple[Trial, Prompt, LoRA | None]]


def _no_memory(_: Bench, trials: Sequence[Trial]) -> Asked:
    for trial in trials:
        yield trial, _prompt(trial), None


def _wrong_adapter(bench: Bench, trials: Sequence[Trial]) -> Asked:
    others = [other for other in trials if len(other.chunks) <= MOST_MERGED]
    for trial in trials:
        other = next((o for o in others if not set(o.chunks) & set(trial.chunks)), None)
        if other:
            others.append(others.pop(others.index(other)))
            yield trial, _prompt(trial), bench.internalize(other.chunks)


def _full_context(_: Bench, trials: Sequence[Trial]) -> Asked:
    for trial in trials:
        yield trial, _prompt(trial, trial.chunks), None


def _retrieved_text(bench: Bench, trials: Sequence[Trial]) -> Asked:
    for trial in trials:
        yield trial, _prompt(trial, bench._nearest(trial)), None


def _adapter(bench: Bench, trials: Sequence[Trial]) -> Asked:
    for trial in trials:
        if len(trial.chunks) <= MOST_MERGED:
            yield trial, _prompt(trial), bench.internalize(trial.chunks)


def _selected_adapters(bench: Bench, trials: Sequence[Trial]) -> Asked:
    for trial in trials:
        yield trial, _prompt(trial), bench.internalize(bench._nearest(trial))


def _adapter_and_text(bench: Bench, trials: Sequence[Trial]) -> Asked:
    for trial in trials:
        near = bench._nearest(trial)
        yield trial, _prompt(trial, near), bench.internalize(near)


_ASKERS: dict[str, Callable[[Bench, Sequence[Trial]], Asked]] = dict(
    zip(
        CONDITIONS,
        (
            _no_memory,
            _wrong_adapter,
            _full_context,
            _retrieved_text,
            _adapter,
            _selected_adapters,
            _adapter_and_text,
        ),
        strict=True,
    )
)


def _prompt(trial: Trial, texts: Sequence[str] = ()) -> Prompt:
    told = [{"role": "system", "content": "\n".join(texts)}] if texts else []
    return [*told, {"role": "user", "content": trial.question}]


@torch.no_grad()
def answer(
    model: DocToLoRA,
    prompts: Sequence[Prompt],
    loras: Sequence[LoRA | None],
    max_new_tokens: int = NEW_TOKENS,
) -> list[str]:
    """Greedy answers to one batch of chats, each under its own adapter or none."""
    tokenizer, base = model.tokenizer, model.base_model
    inputs = tokenizer.apply_chat_template(
        list(prompts), add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True
    ).to(base.device)
    with apply(base, list(loras)):
        out = base.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False)
    new = out[:, inputs["input_ids"].size(1) :]
    return [text.strip() for text in tokenizer.batch_decode(new, skip_special_tokens=True)]
