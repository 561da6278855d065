"""The reader of English, imported at the first text: its rules take a tenth of a second to compile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memory.ports import Reading

if TYPE_CHECKING:
    from memory.text.passage import Passage


class DeferredEnglish:
    """Fills the port `Reader` as `EnglishReader` does."""

    def read(self, said: Passage | str) -> Reading:
        """The text, understood as far as it is asked about."""
        from memory.backends.reader.english import EnglishReader

        return EnglishReader().read(said)
