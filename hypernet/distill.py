"""Context distillation: an adapter for a text by gradient descent, for any causal LM, without a hypernetwork.

    python -m hypernet.distill --base hypernet/reference/base --text notes.txt --folder runs/notes

The base with the text in its prompt teaches the same base with the adapter and no text: KL between their next
words, on replies of the teacher's own. What is practised are questions that are given, or that the base is
asked to write about the text, or else the text itself, told from its first half on.

The price: a hypernetwork makes an adapter in one forward pass; this takes hundreds of passes forward and
backward for each text, seconds on a small model and minutes on a large one. It is the baseline that the
hypernetwork is measured against, and the way for a base model that has none.
Axes: N rows, T tokens, V vocabulary, L base layers, R rank.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import torch.nn.functional as F
import typer
from jinja2 import TemplateError
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from hypernet.backbones import bases
from hypernet.backbones.encoder import pad
from hypernet.lora.adapter import LoRA
from hypernet.lora.inject import apply_factors, target_layers

ASK = "Write {count} short questions that this text answers, one a line, and nothing else."
SCALING = 2.0
_WARMUP = 0.1  # share of the steps


@dataclass(frozen=True)
class Lesson:
    """The same reply after two prompts: ids of what the teacher reads, what the pupil reads, the reply."""

    taught: list[int]
    asked: list[int]
    reply: list[int]


def distill(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    text: str,
    *,
    questions: Sequence[str] | None = None,
    rank: int = 8,
    target_modules: Sequence[str] = ("down_proj",),
    steps: int = 200,
    batch: int = 8,
    lr: float = 1e-2,
    reply_tokens: int = 48,
    seed: int = 0,
    progress: bool = True,
) -> LoRA:
    """An adapter with which the frozen model answers as if it had read ``text``; the model is left as it is.

    ``questions`` are practised where given; None has the model write some, and where it writes none, and for
    an empty list, the text itself is practised. One seed gives one adapter on one machine. Raises ValueError
    for blank text, a text too long for the model's window, and a module that it does not have.
    """
    if not text.strip():
        raise ValueError("cannot make an adapter of blank text")
    lessons = _lessons(model, tokenizer, text.strip(), questions, reply_tokens)
    factors = _fresh(model, target_modules, rank, seed)
    learned = [t for pair in factors.values() for t in pair]
    optimizer = torch.optim.AdamW(learned, lr=lr, weight_decay=0.0)
    draw = torch.Generator().manual_seed(seed)
    taught = [_teacher(model, lesson) for lesson in lessons]
    bar = tqdm(range(steps), desc="distil", unit="step", disable=not progress or not sys.stderr.isatty())
    for step in bar:
        chosen = torch.randperm(len(lessons), generator=draw)[:batch].tolist()
        loss = _loss(model, factors, [lessons[i] for i in chosen], [taught[i] for i in chosen])
        for tensor, slope in zip(learned, torch.autograd.grad(loss, learned), strict=True):
            tensor.grad = slope  # of these alone: the model's own weights get none
        optimizer.param_groups[0]["lr"] = lr * _pace(step / steps)
        optimizer.step()
        bar.set_postfix(kl=f"{loss.item():.3f}")
    return LoRA(
        {m: a.detach()[0] for m, (a, _) in factors.items()},
        {m: b.detach()[0] for m, (_, b) in factors.items()},
        SCALING,
    )


def _pace(done: float) -> float:
    """The learning rate's share of its peak: up in the first tenth, then down in a line."""
    return min(done / _WARMUP + 0.1, 1.05 * (1 - done) + 0.05, 1.0)


def _lessons(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    text: str,
    questions: Sequence[str] | None,
    reply_tokens: int,
) -> list[Lesson]:
    if questions is None:
        questions = write_questions(model, tokenizer, text)
    told = [_asked(model, tokenizer, text, question, reply_tokens) for question in questions]
    return [lesson for lesson in told if lesson.reply] or [_continued(model, tokenizer, text)]


@torch.no_grad()
def write_questions(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, text: str, count: int = 16
) -> list[str]:
    """What the model itself asks about the text; none where it writes no line that ends like a question."""
    prompt = _prompt(tokenizer, f"{text}\n\n{ASK.format(count=count)}")
    said = tokenizer.decode(_reply(model, tokenizer, prompt, 32 * count), skip_special_tokens=True)
    lines = [line.strip(" \t-*0123456789.)") for line in said.splitlines()]
    return list(dict.fromkeys(line for line in lines if line.endswith("?")))[:count]


def _asked(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, text: str, question: str, most: int
) -> Lesson:
    taught = _prompt(tokenizer, question, text)
    return Lesson(taught, _prompt(tokenizer, question), _reply(model, tokenizer, taught, most))


def _continued(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, text: str) -> Lesson:
    """The text told again: after itself for the teacher, from nothing for the pupil."""
    ids = _ids(tokenizer, text)
    start = _ids(tokenizer, tokenizer.bos_token or "\n") or ids[:1]
    lesson = Lesson([*start, *ids, *start], start, ids)
    _require_room(model, lesson.taught, len(ids))
    return lesson


def _prompt(tokenizer: PreTrainedTokenizerBase, question: str, text: str = "") -> list[int]:
    """Ids of a chat that asks, with the text before the question."""
    if not tokenizer.chat_template:
        said = f"{text}\n\n{question}\n" if text else f"{question}\n"
        return _ids(tokenizer, said)
    system = [{"role": "system", "content": text}] if text else []
    try:
        return _chat(tokenizer, [*system, {"role": "user", "content": question}])
    except TemplateError:  # some templates know no system role
        return _chat(tokenizer, [{"role": "user", "content": f"{text}\n\n{question}"}])


def _chat(tokenizer: PreTrainedTokenizerBase, said: list[dict[str, str]]) -> list[int]:
    ids: list[int] = tokenizer.apply_chat_template(said, add_generation_prompt=True, return_dict=False)
    return list(ids)


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids


@torch.no_grad()
def _reply(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompt: list[int], most: int
) -> list[int]:
    """The model's greedy reply to a prompt, its end token included."""
    _require_room(model, prompt, 1)
    most = min(most, _window(model) - len(prompt))
    ids = torch.tensor([prompt], device=model.device)
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=most,
        do_sample=False,
        pad_token_id=tokenizer.pad_token_id or 0,
    )
    reply: list[int] = out[0, len(prompt) :].tolist()
    return reply


def _window(model: PreTrainedModel) -> int:
    return int(model.config.get_text_config().max_position_embeddings)


def _require_room(model: PreTrainedModel, ids: Sequence[int], more: int) -> None:
    if len(ids) + more > _window(model):
        raise ValueError(
            f"the text with its question has {len(ids)} tokens, the model reads {_window(model)}: "
            "distil it in parts, and merge the adapters"
        )


def _fresh(
    model: PreTrainedModel, modules: Sequence[str], rank: int, seed: int
) -> dict[str, tuple[Tensor, Tensor]]:
    """Factors as LoRA starts them: A [1, L, R, d_in] normal, std d_in ** -0.5; B [1, L, R, d_out] zero."""
    draw, factors = torch.Generator().manual_seed(seed), {}
    for module in sorted(modules):
        layers = target_layers(model, module)
        d_in, d_out = layers[0].in_features, layers[0].out_features
        a = torch.randn(1, len(layers), rank, d_in, generator=draw) * d_in**-0.5
        b = torch.zeros(1, len(layers), rank, d_out)
        factors[module] = (a.to(model.device).requires_grad_(), b.to(model.device).requires_grad_())
    return factors


@torch.no_grad()
def _teacher(model: PreTrainedModel, lesson: Lesson) -> Tensor:
    """Log chances of each token of the reply, with the text in the prompt: [reply, V], kept on the CPU.

    In the model's own precision, for large vocabularies.
    """
    return _said(model, [lesson.taught], [lesson.reply])[0].log_softmax(-1).to("cpu", model.dtype)


def _loss(
    model: PreTrainedModel,
    factors: dict[str, tuple[Tensor, Tensor]],
    lessons: Sequence[Lesson],
    taught: Sequence[Tensor],
) -> Tensor:
    """Mean KL from the teacher over the replies' tokens."""
    with apply_factors(model, factors, SCALING):
        said = _said(model, [lesson.asked for lesson in lessons], [lesson.reply for lesson in lessons])
    found = torch.cat(said).log_softmax(-1)
    wanted = torch.cat(list(taught)).to(found.device, torch.float32)
    return F.kl_div(found, wanted, reduction="batchmean", log_target=True)


def _said(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], replies: Sequence[Sequence[int]]
) -> list[Tensor]:
    """Logits from which each token of the replies is chosen: [reply, V] a row, in float32."""
    rows = [[*prompt, *reply[:-1]] for prompt, reply in zip(prompts, replies, strict=True)]
    ids, _ = pad(rows, model.device)  # causal: padding on the right changes nothing before it
    logits = model(input_ids=ids, use_cache=False).logits
    return [
        logits[i, len(prompt) - 1 : len(prompt) - 1 + len(reply)].float()
        for i, (prompt, reply) in enumerate(zip(prompts, replies, strict=True))
    ]


def main(
    base: Annotated[str, typer.Option(help="The frozen causal LM: a folder, or a hub id.")],
    text: Annotated[Path, typer.Option(help="A file with the text, in UTF-8.")],
    folder: Annotated[Path, typer.Option(help="The adapter, as a PEFT folder.")] = Path("runs/distilled"),
    question: Annotated[
        list[str] | None,
        typer.Option(help="What to practise, as often as wanted; else the model asks itself."),
    ] = None,
    rank: Annotated[int, typer.Option(min=1)] = 8,
    modules: Annotated[str, typer.Option(help="What to adapt, with commas between.")] = "down_proj",
    steps: Annotated[int, typer.Option(min=1)] = 200,
    lr: Annotated[float, typer.Option()] = 1e-2,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Distil a text into an adapter by gradient descent. Slow: hundreds of passes for this one text."""
    device = bases.default_device()
    try:
        if folder.exists() and not folder.is_dir():
            raise FileExistsError(f"{folder} is a file; the adapter is written as a folder")
        model = bases.load_model(base, device, bases.default_dtype(device))
        lora = distill(
            model,
            bases.load_tokenizer(base),
            text.read_text(encoding="utf-8"),
            questions=question,
            rank=rank,
            target_modules=[name.strip() for name in modules.split(",")],
            steps=steps,
            lr=lr,
            seed=seed,
        )
        lora.save_pretrained(folder, base_model_name=base)
    except (OSError, ValueError) as error:
        typer.echo(f"distill: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(1) from error
    typer.echo(str(folder))


if __name__ == "__main__":
    typer.run(main)
