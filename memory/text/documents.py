"""Documents into text: what is text already, tables as CSV, and PDF, DOCX and HTML.

The latter are read by markitdown (extra `documents`) in a process of its own, with little memory and time,
and without our settings: a file that unfolds into very much, or that a parser never ends with, takes nothing
down, and one that takes a parser over finds no password.
"""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import PurePath
from threading import BoundedSemaphore

from memory.errors import EmptyText, InvalidInput, InvalidSettings, TextTooLarge

CONVERTED = (".pdf", ".docx", ".html", ".htm")
MOST_DOCUMENT_BYTES = 64 * 1024 * 1024  # of a file that is converted,
_MOST_UNPACKED = 256 * 1024 * 1024  # and of all that a DOCX holds,
_MOST_XML = 32 * 1024 * 1024  # and of its text and form
_SECONDS = 120.0
_at_once = BoundedSemaphore(2)  # readers, each with gigabytes that it may take
_DELIMITERS = ",;\t|"
_MEMORY_KILLED = (-9, -6, -11, 137)  # how a process ends that may take no more memory


def most_bytes(name: str, most_text: int) -> int:
    """How large a file of that name may be, where text of so many bytes is taken."""
    return MOST_DOCUMENT_BYTES if _kind(name) in CONVERTED else most_text


def text_of(name: str, data: bytes) -> str:
    """The text of a file, by the ending of its name; what has no known ending is text.

    Raises InvalidInput for what is no such file, EmptyText, and InvalidSettings without the extra.
    """
    kind = _kind(name)
    if kind not in CONVERTED:
        text = decoded(name, data)
        return _rows(text) if kind == ".csv" else text
    if len(data) > MOST_DOCUMENT_BYTES:
        raise TextTooLarge(f"{name} has more than {MOST_DOCUMENT_BYTES:,} bytes; split it")
    if kind == ".docx":
        _check_unpacked(name, data)
    text = _converted(name, kind, data).replace("\f", "\n")
    if not text.strip():
        raise EmptyText(f"{name} has no text in it; is it a scan?")
    return text


def _kind(name: str) -> str:
    return PurePath(name).suffix.lower()


def decoded(name: str, data: bytes) -> str:
    """UTF-8, with or without its mark. Raises InvalidInput."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{name} is not UTF-8: byte 0x{data[error.start]:02x} at {error.start}; convert it first"
        ) from error


def _rows(text: str) -> str:
    """Each row on a line that says what each of its cells is; what is no table stays as it is."""
    header = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    try:
        names, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    except (csv.Error, ValueError):
        return text
    if len(names) < 2 or not rows:
        return text
    lines = (
        "; ".join(
            f"{name.strip()}: {cell.strip()}" for name, cell in zip(names, row, strict=False) if cell.strip()
        )
        for row in rows
    )
    return "\n".join(f"{line}." for line in lines if line)


def _check_unpacked(name: str, data: bytes) -> None:
    """Refuse a DOCX that is none, or that unfolds into too much; its sizes are kept to when it is read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            sizes = {one.filename: one.file_size for one in file.infolist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InvalidInput(f"{name} is damaged, or no DOCX") from error
    xml = sum(size for part, size in sizes.items() if part.endswith((".xml", ".rels")))
    if xml > _MOST_XML or sum(sizes.values()) > _MOST_UNPACKED:
        raise TextTooLarge(
            f"{name} unpacks to {sum(sizes.values()):,} bytes, {xml:,} of them text and form; "
            f"at most {_MOST_UNPACKED:,} and {_MOST_XML:,} are read"
        )


def _converted(name: str, kind: str, data: bytes) -> str:
    if find_spec("markitdown") is None:
        raise InvalidSettings(
            f"reading {name} needs more packages: pip install 'parametric-memory[documents]'"
        )
    command = [sys.executable, "-P", "-m", "memory.text.converting", kind]  # no module of this folder's
    knows = {key: value for key, value in os.environ.items() if not key.startswith("MEMORY_")}
    try:
        with _at_once:
            done = subprocess.run(
                command, input=data, capture_output=True, timeout=_SECONDS, check=False, env=knows
            )
    except subprocess.TimeoutExpired as error:
        raise InvalidInput(f"{name} was not read within {_SECONDS:.0f} seconds; split it") from error
    if done.returncode in _MEMORY_KILLED:
        raise TextTooLarge(f"{name} unfolds into more than there is memory for; split it")
    if done.returncode != 0:
        raise InvalidInput(f"{name} cannot be read: it is damaged, encrypted, or no {kind[1:].upper()}")
    return done.stdout.decode()
