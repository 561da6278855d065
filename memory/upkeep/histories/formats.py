"""The forms of histories by name, and which of them a file has."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from memory.errors import InvalidInput
from memory.upkeep.archive import MANIFEST
from memory.upkeep.histories import chatgpt, claude, mem0, openai_messages, source, zep
from memory.upkeep.histories.history import LeftOut, Told


class Form(Protocol):
    """How one product keeps what was said."""

    def looks(self, documents: Sequence[Any]) -> bool:
        """Whether a file's values have this form."""
        ...

    def read(self, documents: Sequence[Any], left_out: LeftOut) -> Iterator[Told]:
        """What they tell; what they tell not is counted by reason."""
        ...


FORMS: dict[str, Form] = {  # in the order in which a file is tried: the special before the general
    "chatgpt": chatgpt,
    "claude": claude,
    "mem0": mem0,
    "zep": zep,
    "openai-messages": openai_messages,
}
PRODUCTS = {
    "chatgpt": "a ChatGPT export",
    "claude": "a Claude export",
    "mem0": "mem0's memories",
    "zep": "Zep's sessions or facts",
    "openai-messages": "OpenAI messages",
}


def recognised(documents: Sequence[Any]) -> str | None:
    """The name of the form that these values have, if one does."""
    return next((name for name, form in FORMS.items() if form.looks(documents)), None)


def history(path: Path, name: str, left_out: LeftOut) -> list[Told]:
    """All that a file of this form tells. Raises InvalidInput, EmptyText."""
    if name not in FORMS:
        raise InvalidInput(f"{name!r} is no form of histories; choose one of {', '.join(FORMS)}")
    documents = source.documents(path)
    if not FORMS[name].looks(documents):
        other = recognised(documents)
        if other is None:
            raise InvalidInput(f"{path.name} is not {PRODUCTS[name]}, nor anything else that is known here")
        raise InvalidInput(
            f"{path.name} looks like {PRODUCTS[other]}, not {PRODUCTS[name]}; give --from {other}"
        )
    return list(FORMS[name].read(documents, left_out))


def guess(path: Path) -> str | None:
    """The form of a file, None where it has none of these; never raises for what it cannot read."""
    try:
        return recognised(source.documents(path))
    except InvalidInput:
        return None


def is_archive(path: Path) -> bool:
    """Whether a file is a zip with a manifest, as `memory export` writes it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return MANIFEST in archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
