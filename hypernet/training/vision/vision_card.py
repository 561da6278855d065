"""The card of a patch encoder: its figures, its curve, and pictures with what was answered about them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from hypernet.backbones import patches
from hypernet.doc_to_lora import DocToLoRA
from hypernet.evaluation.drawing import markdown
from hypernet.evaluation.scoring import Figure
from hypernet.training import curve
from hypernet.training.vision.gallery import HELD_OUT, Shown, question
from hypernet.training.vision.judging import CONDITIONS, said_of

_CARD = """---
license: apache-2.0
library_name: parametric-memory
---

# Pictures for the reference model

A patch encoder ({millions:.1f} M parameters) in front of the reference base. It makes {tokens} tokens of a
picture, whatever its size, squeezed into {side} x {side} pixels, and the hypernetwork, which was trained
on text alone, reads what the base makes of them. It knows handwritten digits and drawn shapes of one
color; of photographs it understands nothing.

`python -m hypernet.training vision`, {steps} steps in {minutes:.0f} minutes on a busy CPU, on scikit-learn's
digits (all but every fourth of a class) and drawn scenes (all but {held_out} of 48 pairs of color and shape).
Base and hypernetwork were frozen, and the hypernetwork took no part.

{figures}

Exact match of the whole answer in %, free generation, greedy, with 95 % intervals, as
`python -m hypernet.training judge-vision` measures it again. "Choices scored" is the picture in weights, and
the likeliest of the classes; "with choices named" writes, and has "Choose exactly one of ..." and the classes
behind the question. "Caption in weights" is the adapter of
"The picture's color is red. The picture's shape is star. The picture's number is two.", given
as text. "Picture in the prompt" is the base that sees the picture's tokens before the question.

![pictures and answers](shown.png)
![curve](curve.png)
"""


def write(
    folder: Path, run: Path, model: DocToLoRA, figures: Sequence[Figure], examples: list[Shown]
) -> None:
    """``README.md``, ``figures.json`` and the pictures."""
    sizes = json.loads((folder / patches.CONFIG).read_text())["sizes"]
    encoder = patches.PatchEncoder(patches.sizes_of(sizes))
    last = json.loads((run / "curve.jsonl").read_text().splitlines()[-1])
    text = _CARD.format(
        millions=sum(p.numel() for p in encoder.parameters()) / 1e6,
        tokens=encoder.sizes.tokens,
        side=encoder.sizes.side,
        steps=last["step"],
        minutes=last["minutes"],
        held_out=len(HELD_OUT),
        figures=table(figures),
    )
    (folder / "README.md").write_text(text)
    (folder / "figures.json").write_text(as_json(figures))
    shares = ("digits", "scenes", "new pairs")
    curve.plot(run / "curve.jsonl", folder / "curve.png", ("words", "near", "states"), shares)
    draw(folder / "shown.png", model, examples)


def table(figures: Sequence[Figure]) -> str:
    """A row a case, in Markdown."""
    return markdown(figures, CONDITIONS).rstrip()


def as_json(figures: Sequence[Figure]) -> str:
    """What ``figures.json`` holds."""
    return json.dumps([asdict(figure) for figure in figures], indent=1) + "\n"


def draw(path: Path, model: DocToLoRA, examples: list[Shown], columns: int = 8) -> None:
    """Each picture with the answers about it, wrong ones in red. Needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = -(-len(examples) // columns)
    fig, panels = pyplot.subplots(rows, columns, figsize=(1.5 * columns, 2.1 * rows), squeeze=False)
    for panel, each in zip(panels.flat, examples, strict=False):
        panel.imshow(each.image)
        for line, (kind, right) in enumerate(each.facts.items()):
            (said,) = said_of(model, [each], kind)
            ink = "black" if said == right else "red"
            panel.text(0.5, -0.16 - 0.16 * line, said, ha="center", color=ink, transform=panel.transAxes)
    for panel in panels.flat:
        panel.axis("off")
    fig.suptitle(" / ".join(question(kind) for kind in ("digit", "color", "shape", "number")), fontsize=9)
    fig.subplots_adjust(hspace=0.6, left=0.02, right=0.98, bottom=0.1, top=0.92)
    fig.savefig(path, dpi=100)
    pyplot.close(fig)
