"""What becomes a memory, of texts, of conversations, and of what is changed later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memory.conversation import Line, lines, passages, unanswered
from memory.errors import InvalidInput
from memory.internalize import Added, Internalize, Origin, Progress
from memory.passages import WHOLE, Passage, split
from memory.ports import Embedder, Internalizer, MemoryStore
from memory.records import MemoryRecord, Message, content_hash


class Rememberer:
    """Cuts what is told into passages and has them internalized."""

    def __init__(
        self, store: MemoryStore, internalize: Internalize, embedder: Embedder, internalizer: Internalizer
    ) -> None:
        self._store = store
        self._internalize = internalize
        self._embedder = embedder
        self._internalizer = internalizer

    def text(self, text: str, origin: Origin, progress: Progress | None = None) -> Added:
        """Remember a text; one of several passages is a document, named after its content by default."""
        cut = split(text, self._internalizer.count, self._internalizer.passage_tokens)
        parts = [Passage(part) for part in cut]
        if len(parts) > 1 and origin.document_id is None:
            origin = replace(origin, document_id=content_hash(text)[:32])
        if origin.document_id is not None:
            origin = replace(origin, kind="document")
        return self._internalize(parts, origin, progress)

    def messages(
        self, messages: Sequence[Message], origin: Origin, progress: Progress | None = None
    ) -> Added:
        """Remember a conversation; with a session, its messages become turns of it first.

        A call whose messages the session ends with already adds no turns: repeating one that was
        interrupted continues it.
        """
        if origin.scope.session_id is None:
            return self._told(lines(messages), origin, progress)
        ending = self._store.turns(origin.scope, last=len(messages))
        if [(turn.role, turn.text) for turn in ending] != [(m.role, m.text) for m in messages]:
            self._store.append_turns(origin.scope, messages)
        return self.session(origin, progress)

    def append(self, messages: Sequence[Message], origin: Origin) -> Added:
        """Make messages turns of their session, whatever it ends with, and remember what they tell."""
        self._store.append_turns(origin.scope, messages)
        return self.session(origin)

    def exchange(self, said: Message, reply: Message, origin: Origin) -> Added:
        """Remember what a user said in a chat; with a session, keep both as turns of it."""
        if origin.scope.session_id is None:
            return self._told(lines([said]), origin, None)
        self._store.append_turns(origin.scope, [said, reply] if reply.text else [said])
        return self.session(origin)

    def session(self, origin: Origin, progress: Progress | None = None) -> Added:
        """Remember the turns of a session that no adapter holds yet.

        A question of the assistant's that ends them waits for the user's answer.
        """
        pending = self._store.turns(origin.scope, internalized=False)
        said = lines(pending)
        waiting = unanswered(said)
        added = self._told(said[:-1] if waiting else said, origin, progress)
        told = [turn.id for turn in pending if waiting is None or turn.ordinal != waiting.place]
        self._store.mark_internalized(origin.scope, told)
        return added

    def rewrite(self, record: MemoryRecord) -> MemoryRecord:
        """Store the record with its text, changed by now; returns it as it stands. Raises InvalidInput."""
        [tokens] = self._internalizer.count([record.text])
        most = WHOLE * self._internalizer.passage_tokens
        if tokens > most:
            raise InvalidInput(
                f"the text has {tokens} tokens, one memory holds {most}; delete this memory and add the text"
            )
        return self._internalize.again(record)

    def reindex(self, tenant_id: str, progress: Progress | None = None) -> int:
        """Make again what other models than those in use made; returns how many memories that were."""
        stale = [record for record in self._store.everything(tenant_id) if self._stale(record)]
        stale.sort(key=lambda record: record.kind == "skill")  # last: there may be no network for them
        for done, record in enumerate(stale, 1):
            self._internalize.again(record)
            if progress is not None:
                progress(done, len(stale))
        return len(stale)

    def _stale(self, record: MemoryRecord) -> bool:
        """Whether other models than those in use made the record's adapter or embedding."""
        made_by = (record.embedder, record.adapter.base_fingerprint, record.adapter.hypernet_fingerprint)
        maker = self._internalize.maker(record.kind)
        if maker is None:
            return True
        in_use = (self._embedder.name, self._internalizer.base_fingerprint, maker.hypernet_fingerprint)
        return made_by != in_use

    def _told(self, said: Sequence[Line], origin: Origin, progress: Progress | None) -> Added:
        cut = passages(said, self._internalizer.count, self._internalizer.passage_tokens)
        return self._internalize(list(cut), origin, progress)
