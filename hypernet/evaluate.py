"""Held-out recall by free generation: ``python -m hypernet.evaluate``.

Every figure is exact match of the whole answer, greedy, on values, owners and (half of the time) phrasings
that training never used. Four conditions stand side by side on the same questions: no memory, the adapter
of somebody else, the text in the prompt, and the adapter alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from hypernet.adapter import LoRA
from hypernet.doc_to_lora import DocToLoRA
from hypernet.inject import apply
from hypernet.training.facts import QA, FactWorld, Group

SEED = 77_000  # apart from the seed that judges during training
CONDITIONS = ("no memory", "wrong adapter", "full context", "adapter")
_BATCH = 32


@dataclass(frozen=True)
class Case:
    """Groups of one shape: so many merged chunks of so many facts, all of one kind or mixed."""

    name: str
    chunks: int
    facts: int
    same_kind: bool = False

    @property
    def chance(self) -> float | None:
        """What picking any of the told values would score, where all are of one kind."""
        return 1 / (self.chunks * self.facts) if self.same_kind else None


CASES = (
    Case("1 fact", 1, 1),
    Case("3 facts", 1, 3),
    Case("6 facts", 1, 6),
    Case("2 facts, same kind", 1, 2, True),
    Case("3 facts, same kind", 1, 3, True),
    Case("4 facts, same kind", 1, 4, True),
    Case("4 chunks of 1", 4, 1),
    Case("4 chunks of 1, same kind", 4, 1, True),
    Case("4 chunks of 3", 4, 3),
    Case("8 chunks of 1", 8, 1),
    Case("8 chunks of 1, same kind", 8, 1, True),
    Case("16 chunks of 1", 16, 1),
)


@dataclass(frozen=True)
class Figure:
    """Exact match of one case under one condition, with a 95 % Wilson interval."""

    case: str
    condition: str
    questions: int
    exact: float
    low: float
    high: float
    chance: float | None = None


@dataclass(frozen=True)
class Item:
    """A question with all that any condition may show the model."""

    qa: QA
    group: Group
    lora: LoRA
    wrong: LoRA


def evaluate(
    model: DocToLoRA,
    cases: Sequence[Case] = CASES,
    questions: int = 200,
    conditions: Sequence[str] = CONDITIONS,
    progress: Callable[[int], object] = lambda _: None,
) -> list[Figure]:
    """All figures; ``questions`` groups a case, one told and one unanswerable question each."""
    figures, refused = [], []
    for case in cases:
        items = _items(model, case, questions)
        told, unknown = [i for i, _ in items], [u for _, u in items]
        for condition in conditions:
            right = [
                said == i.qa.answer for said, i in zip(_answer(model, told, condition), told, strict=True)
            ]
            figures.append(_figure(case.name, condition, right, case.chance))
            progress(len(told))
        said = list(_answer(model, unknown, "adapter"))
        refused += [text == i.qa.answer for text, i in zip(said, unknown, strict=True)]
        figures.append(_figure(f"never told, beside {case.name}", "adapter", refused[-len(said) :], None))
        progress(len(unknown))
    figures.append(_figure("never told, all", "adapter", refused, None))
    return figures


def wilson(right: int, total: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share."""
    z, p = 1.96, right / total
    centre, spread = p + z * z / (2 * total), z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    return (centre - spread) / (1 + z * z / total), (centre + spread) / (1 + z * z / total)


def _figure(case: str, condition: str, right: list[bool], chance: float | None) -> Figure:
    low, high = wilson(sum(right), len(right))
    return Figure(case, condition, len(right), sum(right) / len(right), low, high, chance)


def _items(model: DocToLoRA, case: Case, count: int) -> list[tuple[Item, Item]]:
    world = FactWorld("heldout", SEED)
    groups = [world.group(case.chunks, case.facts, same_kind=case.same_kind) for _ in range(count)]
    chunks = [model.chunks(context.text)[0] for group in groups for context in group.contexts]
    loras = model.generate(chunks)
    merged = [model.combine(loras[i * case.chunks : (i + 1) * case.chunks]) for i in range(count)]
    pairs = []
    for i, group in enumerate(groups):
        told = [qa for context in group.contexts for qa in context.qa]
        wrong = merged[(i + 1) % count]
        pairs.append(
            (
                Item(told[i % len(told)], group, merged[i], wrong),
                Item(group.unknown[0], group, merged[i], wrong),
            )
        )
    return pairs


def _answer(model: DocToLoRA, items: Sequence[Item], condition: str) -> Iterator[str]:
    for start in range(0, len(items), _BATCH):
        batch = items[start : start + _BATCH]
        prompts = [_prompt(i, with_text=condition == "full context") for i in batch]
        loras = {
            "adapter": [i.lora for i in batch],
            "wrong adapter": [i.wrong for i in batch],
        }.get(condition, [None] * len(batch))
        yield from answer(model, prompts, loras)


def _prompt(item: Item, *, with_text: bool) -> list[dict[str, str]]:
    text = "\n".join(context.text for context in item.group.contexts)
    told = [{"role": "system", "content": text}] if with_text else []
    return [*told, {"role": "user", "content": item.qa.question}]


@torch.no_grad()
def answer(
    model: DocToLoRA,
    prompts: Sequence[list[dict[str, str]]],
    loras: Sequence[LoRA | None],
    max_new_tokens: int = 24,
) -> list[str]:
    """Greedy answers to one batch of chats, each under its own adapter or none."""
    tokenizer, base = model.tokenizer, model.base_model
    inputs = tokenizer.apply_chat_template(
        list(prompts), add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True
    ).to(base.device)
    with apply(base, list(loras)):
        out = base.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False)
    new = out[:, inputs["input_ids"].size(1) :]
    return [text.strip() for text in tokenizer.batch_decode(new, skip_special_tokens=True)]


def table(figures: Sequence[Figure]) -> Table:
    """One row a case, one column a condition."""
    grid = Table(title="Exact match on held-out facts, % (95 % interval)")
    grid.add_column("case")
    for column in (*CONDITIONS, "chance"):
        grid.add_column(column, justify="right")
    for case in dict.fromkeys(f.case for f in figures):
        of_case = {f.condition: f for f in figures if f.case == case}
        cells = [_cell(of_case.get(condition)) for condition in CONDITIONS]
        chance = next(iter(of_case.values())).chance
        grid.add_row(case, *cells, f"{100 * chance:.0f}" if chance else "")
    return grid


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    return f"{100 * figure.exact:.1f} ({100 * figure.low:.0f}-{100 * figure.high:.0f})"


def plot(figures: Sequence[Figure], path: Path) -> None:
    """Bars per case and condition, with intervals and the chance of same-kind cases. Needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    cases = [c for c in dict.fromkeys(f.case for f in figures) if not c.startswith("never told, beside")]
    fig, axes = pyplot.subplots(figsize=(11, 0.55 * len(cases) + 1.5))
    for k, condition in enumerate(CONDITIONS):
        shown = [
            (i, f) for i, c in enumerate(cases) for f in figures if (f.case, f.condition) == (c, condition)
        ]
        where = [i + 0.2 * (k - 1.5) for i, _ in shown]
        exact = [100 * f.exact for _, f in shown]
        spread = [[100 * (f.exact - f.low) for _, f in shown], [100 * (f.high - f.exact) for _, f in shown]]
        axes.barh(where, exact, 0.18, xerr=spread, label=condition, error_kw={"lw": 0.8})
    for i, case in enumerate(cases):
        chance = next(f.chance for f in figures if f.case == case)
        if chance:
            axes.plot([100 * chance] * 2, [i - 0.45, i + 0.45], "k:", lw=1)
    axes.set_yticks(range(len(cases)), cases)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("exact match, % (held out, free generation; dotted: picking any told value of the kind)")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.0 + 1.6 / len(cases)), ncols=4, frameon=False)
    fig.savefig(path, dpi=120, bbox_inches="tight")


def main(
    model: Annotated[str, typer.Argument(help="A hypernetwork folder, or 'reference'.")] = "reference",
    questions: Annotated[int, typer.Option(min=2, help="Groups a case.")] = 200,
    json_output: Annotated[bool, typer.Option("--json", help="Figures as JSON on stdout.")] = False,
    plot_to: Annotated[Path | None, typer.Option("--plot", help="Write a bar chart here (PNG).")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the figures here as JSON.")] = None,
) -> None:
    """Measure what a model remembers."""
    d2l = DocToLoRA.from_pretrained(_resolve(model))
    with tqdm(total=len(CASES) * (len(CONDITIONS) + 1) * questions, unit="question") as bar:
        figures = evaluate(d2l, questions=questions, progress=bar.update)
    text = json.dumps([asdict(f) for f in figures], indent=1)
    if json_output:
        typer.echo(text)
    else:
        Console().print(table(figures))
    if save:
        save.write_text(text + "\n")
    if plot_to:
        plot(figures, plot_to)


def _resolve(model: str) -> str:
    from hypernet import reference_path

    return str(reference_path()) if model == "reference" else model


if __name__ == "__main__":
    typer.run(main)
