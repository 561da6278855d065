"""How well is remembered on the way: a line for each kind of text and question, always the same questions.

Values, owners and half of the phrasings of the made-up facts are held out from training, and so are the
texts of files. Answers are judged teacher-forced, which equals greedy decoding.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from hypernet.training.data.examples import Example, of_group
from hypernet.training.packed import Turn, logits_of
from hypernet.training.recipe.losses import wanted_tokens
from hypernet.training.recipe.passes import Passes
from hypernet.training.recipe.rows import Sums
from hypernet.training.recipe.sheets import QUESTIONS, Part, Scribe, Sheet, sheet
from hypernet.training.recipe.stages import StageRow
from hypernet.world.facts import FactWorld
from hypernet.world.sayings import Sayings

UNKNOWN = "unknown"
_SEED = 78_000
# What a line is called: chunks, facts in each, whether all are of one kind, and questions a group.
WORLD = {
    "1 fact": (1, 1, False, 1),
    "6 facts": (1, 6, False, 6),
    "4 of a kind": (1, 4, True, 4),
    "8 merged": (8, 1, True, 8),
    "64 merged": (64, 1, True, 24),
}


def exams(scribe: Scribe, kept: Sequence[Example], questions: int) -> dict[str, Sheet]:
    """A sheet for each kind with about so many questions, and one for each group that no text answers."""
    world, sayings, rng = FactWorld("heldout", _SEED), Sayings("heldout", _SEED), random.Random(_SEED)
    groups: dict[str, list[Example]] = {}
    for name, (chunks, facts, same_kind, asked) in WORLD.items():
        count = max(1, questions // asked)
        groups[name] = [of_group(world.group(chunks, facts, same_kind=same_kind)) for _ in range(count)]
    said = (of_group(sayings.group()) for _ in range(questions // 2))
    groups["sayings"] = [example for example in said if example.qa]
    for example in kept:
        groups.setdefault(example.kind or "files", []).append(example)
    most = {name: shape[3] for name, shape in WORLD.items()}
    found = {}
    for name, examples in groups.items():
        parts = [_part(scribe, example, most.get(name, QUESTIONS), rng) for example in examples]
        some = _about(parts, questions)
        found[name] = sheet(some, [[i] for i in range(len(some))])
    return found


class Judge:
    """Figures of a stage: of each kind the share of told questions whose whole answer is found, or where the
    stage speaks said; ``unknown`` the share of others that are left alone, or refused."""

    def __init__(self, passes: Passes, sheets: Mapping[str, Sheet], stage: StageRow) -> None:
        self.passes, self.sheets, self.stage = passes, sheets, stage

    def __call__(self) -> dict[str, float]:
        return {name: sum(right) / len(right) for name, right in self.answers().items()}

    @torch.no_grad()
    def answers(self) -> dict[str, list[bool]]:
        """Of each kind, whether each question is right."""
        found: dict[str, list[bool]] = {}
        refused: list[bool] = []
        for name, one in self.sheets.items():
            right, turns = self._right(one)
            found[name] = [r for r, turn in zip(right, turns, strict=True) if turn.told]
            refused += [r for r, turn in zip(right, turns, strict=True) if not turn.told]
        return {name: right for name, right in {**found, UNKNOWN: refused}.items() if right}

    def _right(self, one: Sheet) -> tuple[list[bool], list[Turn]]:
        passes, stage = self.passes, self.stage
        right, turns = [], []
        with torch.autocast(passes.device.type, torch.bfloat16, enabled=passes.base.dtype != torch.float32):
            bank, lengths = passes.bank(one.texts), list(map(len, one.texts))
            for some in passes.by_length(one.rows):
                rows = [one.rows[i] for i in some]
                memories = bank.merged([one.groups[i] for i in some], lengths)
                passed = passes.answered(rows, memories, tune=stage.tuned, speak=stage.say > 0)
                these = [turn for row in rows for turn in row]
                counted = passed.packed.counted
                if stage.say:
                    logits = logits_of(passes.base, passed.states[:, :-1][counted])
                    hit = logits.argmax(-1) == passed.packed.targets
                else:
                    line = counted.nonzero(as_tuple=True)[0]
                    wanted, _ = wanted_tokens(these, passes.device)
                    hit = torch.ones_like(wanted, dtype=torch.bool)
                    for scores in passed.scores.values():
                        sums = Sums.of(scores[:, :-1][counted], memories.tokens[line], wanted)
                        hit &= (sums.logits.argmax(-1) == sums.target) & ((sums.target > 0) | (wanted < 0))
                right += _whole(hit, passed.packed.turn, len(these))
                turns += these
        return right, turns


def _whole(hit: Tensor, turn: Tensor, turns: int) -> list[bool]:
    """Whether each turn is right at all of its places."""
    return (torch.bincount(turn[~hit], minlength=turns) == 0).tolist()


def _part(scribe: Scribe, example: Example, most: int, rng: random.Random) -> Part:
    told = rng.sample(example.qa, min(most, len(example.qa)))
    return scribe.part(example, told, example.unknown[:1], [])


def _about(parts: Sequence[Part], questions: int) -> list[Part]:
    """The first parts that together hold so many told questions."""
    found, asked = [], 0
    for part in parts:
        if asked >= questions:
            break
        found.append(part)
        asked += sum(turn.told for turn in part.turns)
    return found
