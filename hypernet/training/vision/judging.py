"""What pictures in weights are worth: a text-only base asked about pictures that it was never shown.

======================  =====================================================================
picture in weights      the picture's adapter, and the question alone
choices scored          the same, and of the classes the likeliest: none is written
with choices named      the same, written, "Choose exactly one of ..." behind the question
caption in weights      the adapter of the caption instead: what text recall leaves to be had
picture in the prompt   the image-text model itself: the picture's tokens before the question
no memory               the question alone
no memory, scored       the question alone, and of the classes the likeliest
======================  =====================================================================
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from hypernet.backbones.likelihood import Answered, likelihoods
from hypernet.backbones.patches import PatchSight
from hypernet.doc_to_lora import DocToLoRA
from hypernet.evaluation.conditions import answer
from hypernet.evaluation.scoring import Figure, score
from hypernet.lora.adapter import LoRA
from hypernet.training.vision.gallery import (
    CHOICES,
    HELD_OUT,
    SEEN,
    Shown,
    choice,
    held_out_digits,
    question,
    scene,
)

IN_WEIGHTS, SCORED, CHOSEN, OF_CAPTION, IN_PROMPT, NOTHING, GUESSED = CONDITIONS = (
    "picture in weights",
    "choices scored",
    "with choices named",
    "caption in weights",
    "picture in the prompt",
    "no memory",
    "no memory, scored",
)
_AT_ONCE = 32
_LONGEST = 8  # tokens of an answer
_SLOT = "HERE-STANDS-THE-PICTURE"


def cases(scenes: int, digits: int | None = None) -> dict[str, list[Shown]]:
    """Held-out digits, all of them by default, and scenes that were never drawn before."""
    rng = np.random.default_rng(20)
    return {
        "digits": held_out_digits()[:digits],
        "scenes": [scene(rng, SEEN) for _ in range(scenes)],
        "scenes, pairs never seen": [scene(rng, HELD_OUT) for _ in range(scenes)],
    }


def judge(model: DocToLoRA, pictures: dict[str, list[Shown]]) -> list[Figure]:
    """Exact match of free answers, for each case and kind of question, under every condition."""
    figures = []
    for name, shown in pictures.items():
        for kind in shown[0].facts:
            right = [each.facts[kind] for each in shown]
            for condition, said in _said(model, shown, kind).items():
                pairs = list(zip(said, right, strict=True))
                figures.append(score(f"{name}: {kind}", condition, pairs, chance=1 / len(CHOICES[kind])))
    return figures


def said_of(model: DocToLoRA, shown: Sequence[Shown], kind: str) -> list[str]:
    """What the base answers from pictures in its weights."""
    return _recalled(model, _adapters(model, shown), question(kind))


def _adapters(model: DocToLoRA, shown: Sequence[Shown]) -> list[LoRA]:
    return model.generate([model.sight.turn([each.image]) for each in shown])


def _said(model: DocToLoRA, shown: Sequence[Shown], kind: str) -> dict[str, list[str]]:
    """Each condition's answers to one kind of question about all pictures."""
    asked = question(kind)
    said: dict[str, list[str]] = {name: [] for name in CONDITIONS}
    for start in range(0, len(shown), _AT_ONCE):
        few = shown[start : start + _AT_ONCE]
        seen = _adapters(model, few)
        told = [model.chunks(each.caption)[0] for each in few]
        said[IN_WEIGHTS] += _recalled(model, seen, asked)
        said[SCORED] += [_likeliest(model, lora, kind) for lora in seen]
        said[CHOSEN] += _recalled(model, seen, choice(kind))
        said[OF_CAPTION] += _recalled(model, model.generate(told), asked)
        said[IN_PROMPT] += _shown(model, few, asked)
        said[NOTHING] += answer(model, [_prompt(asked)] * len(few), [None] * len(few), _LONGEST)
        said[GUESSED] += [_likeliest(model, None, kind)] * len(few)
    return said


def _recalled(model: DocToLoRA, loras: Sequence[LoRA], asked: str) -> list[str]:
    merged = [model.combine([lora]) for lora in loras]
    return answer(model, [_prompt(asked)] * len(merged), merged, _LONGEST)


def _likeliest(model: DocToLoRA, lora: LoRA | None, kind: str) -> str:
    """The class whose tokens, and the end of the reply behind them, are likeliest in mean."""
    merged = None if lora is None else model.combine([lora])
    asked = _prompt(question(kind))
    prompt = _ids(model, asked, reply_follows=True)
    rows = []
    for each in CHOICES[kind]:
        said = {"role": "assistant", "content": model.answer_opening + each}
        whole = _ids(model, [*asked, said], reply_follows=False)
        rows.append(Answered(prompt, whole[len(prompt) :], merged))
    found = [one.mean for one in likelihoods(model.base_model, rows)]
    return CHOICES[kind][found.index(max(found))]


def _ids(model: DocToLoRA, turns: list[dict[str, str]], *, reply_follows: bool) -> list[int]:
    templated = model.tokenizer.apply_chat_template
    return list(templated(turns, add_generation_prompt=reply_follows, return_dict=False))


def _prompt(asked: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": asked}]


@torch.no_grad()
def _shown(model: DocToLoRA, shown: Sequence[Shown], asked: str) -> list[str]:
    """The base with the pictures' tokens where a text told in the prompt would stand: its system turn."""
    assert isinstance(model.sight, PatchSight)
    sight, words = model.sight, model.base_model.get_input_embeddings()
    turns = [{"role": "system", "content": _SLOT}, *_prompt(asked)]
    rendered = model.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    before, _, behind = rendered.partition(_SLOT)
    edges = [
        words(torch.tensor([model.tokenizer(part, add_special_tokens=False)["input_ids"]]))
        for part in (before.rstrip(" "), behind)
    ]
    opening, closing = (edge.expand(len(shown), -1, -1) for edge in edges)
    tokens = sight.tokens(sight.encoder.pixels([each.image for each in shown]))
    out = model.base_model.generate(
        inputs_embeds=torch.cat([opening, tokens, closing], dim=1),
        max_new_tokens=_LONGEST,
        do_sample=False,
        pad_token_id=model.tokenizer.pad_token_id,
    )
    return [text.strip() for text in model.tokenizer.batch_decode(out, skip_special_tokens=True)]
