"""The stages of the recipe as a table: what each trains, on what, for how long. Data only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StageRow:
    """One stage. What its columns mean:

    =========  ======================================================================================
    share      of all steps
    tuned      whether the base's LoRA is trained along; without it nothing needs a gradient in the base
    find       weight of finding each answer token's row, by the sums of scores, among the merged rows
    say        weight of cross-entropy of the answers over the whole vocabulary; 0: no block above the
               written layers runs
    keep       weight of the divergence from the base by itself, in replies to what no memory concerns
    quiet      weight of the squared scores of rows that have nothing to do with the answer token
    first      how much more than the others an answer's first token counts: they follow from it
    unknown    share of groups asked what nothing told answers
    own        share of groups asked what no memory concerns: small talk, arithmetic, what all know
    company    share of groups merged with others that answer none of its questions
    merged     the most chunks that are merged
    =========  ======================================================================================
    """

    name: str
    share: float
    tuned: bool
    find: float
    say: float
    keep: float
    quiet: float
    first: float
    unknown: float
    own: float
    company: float
    merged: int


# fmt: off
MEMORY = (
    #         name     share tuned  find say  keep quiet first unknown own  company merged
    StageRow("find",   0.15, False, 1.0, 0.0, 0.0, 3e-4, 4.0,  0.3,    0.0, 0.3,    8),
    StageRow("tune",   0.30, True,  1.0, 0.0, 0.0, 3e-4, 4.0,  0.3,    0.0, 0.3,    8),
    StageRow("speak",  0.35, True,  0.3, 1.0, 0.5, 1e-4, 3.0,  0.3,    0.2, 0.3,    8),
    StageRow("merge",  0.20, True,  0.3, 1.0, 0.5, 1e-4, 3.0,  0.4,    0.3, 0.5,   64),
)
# fmt: on
RECIPES = {"memory": MEMORY}


def steps_of(rows: tuple[StageRow, ...], total: int) -> list[int]:
    """How many of all steps each stage takes, at least one."""
    whole = sum(row.share for row in rows)
    return [max(1, round(row.share / whole * total)) for row in rows]
