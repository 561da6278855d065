"""Parses times and durations: 2026-05-04, 2026-05-04T12:00, 7d, 6h, 30min."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from memory.cli.options import WrongUsage

AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="TIME", help="Query the past: 2026-05-04, or 7d for seven days ago."),
]
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d|w)")
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def span(text: str, option: str) -> timedelta:
    """How long. Raises WrongUsage."""
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise WrongUsage(f"{option} is {text!r}; write a time such as 30min, 6h, 90d or 2w")
    try:
        return timedelta(**{_UNITS[found[2]]: float(found[1])})
    except OverflowError as error:
        raise WrongUsage(f"{option} is {text!r}; that is too long") from error


def moment(text: str | None, option: str = "--as-of") -> datetime | None:
    """When: a date, a date with a time, in this place's zone unless it names one, or a span ago."""
    if text is None:
        return None
    if _SPAN.fullmatch(text.strip()):
        return datetime.now(UTC) - span(text, option)
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError) as error:
        raise WrongUsage(f"{option} is {text!r}; write 2026-05-04, 2026-05-04T12:00 or 7d") from error
