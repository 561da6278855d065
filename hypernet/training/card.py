"""The card of a trained hypernetwork, from what was measured: ``README.md`` and ``figures.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from hypernet.evaluation.scoring import wilson

_CARD = """---
library_name: parametric-memory
base_model: {base}
---

# {title}

{about}

## How it was made

`python -m hypernet.training {command}`, {steps} steps in {minutes:.0f} minutes, with

{settings}

![curve](curve.png)

## Figures

{explained}

{figures}
"""


def write(
    folder: Path,
    *,
    title: str,
    about: str,
    base: str,
    command: str,
    settings: Mapping[str, object],
    curve: Path,
    explained: str,
    figures: Mapping[str, Mapping[str, float]],
) -> None:
    """``figures`` are what ``share`` gives, or values; ``curve`` is the run's ``curve.jsonl``, of which the
    stage that comes first counts: others are for comparison."""
    lines = [json.loads(line) for line in curve.read_text().splitlines()]
    last = [line for line in lines if line["stage"] == lines[0]["stage"]][-1]
    text = _CARD.format(
        base=base,
        title=title,
        about=about,
        command=command,
        steps=last["step"],
        minutes=last["minutes"],
        settings="\n".join(f"- {name}: {value}" for name, value in settings.items()),
        explained=explained,
        figures=_table(figures),
    )
    (folder / "README.md").write_text(text)
    (folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")


def share(right: Sequence[bool]) -> dict[str, float]:
    """How many of the questions are right, as a share with its 95 % interval."""
    low, high = wilson(sum(right), len(right))
    return {"questions": len(right), "share": sum(right) / len(right), "low": low, "high": high}


def _table(figures: Mapping[str, Mapping[str, float]]) -> str:
    rows = ["| | measured | questions |", "|---|---|---|"]
    for name, figure in figures.items():
        if "share" in figure:
            low, high = 100 * figure["low"], 100 * figure["high"]
            measured = f"{100 * figure['share']:.1f} % ({low:.0f}-{high:.0f})"
        else:
            measured = f"{figure['value']:.3g}"
        rows.append(f"| {name} | {measured} | {figure['questions']:.0f} |")
    return "\n".join(rows)
