"""What an agent reaches by the tools of memory.api.mcp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from memory.errors import ParametricMemoryError
from memory.ports import Reader
from memory.records import ChatReply
from memory.records.inputs import Whose, data_url_in, text_in
from memory.write.added import Added

if TYPE_CHECKING:
    from memory.client import Client
    from memory.service import Service


@dataclass(frozen=True, slots=True)
class Reach:
    """What an agent reaches: one scope's memories, here or on a server; the caller closes the memory."""

    memory: Service | Client
    whose: Whose
    reader: Reader  # tells what is to be stored of a text,
    max_text_bytes: int  # and how long it may be

    def remember(self, text: str, image: str | None = None) -> Added:
        """The memories that a text became, questions and requests left out; raises as `Memory.add`.

        Of an `image`, a data URL, the text is the caption.
        """
        reading = self.reader.read(text_in(text, self.max_text_bytes))
        skipped = reading.skipped
        said = "" if reading.small_talk or reading.withheld else reading.told
        if image is not None and not reading.withheld:
            return self.memory.add(said, image=_bytes(image), **self.whose)
        if not said:
            return Added(skipped=skipped)
        added = self.memory.add(text if not skipped else said, **self.whose)
        added.skipped = (*skipped, *added.skipped)
        return added

    def ask(self, question: str, image: str | None, choices: list[str] | None) -> ChatReply:
        """The memory's own answer; an `image` is a data URL."""
        return self.memory.ask(question, image=_bytes(image), choices=choices, **self.whose)

    def forget(self, memory_id: str) -> None:
        """Erase one. Raises NotFound."""
        self.memory.delete(memory_id, **self.whose)

    def words(self, error: ParametricMemoryError) -> str:
        """What a model is told of an error."""
        return str(error)


def _bytes(image: str | None) -> bytes | None:
    """Of a data URL alone: an agent names no path."""
    return None if image is None else data_url_in(image)
