"""A file of somebody else's, or the zip that it came in, as JSON values.

It is read within bounds, and never unpacked to the disk.
"""

from __future__ import annotations

import json
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

from memory.errors import EmptyText, InvalidInput, TextTooLarge

MOST_BYTES = 2**30  # of JSON text
_FREE_BYTES = 2**24  # unpacked, whatever the size of the zip, and
_MOST_RATIO = 100  # times that size
_ZIP = (b"PK\3\4", b"PK\5\6")
_CONVERSATIONS = re.compile(r"(?:.*/)?conversations(?:[-_]\d+)?\.json")
_WHAT = {b"%PDF": "a PDF", b"\x1f\x8b": "a gzip archive; unpack it first", b"SQLi": "an SQLite database"}


def documents(path: Path) -> list[Any]:
    """The JSON values of a file: one of JSON, one a line of JSON lines, those of a zip's conversations.

    Raises InvalidInput, EmptyText, TextTooLarge.
    """
    if path.is_dir():
        raise InvalidInput(f"{path.name} is a folder; name the file in it, such as conversations.json")
    try:
        with path.open("rb") as file:
            begins = file.read(4)
            if begins in _ZIP:
                return [value for name, data in _zipped(path) for value in _values(data, name)]
            data = begins + file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror or error}") from error
    return _values(data, path.name)


def _zipped(path: Path) -> list[tuple[str, bytes]]:
    """The files of a zip that hold conversations, by name."""
    try:
        with zipfile.ZipFile(path) as archive:
            chosen = _chosen(archive.infolist(), path.name)
            if any(entry.flag_bits & 0x1 for entry in chosen):
                raise InvalidInput(f"{path.name} is encrypted; unpack it first")
            size = sum(entry.file_size for entry in chosen)
            if size > _FREE_BYTES + _MOST_RATIO * path.stat().st_size:
                raise InvalidInput(
                    f"{path.name} would be far larger unpacked than any export; it is not read"
                )
            if size > MOST_BYTES:
                raise _too_large(path.name)
            return [(f"{entry.filename} in {path.name}", archive.read(entry)) for entry in chosen]
    except (
        *(zipfile.BadZipFile, zlib.error, EOFError, struct.error, UnicodeError, OSError),
        *(RuntimeError, NotImplementedError, OverflowError, KeyError, IndexError),
    ) as error:
        raise InvalidInput(f"{path.name} is a damaged or truncated zip; download it again") from error


def _chosen(entries: list[zipfile.ZipInfo], name: str) -> list[zipfile.ZipInfo]:
    files = [entry for entry in entries if not entry.is_dir()]
    found = [entry for entry in files if _CONVERSATIONS.fullmatch(entry.filename)]
    if not found:
        found = [entry for entry in files if entry.filename.endswith((".json", ".jsonl"))]
        if len(found) != 1:
            raise InvalidInput(f"{name} holds no conversations.json; is it the export as it was downloaded?")
    return sorted(found, key=lambda entry: entry.filename)


def _values(data: bytes, name: str) -> list[Any]:
    if len(data) > MOST_BYTES:
        raise _too_large(name)
    for magic, what in _WHAT.items():
        if data.startswith(magic):
            raise InvalidInput(f"{name} is not JSON: it looks like {what}")
    text = _decoded(data, name)
    if not text.strip():
        raise EmptyText(f"{name} is empty; there is nothing to import")
    if text.lstrip().startswith("<"):
        raise InvalidInput(
            f"{name} is not JSON: it looks like HTML; the export has a conversations.json, too"
        )
    try:
        return [json.loads(text)]
    except ValueError as error:
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if len(lines) < 2 or not lines[0][1].rstrip().endswith("}"):
            raise InvalidInput(f"{name} is not JSON: {error}") from error
    except RecursionError as error:
        raise _too_deep(name) from error
    return [_line(line, number, name) for number, line in lines]


def _line(line: str, number: int, name: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise InvalidInput(f"line {number} of {name} is not JSON: {error}") from error
    except RecursionError as error:
        raise _too_deep(name) from error


def _decoded(data: bytes, name: str) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{name} is not UTF-8 text: byte {error.start} cannot be read") from error


def _too_deep(name: str) -> InvalidInput:
    return InvalidInput(f"{name} is nested too deeply to be an export")


def _too_large(name: str) -> TextTooLarge:
    return TextTooLarge(f"{name} has more than {MOST_BYTES:,} bytes of JSON, the most that is read; split it")
