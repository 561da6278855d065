"""Renders results: terminal table, Markdown table and curves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from hypernet.evaluation.conditions import CONDITIONS
from hypernet.evaluation.scoring import Figure

UNTOLD = "never told, beside "


def shown(figures: Sequence[Figure]) -> list[Figure]:
    """Without the refusals case by case, which "never told, all" sums up."""
    return [f for f in figures if not f.case.startswith(UNTOLD)]


def refusals(figures: Sequence[Figure]) -> str:
    """Case by case, how often what was never told is refused, as a Markdown table."""
    untold = [f for f in figures if f.case.startswith(UNTOLD)]
    conditions = list(dict.fromkeys(f.condition for f in untold))
    lines = [f"| never told, beside | {' | '.join(conditions)} |", "|---" * (len(conditions) + 1) + "|"]
    for case in dict.fromkeys(f.case for f in untold):
        found = {f.condition: f for f in untold if f.case == case}
        cells = " | ".join(_cell(found.get(condition)) for condition in conditions)
        lines.append(f"| {case.removeprefix(UNTOLD)} | {cells} |")
    return "\n".join(lines) + "\n"


def table(figures: Sequence[Figure]) -> Table:
    """One row a case, one column a condition."""
    grid = Table(title="Exact match, % (95 % interval)")
    grid.add_column("case")
    for column in (*CONDITIONS, "chance"):
        grid.add_column(column, justify="right")
    for row in _rows(figures):
        grid.add_row(*row)
    return grid


def markdown(figures: Sequence[Figure], conditions: Sequence[str] = CONDITIONS) -> str:
    """The same as a Markdown table, of those conditions alone."""
    head = [f"| case | {' | '.join(conditions)} | chance |", "|---" * (len(conditions) + 2) + "|"]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in _rows(figures, conditions))]) + "\n"


def _rows(figures: Sequence[Figure], conditions: Sequence[str] = CONDITIONS) -> Iterator[list[str]]:
    for case in dict.fromkeys(f.case for f in figures):
        of_case = {f.condition: f for f in figures if f.case == case}
        chance = next(iter(of_case.values())).chance
        cells = [_cell(of_case.get(condition)) for condition in conditions]
        yield [case, *cells, f"{100 * chance:.0f}" if chance else ""]


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    return f"{100 * figure.exact:.1f} ({100 * figure.low:.0f}-{100 * figure.high:.0f})"


def plot(figures: Sequence[Figure], path: Path) -> None:
    """A panel an axis: exact match over facts, chunks, windows or places, a line a condition.

    Needs matplotlib.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    axes_names = list(dict.fromkeys(f.axis for f in figures if f.axis))
    columns = 3
    rows = -(-len(axes_names) // columns)
    fig, panels = pyplot.subplots(rows, columns, figsize=(5.2 * columns, 3.7 * rows), squeeze=False)
    for panel, name in zip(panels.flat, axes_names, strict=False):
        _panel(panel, name, [f for f in figures if f.axis == name])
    for panel in panels.flat[len(axes_names) :]:
        panel.axis("off")
    handles, labels = panels.flat[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="lower center", ncols=len(CONDITIONS), frameon=False)
    fig.tight_layout(rect=(0, 0.05, 1, 1))
    fig.savefig(path, dpi=110)


def _panel(panel: Any, name: str, figures: Sequence[Figure]) -> None:
    for number, condition in enumerate(CONDITIONS):
        points = sorted((f for f in figures if f.condition == condition), key=lambda f: f.at)
        x, y = [f.at for f in points], [100 * f.exact for f in points]
        spread = [[100 * (f.exact - f.low) for f in points], [100 * (f.high - f.exact) for f in points]]
        panel.errorbar(x, y, spread, label=condition, marker="o", ms=3, lw=1.4, capsize=2, color=f"C{number}")
    guesses = sorted({(f.at, 100 * f.chance) for f in figures if f.chance})
    if guesses:
        panel.plot(*zip(*guesses, strict=True), "k:", lw=1)
        panel.annotate("chance", guesses[-1], fontsize=8, ha="right", va="bottom")
    if max(f.at for f in figures) > 6:
        panel.set_xscale("log", base=2)
    panel.set(xlabel=name, ylabel="exact match, %", ylim=(-3, 103))
    panel.grid(alpha=0.3)
