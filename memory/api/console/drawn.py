"""Charts: numbers by minute as the shapes of an SVG, which the templates write down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from memory.api.activity import Minute

WIDTH, HEIGHT = 600, 120  # of the drawing, in its own units
_STEPS = (1, 2, 5)

Value = Callable[[Minute], float]


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle, and which series it is of."""

    series: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its legend and its numbers in words."""

    title: str
    names: tuple[str, ...]  # of the series
    top: float  # value at the upper edge
    summary: str
    bars: tuple[Bar, ...] = ()
    lines: tuple[str, ...] = ()  # `points` of polylines


def bars(title: str, minutes: Sequence[Minute], series: Mapping[str, Value]) -> Chart:
    """One stack a minute."""
    values = [[value(minute) for value in series.values()] for minute in minutes]
    top = _top(max(map(sum, values)))
    width = WIDTH / len(minutes)
    found = []
    for column, stack in enumerate(values):
        below = 0.0
        for index, value in enumerate(stack):
            below += value
            height = HEIGHT * value / top
            found.append(Bar(index, column * width + 0.5, HEIGHT * (1 - below / top), width - 1, height))
    total = sum(map(sum, values))
    summary = f"{total:.0f} in the last hour, at most {max(map(sum, values)):.0f} in a minute"
    return Chart(title, tuple(series), top, summary, tuple(bar for bar in found if bar.height))


def lines(
    title: str,
    minutes: Sequence[Minute],
    series: Mapping[str, Value],
    *,
    of: Value = lambda one: one.requests,
    summary: str | None = None,
) -> Chart:
    """One line a series; minutes without any `of` it have no point."""
    asked = [(index, minute) for index, minute in enumerate(minutes) if of(minute)]
    values = {name: [value(minute) for _, minute in asked] for name, value in series.items()}
    highest = max((max(found, default=0.0) for found in values.values()), default=0.0)
    top, width = _top(highest), WIDTH / len(minutes)
    drawn = []
    for found in values.values():
        heights = zip(asked, found, strict=True)
        points = [
            f"{(index + 0.5) * width:.1f},{HEIGHT * (1 - value / top):.1f}" for (index, _), value in heights
        ]
        drawn.append(" ".join(points if len(points) != 1 else points * 2))  # a line to itself is a dot
    said = f"at most {highest:.0f} in the last hour" if summary is None else summary
    return Chart(title, tuple(series), top, said, lines=tuple(drawn))


def _top(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, ... that is not below the value."""
    scale = 1.0
    while True:
        for step in _STEPS:
            if step * scale >= value:
                return step * scale
        scale *= 10
