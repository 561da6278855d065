"""What the base says by itself to what no memory concerns: its own greedy replies, to be kept as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from hypernet.training.packed import Turn, logits_of
from hypernet.training.recipe.passes import Passes
from hypernet.training.recipe.sheets import Scribe
from hypernet.world.small_talk import SmallTalk

REPLY = 24  # tokens at most: how a reply begins decides the rest
_BATCH = 64


@dataclass(frozen=True)
class Own:
    """Turns whose replies are the base's own, and its decoder's ``outputs`` at their tokens, from which its
    distribution follows; ``first`` says where each turn's begin."""

    turns: list[Turn]
    outputs: Tensor
    first: dict[tuple[int, ...], int]

    def logits(self, passes: Passes, turns: Sequence[Turn]) -> Tensor:
        """What the base by itself expects at each token of these turns' replies: [K, V]."""
        starts = [(self.first[tuple(turn.ids)], len(turn.ids) - turn.start) for turn in turns]
        outputs = torch.cat([self.outputs[start : start + count] for start, count in starts])
        return logits_of(passes.base, outputs.to(passes.device, passes.base.dtype))


@torch.no_grad()
def own_replies(passes: Passes, scribe: Scribe, count: int, seed: int, file: Path) -> Own:
    """Replies to ``count`` requests, made once and kept in ``file``."""
    if not file.exists():
        turns = _replies(passes, scribe, SmallTalk(seed).requests(count))
        part = file.with_suffix(".part")
        torch.save([(turn.ids, turn.start) for turn in turns], part)
        part.replace(file)
    turns = [Turn(ids, start, told=False, own=True) for ids, start in torch.load(file, weights_only=True)]
    outputs, first, at = [], {}, 0
    for begin in range(0, len(turns), _BATCH):
        rows = [[turn] for turn in turns[begin : begin + _BATCH]]
        passed = passes.answered(rows, None, tune=False, speak=True)
        outputs.append(passed.states[:, :-1][passed.packed.counted].bfloat16())
        for (turn,) in rows:
            first[tuple(turn.ids)] = at
            at += len(turn.ids) - turn.start
    return Own(turns, torch.cat(outputs), first)


def _replies(passes: Passes, scribe: Scribe, requests: Sequence[str]) -> list[Turn]:
    base, found = passes.base, []
    opened = sorted((scribe.chat.opened(request) for request in requests), key=len)
    for begin in range(0, len(opened), _BATCH):
        some = opened[begin : begin + _BATCH]
        width = max(map(len, some))
        ids = torch.tensor([[0] * (width - len(one)) + one for one in some], device=passes.device)
        mask = torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in some], device=passes.device)
        end = scribe.chat.tokenizer.eos_token_id
        said = base.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=REPLY,
            do_sample=False,
            eos_token_id=end,
            pad_token_id=end,
        )[:, width:].tolist()
        for before, reply in zip(some, said, strict=True):
            ended = reply[: reply.index(end) + 1] if end in reply else reply
            found.append(Turn(before + ended, len(before)))
    return found
