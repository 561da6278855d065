"""Makes memories of pictures: an adapter, words to find it by, and a thumbnail."""

from __future__ import annotations

from dataclasses import replace

from memory.errors import InvalidInput
from memory.ports import Internalizer
from memory.records import IMAGE
from memory.text.cutting import CLAUSE_BUDGETS
from memory.text.passage import Passage
from memory.write.added import Added
from memory.write.origin import Origin
from memory.write.passage_writer import PassageWriter
from memory.write.thumbnails import kept, opened


class Images:
    """Stores pictures, each as one memory."""

    def __init__(self, internalizer: Internalizer, write: PassageWriter) -> None:
        self._internalizer = internalizer
        self._write = write

    def add(self, data: bytes, caption: str, origin: Origin) -> Added:
        """Remember the picture in a file's bytes; without a caption the model's own words stand for it.

        Raises InvalidInput for what is no picture, a caption longer than one memory, and metadata that would
        hide the thumbnail; ModelUnavailable.
        """
        if IMAGE in origin.metadata:
            raise InvalidInput(f"the metadata has {IMAGE!r}, where the thumbnail is kept; use another name")
        caption = caption.strip()
        self._check(caption)
        image = opened(data)
        looked = self._internalizer.look(image, caption)
        metadata = {**origin.metadata, IMAGE: kept(data, image, looked.words)}
        passage = Passage(caption or looked.words or "A picture.")
        return self._write.image(passage, replace(origin, kind="image", metadata=metadata), looked.lora)

    def _check(self, caption: str) -> None:
        [tokens] = self._internalizer.count([caption])
        most = CLAUSE_BUDGETS * self._internalizer.passage_tokens
        if tokens > most:
            raise InvalidInput(f"the caption has {tokens} tokens, one memory holds {most}; shorten it")
