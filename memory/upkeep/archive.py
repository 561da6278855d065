"""The archive of an export: a zip of JSON lines, adapters and a manifest with the hash of each.

    manifest.json                    whose it is, and sha256 and size of each file
    memories.jsonl  past.jsonl       records: those with an adapter, and retired passages
    turns.jsonl                      turns of sessions
    adapters/<sha256>.safetensors    adapters by digest

Nothing of an archive is ever extracted to a path; names other than these are refused, and so is a file whose
hash is not the manifest's.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from memory import files
from memory.errors import InvalidInput
from memory.records import (
    ADAPTER_FIELDS,
    PLAIN_FIELDS,
    SCOPE_FIELDS,
    TIME_FIELDS,
    MemoryRecord,
    Scope,
    Turn,
    now,
)
from memory.upkeep.archive_models import MOST_VALUES, ManifestLine, RecordLine, TurnLine, parsed

FORMAT = 1
MANIFEST, MEMORIES, PAST, TURNS = "manifest.json", "memories.jsonl", "past.jsonl", "turns.jsonl"
_ADAPTER = re.compile(r"adapters/([0-9a-f]{64})\.safetensors")
_MOST_MANIFEST = 2**16  # bytes of the manifest, and
_MANIFEST_ENTRY = 512  # more for each file that is listed
_MOST_LINE = 2**25
_MOST_LINES = 2**20  # records of one kind
_MOST_ADAPTER = 2**28
_MOST_ENTRIES = 2**18
_LISTED = 512  # bytes that the zip's list has for a file, at most
_FREE_BYTES = 2**24  # unpacked, whatever the size of the archive, and
_MOST_RATIO = 100  # times that size
_TAIL = 2**16 + 128  # bytes at the end of a zip that the ends of its list are in
_END, _LARGE_END = b"PK\5\6", b"PK\6\6"
Pulse = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says about itself."""

    scope: Scope
    counts: Mapping[str, int]  # lines of each file
    files: Mapping[str, tuple[str, int]]  # name -> sha256, bytes


class ArchiveWriter:
    """Writes what an archive holds into a zip; `finish` writes the manifest."""

    def __init__(self, archive: zipfile.ZipFile, scope: Scope) -> None:
        self._zip = archive
        self._scope = scope
        self._files: dict[str, tuple[str, int]] = {}
        self.counts: dict[str, int] = {}

    def lines(self, name: str, documents: Iterable[Mapping[str, Any]]) -> None:
        """One file of JSON lines."""
        digest, size, count = hashlib.sha256(), 0, 0
        with self._zip.open(name, "w", force_zip64=True) as entry:
            for document in documents:
                line = (json.dumps(document, ensure_ascii=False) + "\n").encode()
                entry.write(line)
                digest.update(line)
                size, count = size + len(line), count + 1
        self._files[name] = digest.hexdigest(), size
        self.counts[name] = count

    def adapter(self, digest: str, data: bytes) -> None:
        """An adapter, once."""
        name = f"adapters/{digest}.safetensors"
        if name not in self._files:
            self._zip.writestr(name, data)
            self._files[name] = digest, len(data)

    @property
    def adapters(self) -> int:
        """How many were written."""
        return len(self._files) - len(self.counts)

    def finish(self) -> None:
        """Write the manifest."""
        whose = {name: getattr(self._scope, name) for name in ("tenant_id", *SCOPE_FIELDS)}
        manifest = {
            "format": FORMAT,
            "made_at": now().isoformat(),
            "scope": whose,
            "counts": self.counts,
            "files": {name: list(entry) for name, entry in self._files.items()},
        }
        self._zip.writestr(MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False))


@contextmanager
def written(path: Path, scope: Scope) -> Iterator[ArchiveWriter]:
    """An archive at the path, whole and durable at the end, or not there. Raises StoreError."""
    with files.written(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        writer = ArchiveWriter(archive, scope)
        yield writer
        writer.finish()


class ArchiveReader:
    """Reads an archive, after everything in it was found to be what the manifest says."""

    def __init__(self, archive: zipfile.ZipFile, nbytes: int, pulse: Pulse) -> None:
        """`nbytes` is the file's size; `pulse` is called again and again; it may raise to end it."""
        self._zip = archive
        self.pulse = pulse
        self._check_sizes(nbytes)
        self.manifest = self._manifest()
        self._check()

    def records(self, name: str) -> Iterator[MemoryRecord]:
        """The memories, or retired passages, of a file. Raises InvalidInput."""
        for line in self._lines(name):
            with self._understood(name):
                record = parsed(RecordLine, line).record()
            yield record

    def turns(self) -> Iterator[Turn]:
        """The turns, those of a session one after the other. Raises InvalidInput."""
        for line in self._lines(TURNS):
            with self._understood(TURNS):
                turn = parsed(TurnLine, line).turn()
            yield turn

    def adapter(self, digest: str) -> bytes | None:
        """An adapter's bytes, whose hash was checked; None where the archive has none of that name."""
        name = f"adapters/{digest}.safetensors"
        if name not in self.manifest.files:
            return None
        with _translated():
            return self._zip.read(name)

    def _lines(self, name: str) -> Iterator[bytes]:
        with _translated():
            entry = self._zip.open(name)
        with entry:
            while True:
                self.pulse()
                with _translated():
                    line = entry.readline(_MOST_LINE)
                if not line:
                    return
                if len(line) == _MOST_LINE:
                    raise _refused(f"{name} holds a line that is too long")
                yield line

    @contextmanager
    def _understood(self, name: str) -> Iterator[None]:
        try:
            yield
        except InvalidInput as error:
            raise _refused(f"{name} holds a line that cannot be used: {error}") from error

    def _check_sizes(self, nbytes: int) -> None:
        """Refuse what would become far more than it is, by what the archive says of its files."""
        entries = self._zip.infolist()
        if len({entry.filename for entry in entries}) < len(entries):
            raise _refused("a name is in it twice")
        if any(entry.flag_bits & 0x1 for entry in entries):
            raise _refused("it is encrypted")
        if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries):
            raise _refused("it is packed in a way that exports are not")
        if sum(entry.file_size for entry in entries) > _FREE_BYTES + _MOST_RATIO * nbytes:
            raise _refused("it would be far larger unpacked than any export")

    def _manifest(self) -> Manifest:
        names = self._zip.namelist()
        if MANIFEST not in names:
            raise _refused("it has no manifest; it is not an export of a memory")
        if self._zip.getinfo(MANIFEST).file_size > _MOST_MANIFEST + _MANIFEST_ENTRY * len(names):
            raise _refused("its manifest is too large for what it holds")
        with _translated():
            data = self._zip.read(MANIFEST)
        with self._understood(MANIFEST):
            given = parsed(ManifestLine, data, most_values=MOST_VALUES + 8 * len(names))
            if given.format != FORMAT:
                raise InvalidInput(f"its format is {given.format}, this version reads {FORMAT}")
            return Manifest(given.scope.scope, given.counts, given.files)

    def _check(self) -> None:
        """Refuse an archive that holds anything but what its manifest lists. Raises InvalidInput."""
        listed = {MANIFEST, *self.manifest.files}
        if listed != set(self._zip.namelist()) or not {MEMORIES, PAST, TURNS} <= listed:
            raise _refused("it does not hold the files that its manifest lists")
        for name, (digest, size) in self.manifest.files.items():
            adapter = _ADAPTER.fullmatch(name)
            if adapter is None and name not in (MEMORIES, PAST, TURNS):
                raise _refused("it holds a file of another kind")
            if self._zip.getinfo(name).file_size != size or (adapter and size > _MOST_ADAPTER):
                raise _refused(f"{name} has not the size that the manifest says")
            found = self._digest(name, most_lines=None if adapter else _MOST_LINES)
            if found != digest or (adapter and adapter[1] != digest):
                raise _refused(f"{name} was altered: its hash is not the manifest's")

    def _digest(self, name: str, *, most_lines: int | None) -> str:
        digest, lines = hashlib.sha256(), 0
        with _translated():
            entry = self._zip.open(name)
        with entry:
            while True:
                self.pulse()
                with _translated():
                    piece = entry.read(2**20)
                if not piece:
                    return digest.hexdigest()
                digest.update(piece)
                lines += piece.count(b"\n")
                if most_lines is not None and lines > most_lines:
                    raise _refused(f"{name} holds more than {most_lines:,} records")


def _refused(why: str) -> InvalidInput:
    return InvalidInput(f"the archive is not imported: {why}")


@contextmanager
def _translated() -> Iterator[None]:
    """Whatever a zip made by anybody can make its reader raise, as one error."""
    try:
        yield
    except (
        *(zipfile.BadZipFile, zlib.error, EOFError, struct.error, UnicodeError),
        *(RuntimeError, NotImplementedError, ValueError, OverflowError, OSError, KeyError, IndexError),
    ) as error:
        if isinstance(error, InvalidInput):
            raise
        raise _refused("it is damaged, or it is not an archive") from error


@contextmanager
def opened(path: Path, pulse: Pulse = lambda: None) -> Iterator[ArchiveReader]:
    """The archive at the path. Raises InvalidInput for one that is damaged, altered or none."""
    if not path.is_file():
        raise InvalidInput(f"there is no file {path.name}")
    with _translated():
        _check_directory(path)
        archive = zipfile.ZipFile(path)
    with archive:
        yield ArchiveReader(archive, path.stat().st_size, pulse)


def _check_directory(path: Path) -> None:
    """Refuse a list of more files than an import reads, before it is read into memory."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        tail = file.read(_TAIL)
    at = tail.rfind(_END)
    if at < 0 or at + 22 > len(tail):
        raise zipfile.BadZipFile
    [entries, length] = struct.unpack_from("<HI", tail, at + 10)
    large = tail.rfind(_LARGE_END, 0, at)
    if large >= 0 and large + 56 <= len(tail):
        [large_entries, large_length] = struct.unpack_from("<QQ", tail, large + 32)
        entries, length = max(entries, large_entries), max(length, large_length)
    if entries > _MOST_ENTRIES or length > _MOST_ENTRIES * _LISTED:
        raise _refused(f"it lists more than {_MOST_ENTRIES:,} files")


def record_document(record: MemoryRecord) -> dict[str, Any]:
    """A record as JSON has it."""
    document = {name: getattr(record, name) for name in PLAIN_FIELDS}
    document |= {name: _said(document[name]) for name in TIME_FIELDS}
    adapter = {name: getattr(record.adapter, name) for name in ADAPTER_FIELDS}
    return {
        **_whose(record.scope),
        **document,
        "metadata": dict(record.metadata),
        "adapter": None if record.retired else adapter,
    }


def turn_document(turn: Turn) -> dict[str, Any]:
    """A turn as JSON has it."""
    names = ("role", "text", "ordinal", "id", "internalized")
    made = {"created_at": turn.created_at.isoformat()}
    return {**_whose(turn.scope), **{name: getattr(turn, name) for name in names}, **made}


def _whose(scope: Scope) -> dict[str, str | None]:
    return {name: getattr(scope, name) for name in ("tenant_id", *SCOPE_FIELDS)}


def _said(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
