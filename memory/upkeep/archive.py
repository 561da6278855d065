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
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast, get_args

from memory.errors import InvalidInput
from memory.files import TEMPORARY, flush_folder, translated
from memory.records import (
    ADAPTER_FIELDS,
    PLAIN_FIELDS,
    RETIRED,
    SCOPE_FIELDS,
    TIME_FIELDS,
    AdapterRef,
    Kind,
    MemoryRecord,
    Scope,
    Turn,
    content_hash,
    new_id,
    now,
)

FORMAT = 1
MANIFEST, MEMORIES, PAST, TURNS = "manifest.json", "memories.jsonl", "past.jsonl", "turns.jsonl"
_ADAPTER = re.compile(r"adapters/([0-9a-f]{64})\.safetensors")
_MOST_MANIFEST = 2**28  # bytes: a line for each adapter
_MOST_LINE = 2**26
_MOST_ADAPTER = 2**28


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
    temporary = path.with_name(f"{TEMPORARY}{new_id()}")
    with translated(path.parent):
        try:
            temporary.touch(mode=0o600, exist_ok=False)  # it holds what people told
            with temporary.open("wb") as file:
                with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                    writer = ArchiveWriter(archive, scope)
                    yield writer
                    writer.finish()
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        flush_folder(path.parent)


class ArchiveReader:
    """Reads an archive, after everything in it was found to be what the manifest says."""

    def __init__(self, archive: zipfile.ZipFile, where: str) -> None:
        self._zip = archive
        self._where = where
        self.manifest = self._manifest()
        self._check()

    def documents(self, name: str) -> Iterator[dict[str, Any]]:
        """The JSON lines of a file. Raises InvalidInput."""
        with self._zip.open(name) as entry:
            while line := entry.readline(_MOST_LINE):
                try:
                    document = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise self._refused(f"{name} holds a line that is no JSON") from error
                if not isinstance(document, dict):
                    raise self._refused(f"{name} holds a line that is no object")
                yield document

    def records(self, name: str) -> Iterator[MemoryRecord]:
        """The memories, or retired passages, of a file. Raises InvalidInput."""
        for document in self.documents(name):
            with self._understood(name):
                record = to_record(document)
            yield record

    def turns(self) -> Iterator[Turn]:
        """The turns, those of a session one after the other. Raises InvalidInput."""
        for document in self.documents(TURNS):
            with self._understood(TURNS):
                turn = to_turn(document)
            yield turn

    def adapter(self, digest: str) -> bytes | None:
        """An adapter's bytes, whose hash was checked; None where the archive has none of that name."""
        name = f"adapters/{digest}.safetensors"
        return self._zip.read(name) if name in self.manifest.files else None

    @contextmanager
    def _understood(self, name: str) -> Iterator[None]:
        try:
            yield
        except InvalidInput:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise self._refused(f"{name} holds a line that is not understood: {error!r}") from error

    def _manifest(self) -> Manifest:
        names = self._zip.namelist()
        if len(set(names)) < len(names):
            raise self._refused("a name is in it twice")
        if MANIFEST not in names or self._zip.getinfo(MANIFEST).file_size > _MOST_MANIFEST:
            raise self._refused("it has no manifest; it is no export of a memory")
        with self._understood(MANIFEST):
            given = json.loads(self._zip.read(MANIFEST))
            if given["format"] != FORMAT:
                raise self._refused(f"its format is {given['format']!r}, this version reads {FORMAT}")
            return Manifest(
                Scope(**given["scope"]),
                {str(name): int(count) for name, count in given["counts"].items()},
                {str(name): (str(digest), int(size)) for name, (digest, size) in given["files"].items()},
            )

    def _check(self) -> None:
        """Refuse an archive that holds anything but what its manifest lists. Raises InvalidInput."""
        listed = {MANIFEST, *self.manifest.files}
        if listed != set(self._zip.namelist()) or not {MEMORIES, PAST, TURNS} <= listed:
            raise self._refused("it does not hold the files that its manifest lists")
        for name, (digest, size) in self.manifest.files.items():
            adapter = _ADAPTER.fullmatch(name)
            if adapter is None and name not in (MEMORIES, PAST, TURNS):
                raise self._refused(f"it holds a file named {name!r}")
            if self._zip.getinfo(name).file_size != size or (adapter and size > _MOST_ADAPTER):
                raise self._refused(f"{name} has not the size that the manifest says")
            found = self._digest(name)
            if found != digest or (adapter and adapter[1] != digest):
                raise self._refused(f"{name} was altered: its hash is not the manifest's")

    def _digest(self, name: str) -> str:
        digest = hashlib.sha256()
        try:
            with self._zip.open(name) as entry:
                while piece := entry.read(2**20):
                    digest.update(piece)
        except (zipfile.BadZipFile, EOFError) as error:
            raise self._refused(f"{name} is damaged") from error
        return digest.hexdigest()

    def _refused(self, why: str) -> InvalidInput:
        return InvalidInput(f"{self._where} is not imported: {why}")


@contextmanager
def opened(path: Path) -> Iterator[ArchiveReader]:
    """The archive at the path. Raises InvalidInput for one that is damaged, altered or none."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield ArchiveReader(archive, str(path))
    except FileNotFoundError as error:
        raise InvalidInput(f"there is no file {path}") from error
    except zipfile.BadZipFile as error:
        raise InvalidInput(f"{path} is not imported: it is no archive, or a damaged one") from error


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


def to_record(document: Mapping[str, Any]) -> MemoryRecord:
    """A record from JSON. Raises KeyError, TypeError, ValueError."""
    given = {name: document[name] for name in PLAIN_FIELDS}
    given |= {name: _read(given[name]) for name in TIME_FIELDS}
    if given["kind"] not in get_args(Kind):
        raise ValueError(f"kind {given['kind']!r}")
    given["content_hash"] = content_hash(given["text"], given["kind"])
    adapter = document["adapter"]
    return MemoryRecord(
        scope=Scope(**{name: document[name] for name in ("tenant_id", *SCOPE_FIELDS)}),
        adapter=RETIRED if adapter is None else AdapterRef(**adapter),
        metadata=document["metadata"],
        **given,
    )


def turn_document(turn: Turn) -> dict[str, Any]:
    """A turn as JSON has it."""
    names = ("role", "text", "ordinal", "id", "internalized")
    made = {"created_at": turn.created_at.isoformat()}
    return {**_whose(turn.scope), **{name: getattr(turn, name) for name in names}, **made}


def to_turn(document: Mapping[str, Any]) -> Turn:
    """A turn from JSON. Raises KeyError, TypeError, ValueError."""
    if document["role"] not in ("system", "user", "assistant"):
        raise ValueError(f"role {document['role']!r}")
    return Turn(
        Scope(**{name: document[name] for name in ("tenant_id", *SCOPE_FIELDS)}),
        document["role"],
        document["text"],
        int(document["ordinal"]),
        created_at=cast(datetime, _read(document["created_at"])),
        internalized=bool(document["internalized"]),
    )


def _whose(scope: Scope) -> dict[str, str | None]:
    return {name: getattr(scope, name) for name in ("tenant_id", *SCOPE_FIELDS)}


def _said(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _read(at: str | None) -> datetime | None:
    return None if at is None else datetime.fromisoformat(at)
