"""The losses of a step: finding rows, saying answers, keeping still where no memory is concerned.

Axes: K counted places, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from hypernet.training.packed import Turn, logits_of
from hypernet.training.recipe.own import Own
from hypernet.training.recipe.passes import Passed, Passes
from hypernet.training.recipe.rows import Rows, Sums
from hypernet.training.recipe.sheets import Sheet
from hypernet.training.recipe.stages import StageRow


def stage_losses(passes: Passes, sheet: Sheet, stage: StageRow, own: Own) -> dict[str, Tensor]:
    """The weighted losses of a sheet, each a mean over its places."""
    parts: dict[str, list[tuple[Tensor, Tensor]]] = {}
    with torch.autocast(passes.device.type, torch.bfloat16, enabled=passes.base.dtype != torch.float32):
        bank = passes.bank(sheet.texts)
        lengths = list(map(len, sheet.texts))
        for some in passes.by_length(sheet.rows):
            rows = [sheet.rows[i] for i in some]
            memories = bank.merged([sheet.groups[i] for i in some], lengths)
            passed = passes.answered(rows, memories, tune=stage.tuned, speak=stage.say > 0)
            turns = [turn for row in rows for turn in row]
            for name, found in _places(passes, passed, memories, turns, stage, own).items():
                parts.setdefault(name, []).append(found)
    weights = {"find": stage.find, "quiet": stage.quiet, "say": stage.say, "keep": stage.keep}
    losses = {}
    for name, sides in parts.items():
        total, counts = (torch.stack(side).sum() for side in zip(*sides, strict=True))
        losses[name] = weights[name] * total / counts.clamp_min(1e-6)
    return losses


def _places(
    passes: Passes, passed: Passed, memories: Rows, turns: Sequence[Turn], stage: StageRow, own: Own
) -> dict[str, tuple[Tensor, Tensor]]:
    """Of each loss the weighted sum over these turns' places, and the sum of weights."""
    counted, device = passed.packed.counted, passes.device
    wanted, first = wanted_tokens(turns, device)
    weights = torch.where(first, stage.first, 1.0)
    found: dict[str, tuple[Tensor, Tensor]] = {}
    line = counted.nonzero(as_tuple=True)[0]
    for scores in passed.scores.values():
        sums = Sums.of(scores[:, :-1][counted], memories.tokens[line], wanted)
        losses = F.cross_entropy(sums.logits, sums.target, reduction="none")
        layers = len(passed.scores)
        found["find"] = _plus(found.get("find"), (losses * weights).sum() / layers, weights.sum() / layers)
        found["quiet"] = _plus(
            found.get("quiet"), sums.noise.sum() / layers, weights.new_tensor(len(losses)) / layers
        )
    if not stage.say:
        return found
    alone = torch.tensor([turn.own for turn in turns for _ in turn.ids[turn.start :]], device=device)
    logits = logits_of(passes.base, passed.states[:, :-1][counted])
    weights = weights * ~alone
    losses = F.cross_entropy(logits, passed.packed.targets, reduction="none")
    found["say"] = ((losses * weights).sum(), weights.sum())
    if stage.keep and any(turn.own for turn in turns):
        with torch.no_grad():
            expected = own.logits(passes, [turn for turn in turns if turn.own]).log_softmax(-1)
        said = logits[alone].log_softmax(-1)
        found["keep"] = (F.kl_div(said, expected, reduction="sum", log_target=True), alone.sum())
    return found


def wanted_tokens(turns: Sequence[Turn], device: torch.device) -> tuple[Tensor, Tensor]:
    """For each place: the token whose row should be found, -1 for none, and whether an answer begins here."""
    wanted, first = [], []
    for turn in turns:
        answer = turn.ids[turn.start :]
        wanted += [*answer[:-1], -1] if turn.told else [-1] * len(answer)
        first += [True, *[False] * (len(answer) - 1)]
    return torch.tensor(wanted, device=device), torch.tensor(first, device=device)


def _plus(one: tuple[Tensor, Tensor] | None, total: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    return (total, count) if one is None else (one[0] + total, one[1] + count)
