"""Rows of benchmarks as tables: for a terminal, and for a page of Markdown between markers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.table import Table

from benchmarks.bench import Row


def rich_table(title: str, rows: Sequence[Row]) -> Table:
    """The rows for a terminal."""
    table = Table(title=title)
    for column in rows[0]:
        numbers = all(isinstance(row[column], int | float | None) for row in rows)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    return table


def markdown_table(rows: Sequence[Row]) -> str:
    """The rows for a page."""
    cells = [[_cell(value) for value in row.values()] for row in rows]
    lines = [list(rows[0]), ["---"] * len(rows[0]), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_between_markers(page: Path, parts: Mapping[str, str]) -> None:
    """Put each part between `<!-- name -->` and `<!-- /name -->`. Raises ValueError where there are none."""
    text = page.read_text(encoding="utf-8")
    for name, made in parts.items():
        first, last = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, begins, rest = text.partition(first)
        _, ends, after = rest.partition(last)
        if not (begins and ends):
            raise ValueError(f"{page} has no place for {name}: {first.strip()} and {last}")
        text = f"{before}{first}{made}\n{last}{after}"
    page.write_text(text, encoding="utf-8")


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return f"{value:.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.2f}"
