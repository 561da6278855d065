"""The reader of English, imported at the first text: its rules take a tenth of a second to compile."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from memory.ports import Reading

if TYPE_CHECKING:
    from memory.backends.reader.answer.spans import Spans
    from memory.backends.reader.english import EnglishReader
    from memory.text.passage import Passage


class DeferredEnglish:
    """Fills the port `Reader` as `EnglishReader` does; `spans` makes its model at the first text."""

    def __init__(self, spans: Callable[[], Spans | None] = lambda: None) -> None:
        self._spans = spans

    def read(self, said: Passage | str) -> Reading:
        """The text, understood as far as it is asked about."""
        return self._reader.read(said)

    @cached_property
    def _reader(self) -> EnglishReader:
        from memory.backends.reader.english import EnglishReader

        return EnglishReader(self._spans())
