"""Makes skills: tasks described in words, with adapters that do them. They recall nothing."""

from __future__ import annotations

from memory.errors import InvalidInput
from memory.ports import MemoryStore, SkillWriter
from memory.records import SKILLS, MemoryRecord, Scope
from memory.text.passage import Passage
from memory.write.origin import Origin
from memory.write.passage_writer import PassageWriter


class Skills:
    """Stores skills; `memory.read.skills` finds those of a turn."""

    def __init__(self, store: MemoryStore, internalize: PassageWriter, network: SkillWriter | None) -> None:
        self._store = store
        self._network = network
        self._internalize = internalize

    def add(self, description: str, scope: Scope, *, pinned: bool) -> MemoryRecord:
        """The skill of that description in exactly this scope, made if it is new.

        Added again it is the newest, so that it joins in place of those added since. Raises InvalidInput for
        what the network cannot follow, ModelUnavailable.
        """
        self.require_followed(description)
        origin = Origin(scope, "skill", SKILLS, metadata={"pinned": pinned})
        added = self._internalize([Passage(description)], origin)
        [record] = added
        if record.id in added.created:
            return record
        return self._store.annotate(scope, record.id, metadata={**record.metadata, "pinned": pinned})

    def require_followed(self, description: str) -> None:
        """Raise InvalidInput, with the reason, for a description that the network cannot follow."""
        refusal = None if self._network is None else self._network.refusal(description)
        if refusal is not None:
            raise InvalidInput(refusal)
