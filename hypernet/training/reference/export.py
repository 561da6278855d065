"""A finished run -> the folder that ships: base, hypernetwork, curve and model card."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from hypernet.checkpoints import checkpoint
from hypernet.evaluation.drawing import markdown, plot, refusals, shown
from hypernet.evaluation.scoring import Figure
from hypernet.networks.hypernetwork import AnyHypernetwork
from hypernet.training.reference.reference import save_base


def export_weights(
    base: LlamaForCausalLM, hypernetwork: AnyHypernetwork, tokenizer: Tokenizer, folder: Path
) -> None:
    """Write ``folder/base`` (a transformers folder) and the hypernetwork beside it, both in 16 bits."""
    save_base(copy.deepcopy(base).half(), tokenizer, folder / "base")
    checkpoint.save(hypernetwork, folder, base="base", dtype="float16")


def plot_curve(curve: Path, path: Path) -> None:
    """Exact match on held-out facts over the steps of training, one panel a stage that was judged more than
    once, or every stage where none was. Needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    lines = [json.loads(line) for line in curve.read_text().splitlines()]
    judged = Counter(line["stage"] for line in lines)
    stages = [stage for stage in judged if judged[stage] > 1] or list(judged)
    fig, axes = pyplot.subplots(1, len(stages), figsize=(7 * len(stages), 4.5), squeeze=False)
    for panel, stage in zip(axes[0], stages, strict=True):
        points = [line for line in lines if line["stage"] == stage]
        for name in _judged(points[-1]):
            shown = [p for p in points if name in p]
            panel.plot([p["step"] for p in shown], [100 * p[name] for p in shown], label=name, marker=".")
        panel.set(title=f"stage: {stage}", xlabel="step", ylabel="held-out exact match, %", ylim=(0, 101))
        panel.legend(title="chunks x facts (s: same kind)", fontsize=8, title_fontsize=8, loc="center right")
        panel.grid(alpha=0.3)
    fig.tight_layout()
    fig.savefig(path, dpi=110)


def _judged(line: dict[str, Any]) -> list[str]:
    return [name for name in line if name[0].isdigit() or name == "unknown"]


CARD = """---
license: apache-2.0
library_name: parametric-memory
---

# The reference model

A small Llama ({base_millions:.1f} M parameters, {layers} layers of width {width}, window {window}
tokens) and the Doc-to-LoRA hypernetwork ({hyper_millions:.1f} M parameters) that writes adapters for its
`down_proj`: of as many rows as a passage has tokens worth saying, at most {rank}, {kib:.1f} KiB a row over
all layers in float32. It speaks simple English about people, places, things, numbers, codes and bookings;
it knows nothing of the world and remembers what it is told.

## How it was made

```sh
python -m hypernet.training reference --dialogues train.jsonl.gz --prose valid.txt
python -m hypernet.training publish
```

{stages}; {minutes:.0f} minutes of training steps. {note}

Trained on synthetic facts (`hypernet/world/facts.py`), on conversations of the Schema-Guided
Dialogue train split (google-research-datasets/dstc8-schema-guided-dialogue, CC BY-SA 4.0) and on prose
of the WikiText-2 validation split (CC BY-SA). Evaluated on values, owners and (half of the time)
phrasings held out from training.

![curve](curve.png)

## Figures

Exact match of the whole answer in %, free generation, greedy, with 95 % intervals; {questions} questions
a case. All conditions are the same base on the same questions: nothing told, the adapter of somebody
else, all the text in the prompt (where the window holds it), the four nearest chunks in the prompt (plain
RAG), all chunks' adapters merged, the adapters of the four nearest chunks merged, and those with their
text. A chunk is as near as its nearest sentence, and nearer with words of the question. "Never told" counts
refusals ("I don't know.") to questions that nothing told answers, most of them about the same attribute of
somebody else. "Chance" is what picking any told value of the kind would score. Token F1 stands in
`figures.json`.

{table}
![recall](recall.png)

Made again by `python -m hypernet.evaluation --data DATA`.

{verdict}
Case by case, how often it refuses what was never told. "All" above counts these together, also those in
which far more chunks are merged than ever in use:

{refusals}
## Limits

Answers are the bare value as it was told. Long or winding sentences, other languages and general questions
are beyond it.
"""

TARGETS = (  # case, at least, aimed at
    ("1 fact", 0.95, 0.99),
    ("3 facts", 0.85, None),
    ("6 facts", 0.85, 0.97),
    ("4 facts, same kind", 0.80, 0.95),
    ("4 chunks of 1", 0.75, None),
    ("8 chunks of 1, same kind", 0.75, 0.95),
    ("SGD conversations, slot values", 0.60, 0.85),
    ("needle in 4 windows", 0.95, 0.99),
    ("needle in 16 windows", 0.95, 0.99),
    ("needle in 64 windows", 0.95, 0.99),
    ("never told, all", 0.90, 0.97),
    ("never told, all, four nearest merged", 0.90, 0.97),
)


def write_card(
    folder: Path,
    base: LlamaForCausalLM,
    hypernetwork: AnyHypernetwork,
    curves: Sequence[Path],
    figures: Sequence[Figure],
    note: str,
) -> None:
    """``README.md``, ``figures.json`` and ``curve.png`` in ``folder``, from what was measured.

    Of several runs, whose mean the weights are, the first one's curve is drawn.
    """
    (folder / "figures.json").write_text(json.dumps([asdict(f) for f in figures], indent=1) + "\n")
    plot_curve(curves[0], folder / "curve.png")
    plot(figures, folder / "recall.png")
    runs = [_last_lines(curve) for curve in curves]
    stages = ", then ".join(f"{line['step']} steps of {name}" for name, line in runs[0].items())
    c, b = hypernetwork.config, base.config
    words = sum(c.d_in[m] + c.d_out[m] for m in c.target_modules) * c.num_layers
    card = CARD.format(
        base_millions=base.num_parameters() / 1e6,
        hyper_millions=sum(p.numel() for p in hypernetwork.parameters()) / 1e6,
        layers=b.num_hidden_layers,
        width=b.hidden_size,
        window=b.max_position_embeddings,
        rank=c.rank,
        kib=words * 4 / 1024,
        stages=stages if len(runs) == 1 else f"The mean of the weights of {len(runs)} runs, each of {stages}",
        minutes=sum(line["minutes"] for last in runs for line in last.values()),
        note=note,
        questions=figures[0].questions,
        table=markdown(shown(figures)),
        verdict=_verdict(figures),
        refusals=refusals(figures),
    )
    (folder / "README.md").write_text(card)


def _last_lines(curve: Path) -> dict[str, dict[str, Any]]:
    """Where each stage of a run ended."""
    return {line["stage"]: line for line in map(json.loads, curve.read_text().splitlines())}


def _verdict(figures: Sequence[Figure]) -> str:
    """What was aimed at, and by how much it was missed or met, from adapters alone.

    All of them merged, but for needles, where a history is longer than any merge: there the selected ones.
    """
    exact = {f.case: f.exact for f in figures if f.condition == "adapter"}
    selected = {f.case: f.exact for f in figures if f.condition == "selected adapters"}
    exact |= {case: share for case, share in selected.items() if case.startswith("needle")}
    exact |= {f"{case}, four nearest merged": share for case, share in selected.items()}
    rows = ["| adapters alone | at least | aim | measured | |", "|---|---|---|---|---|"]
    for case, least, aim in TARGETS:
        if case in exact:
            word = "met" if exact[case] >= least else f"missed by {100 * (least - exact[case]):.1f} points"
            aimed = f"{100 * aim:.0f}" if aim else ""
            rows.append(f"| {case} | {100 * least:.0f} | {aimed} | {100 * exact[case]:.1f} | {word} |")
    return "\n".join(rows) + "\n"
