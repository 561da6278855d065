"""Names of documents: a file's own, or its path where another file of that name is remembered already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from memory.errors import InvalidInput
from memory.records import MAX_NAME, MemoryRecord

if TYPE_CHECKING:
    from memory.client import Client
    from memory.records.inputs import Whose
    from memory.service import Service

PATH = "path"  # in the metadata of a file's memories: where it lay


def document_of(memory: Service | Client, file: Path, whose: Whose) -> tuple[str | None, dict[str, str]]:
    """What a file's document is called, and the metadata that go with it; a pipe has no name.

    A file that is added again replaces what it said before; one of the same name from elsewhere does not.
    Raises InvalidInput.
    """
    if not file.is_file():
        return None, {}
    path = str(file.resolve())
    for name in (path, file.name):
        known = _of(memory, name, whose)
        if known is not None and known.metadata.get(PATH) == path:
            return name, {PATH: path}
    if _of(memory, file.name, whose) is None:
        return file.name, {PATH: path}
    if len(path) > MAX_NAME:
        raise InvalidInput(f"another {file.name} is remembered; give this one a name with --document")
    return path, {PATH: path}


def _of(memory: Service | Client, name: str, whose: Whose) -> MemoryRecord | None:
    """A memory of the document of that name."""
    if len(name) > MAX_NAME:
        return None
    return next(iter(memory.list(document_id=name, limit=1, **whose).records), None)
