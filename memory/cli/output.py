"""Output: tables in a terminal, lines in a pipe, JSON with --json.

On standard output there is nothing but data. Progress, prompts and notes go to standard error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

T = TypeVar("T")
Progress = Callable[[int, int], None]
_ESCAPES = {ord("\\"): "\\\\", ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r"}
_CONTROL = {code: f"\\x{code:02x}" for code in [*range(32), *range(0x7F, 0xA0)] if code not in (9, 10)}


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column: its value in a pipe and, where people read it more easily otherwise, in a terminal."""

    name: str
    value: Callable[[T], object]
    shown: Callable[[T], str] | None = None
    style: str = ""
    justify: Literal["left", "right"] = "left"
    fit: Literal["wrap", "whole", "crop"] = "wrap"


class Output:
    """Standard output and standard error of one verb."""

    def __init__(self, as_json: bool) -> None:
        self.json = as_json
        self._data = Console(highlight=False, markup=False, emoji=False)
        self._aside = Console(stderr=True, highlight=False, markup=False, emoji=False)

    @property
    def terminal(self) -> bool:
        """Whether a person reads along."""
        return self._data.is_terminal and not self.json

    def document(self, value: object) -> None:
        """One JSON document, on one line."""
        self.line(json.dumps(jsonable(value), ensure_ascii=False))

    def line(self, text: str) -> None:
        """A line as it is."""
        print(text, flush=True)

    def draw(self, *what: RenderableType) -> None:
        """For a terminal, one below the other."""
        for one in what:
            self._data.print(one)

    def write(self, text: str, style: str = "") -> None:
        """Part of a line, for a terminal, at once."""
        self._data.print(Text(visible(text), style), end="", soft_wrap=True)

    def note(self, text: str) -> None:
        """Something for the person at the terminal, beside the data."""
        self._aside.print(Text(visible(text), "dim"), soft_wrap=True)

    def rows(self, items: Sequence[T], columns: Sequence[Column[T]], document: object) -> None:
        """Items as a table, as tab-separated lines, or the document as JSON."""
        if self.json:
            self.document(document)
        elif self.terminal and items:
            self.draw(table(items, columns))
        else:
            for item in items:
                self.line("\t".join(cell(column.value(item)) for column in columns))

    def pairs(self, pairs: Iterable[tuple[str, object]], document: object) -> None:
        """Names and values, one pair a line, or the document as JSON."""
        if self.json:
            self.document(document)
        elif self.terminal:
            grid = Table.grid(padding=(0, 2))
            for name, value in pairs:
                grid.add_row(Text(name, "dim"), Text(visible(_text(value))))
            self.draw(grid)
        else:
            for name, value in pairs:
                self.line(f"{name}\t{cell(value)}")

    @contextmanager
    def progress(self, doing: str) -> Iterator[Progress]:
        """A bar on a terminal: a pulse until it is called with what is done and all there is."""
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        show = self._aside.is_terminal
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Bar(*columns, console=self._aside, disable=not show, transient=True) as bar:
            task = bar.add_task(doing, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)


def table(items: Sequence[T], columns: Sequence[Column[T]], title: str | None = None) -> Table:
    """Items as a table for a terminal."""
    drawn = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
    for column in columns:
        whole = column.fit == "whole"
        drawn.add_column(column.name, style=column.style, justify=column.justify, no_wrap=whole)
    for item in items:
        drawn.add_row(*[_drawn(column, item) for column in columns])
    return drawn


def _drawn(column: Column[T], item: T) -> Text:
    text = visible(_shown(column, item))
    return Text(text, no_wrap=column.fit == "crop", overflow="ellipsis" if column.fit == "crop" else "fold")


def visible(text: str) -> str:
    """The text with control characters spelt out: what was remembered must not steer the terminal."""
    return text.translate(_CONTROL)


def cell(value: object) -> str:
    """A value as one cell of a tab-separated line; backslashes, tabs and line ends are spelt out."""
    return _text(value).translate(_ESCAPES)


def jsonable(value: object) -> Any:
    """Dataclasses, times and paths as what JSON has."""
    if is_dataclass(value):
        return {field.name: jsonable(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _shown(column: Column[T], item: T) -> str:
    return _text(column.value(item)) if column.shown is None else column.shown(item)


def _text(value: object) -> str:
    if value is None:
        return ""
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)
