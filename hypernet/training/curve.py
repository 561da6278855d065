"""The curve of a training run as a picture. Needs matplotlib."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path


def plot(curve: Path, path: Path, losses: Sequence[str], shares: Sequence[str]) -> None:
    """``losses`` and ``shares`` (in per cent) of a ``curve.jsonl`` over the steps, side by side in a PNG.

    A step that was judged again after a resume counts once; names that the curve lacks are left out.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    lines = list({line["step"]: line for line in map(json.loads, curve.read_text().splitlines())}.values())
    fig, panels = pyplot.subplots(1, 2, figsize=(12, 4.5))
    for panel, names, factor, label in zip(
        panels, (losses, shares), (1, 100), ("loss", "held out, %"), strict=True
    ):
        for name in (name for name in names if name in lines[-1]):
            points = [(line["step"], factor * line[name]) for line in lines if name in line]
            panel.plot(*zip(*points, strict=True), label=name, marker=".")
        panel.set(xlabel="step", ylabel=label)
        panel.legend(fontsize=8)
        panel.grid(alpha=0.3)
    fig.tight_layout()
    fig.savefig(path, dpi=110)
    pyplot.close(fig)
