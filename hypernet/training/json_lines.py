"""JSON Lines files, plain or gzipped; errors name the line and the fault."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, TypeVar

Read = TypeVar("Read")
Fields = dict[str, Any]


class DataError(ValueError):
    """A training file that cannot be used, with its name, the line, and what was expected there."""


def read(path: Path, parse: Callable[[Fields], Read]) -> list[Read]:
    """What ``parse`` makes of every line that is not blank.

    Raises FileNotFoundError, and DataError for a line that is no JSON object, for one that ``parse`` refuses
    with a ValueError, and for a file without lines.
    """
    try:
        with _opened(path, "rt") as file:
            found = [
                _parsed(line, f"{path}:{number}", parse)
                for number, line in enumerate(file, 1)
                if line.strip()
            ]
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        raise DataError(
            f"{path}: expected text in UTF-8, gzipped if its name ends in .gz: {error}"
        ) from error
    if not found:
        raise DataError(f"{path}: expected a JSON object a line, found no lines")
    return found


def first(path: Path) -> Fields:
    """The first object of a file. Raises as ``read`` does."""
    try:
        with _opened(path, "rt") as file:
            line = next((line for line in file if line.strip()), "")
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        raise DataError(
            f"{path}: expected text in UTF-8, gzipped if its name ends in .gz: {error}"
        ) from error
    if not line:
        raise DataError(f"{path}: expected a JSON object a line, found no lines")
    return _parsed(line, f"{path}:1", lambda record: record)


def write(path: Path, records: Iterable[Fields]) -> int:
    """One record a line; gzipped where the name ends in .gz. Returns how many were written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with _opened(path, "wt") as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
            count += 1
    return count


def require_fields(record: Fields, known: Iterable[str]) -> None:
    """Raises ValueError for a field that no one reads: it is most likely misspelt."""
    unknown = sorted(record.keys() - set(known))
    if unknown:
        raise ValueError(f"expected only the fields {', '.join(known)}, found {', '.join(unknown)}")


def text(record: Any, field: str) -> str:
    """The string in a field, not blank. Raises ValueError."""
    if not isinstance(record, dict):
        raise ValueError(f"expected an object with {field!r}, found {_shown(record)}")
    return not_blank(record.get(field), field)


def not_blank(value: Any, field: str) -> str:
    """A string that says something. Raises ValueError."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"expected a text that is not blank as {field!r}, found {_shown(value)}")
    return value.strip()


def items(record: Fields, field: str) -> list[Any]:
    """A list, empty where the field is absent. Raises ValueError for anything else."""
    value = record.get(field, [])
    if not isinstance(value, list):
        raise ValueError(f"expected a list as {field!r}, found {_shown(value)}")
    return value


def _parsed(line: str, where: str, parse: Callable[[Fields], Read]) -> Read:
    try:
        return parse(_object(line))
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error


def _object(line: str) -> Fields:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"expected a JSON object, found {_shown(line.strip())} ({error.msg})") from error
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object, found {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    shown = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _opened(path: Path, mode: str) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, mode, encoding="utf-8")  # type: ignore[return-value]  # text, by its mode
    return path.open(mode, encoding="utf-8")
