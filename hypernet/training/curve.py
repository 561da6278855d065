"""The curve of a training run as a picture. Needs matplotlib."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def plot(curve: Path, path: Path, losses: Sequence[str], shares: Sequence[str]) -> None:
    """``losses`` and ``shares`` (in per cent) of a ``curve.jsonl`` over each stage's steps, side by side.

    A step that was judged again after a resume counts once; names that the curve lacks are left out.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    lines = list(map(json.loads, curve.read_text().splitlines()))
    stages = {
        stage: {line["step"]: line for line in lines if line["stage"] == stage} for stage in _stages(lines)
    }
    fig, panels = pyplot.subplots(1, 2, figsize=(12, 4.5))
    for panel, names, factor, label in zip(
        panels, (losses, shares), (1, 100), ("loss", "held out, %"), strict=True
    ):
        for stage, judged in stages.items():
            for name in (name for name in names if any(name in line for line in judged.values())):
                points = [(step, factor * line[name]) for step, line in judged.items() if name in line]
                said = name if len(stages) == 1 else f"{stage}: {name}"
                panel.plot(*zip(*points, strict=True), label=said, marker=".")
        panel.set(xlabel="step", ylabel=label)
        panel.legend(fontsize=8)
        panel.grid(alpha=0.3)
    fig.tight_layout()
    fig.savefig(path, dpi=110)
    pyplot.close(fig)


def _stages(lines: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(line["stage"] for line in lines))
