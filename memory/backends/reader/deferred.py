"""The reader of English, imported at the first text: its rules take a tenth of a second to compile."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from memory.ports import Reading

if TYPE_CHECKING:
    from memory.backends.reader.answer.spans import Spans
    from memory.backends.reader.english import EnglishReader
    from memory.backends.reader.pairs import Pairs
    from memory.text.passage import Passage


class DeferredEnglish:
    """Fills the port `Reader` as `EnglishReader` does; its models are made at the first text."""

    def __init__(
        self,
        spans: Callable[[], Spans | None] = lambda: None,
        pairs: Callable[[], Pairs | None] = lambda: None,
    ) -> None:
        self._spans = spans
        self._pairs = pairs

    def read(self, said: Passage | str) -> Reading:
        """The text, understood as far as it is asked about."""
        return self._reader.read(said)

    @cached_property
    def _reader(self) -> EnglishReader:
        from memory.backends.reader.english import EnglishReader

        return EnglishReader(self._spans(), self._pairs())
