"""The verbs that remember: add, append, update, pin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from types import EllipsisType
from typing import Any, Unpack

from memory.records import MemoryRecord, Message, Scope, Skipped
from memory.records.inputs import (
    Content,
    Picture,
    Said,
    Whose,
    caption_in,
    check_copies,
    check_expiry,
    check_span,
    image_in,
    messages_in,
    text_in,
)
from memory.service.base import ServiceBase
from memory.text.chats import conversation
from memory.write.added import Added, Progress
from memory.write.origin import Origin


class Remembering(ServiceBase):
    """Verbs that write what somebody told."""

    def add(
        self,
        content: Content = "",
        *,
        image: Picture | None = None,
        metadata: Mapping[str, Any] | None = None,
        expires_at: datetime | None = None,
        valid_from: datetime | None = None,
        valid_until: datetime | None = None,
        document_id: str | None = None,
        progress: Progress | None = None,
        idempotency_key: str | None = None,
        **whose: Unpack[Whose],
    ) -> Added:
        """Remember a text, or messages of a conversation; returns what stands for each passage of it.

        Content that the exact scope holds already is not stored again: `Added.created` names what is new.
        A text longer than one passage is a document; a conversation in JSON, as programs
        write it (`memory.text.chats`), is read as its messages. Messages with a session become
        turns of it. Of messages, only what tells something is remembered (see `memory.write.conversation`);
        that may be nothing. When the call returns, all of it is durable. A message that is not to be kept
        ("Don't remember this: ...") is no turn either, nor is the reply to it; where the last one wants
        something forgotten ("Please forget my PIN."), memories of it are erased.

        `Added.skipped` says what was not stored, and why: questions, requests, small talk, what is not to be
        kept, duplicates.

        What it contradicts is superseded: it is of the past from now on (`as_of`), and `Added.superseded`
        names it. So is what a document of the same document_id said before and says no longer.
        What begins to hold later (`valid_from`), or ends (`valid_until`), is recalled in that time alone.

        A call that may have been cut off can be made again with its `idempotency_key`: its turns are added
        once, whatever the session ends with by now. A key means the same call for some 23 hours.

        An `image` (a path, the bytes of its file or a data URL) is one memory, found by its caption, which is
        then the content, or by what the model says of it. Raises SeesNothing where it sees none.

        Raises MissingScope, EmptyText, TextTooLarge, InvalidInput, ModelUnavailable, StoreError.
        """
        whom = self._scope(whose).required()
        check_expiry(expires_at)
        check_span(valid_from, valid_until)
        scope = self._writing(whom)
        origin = Origin(scope, "message", document_id, expires_at, valid_from, valid_until, metadata or {})
        most = self.settings.max_text_bytes
        with self._at_work(scope.tenant_id, self.begin(scope)):
            if image is not None:
                return self._cases.images.add(image_in(image), caption_in(content, most), origin)
            if isinstance(content, str):
                check_copies(origin.metadata, [text_in(content, most)])
                said = conversation(content)
                if said is None:
                    return self._cases.ingest.text(content, origin, progress)
                content = said
            messages = messages_in(content, most)
            check_copies(origin.metadata, [message.text for message in messages])
            added = self._cases.ingest.messages(messages, origin, progress, idempotency_key)
        self._forget_as_told(messages, scope)
        return _with_blank(added, content, messages)

    def append(
        self, messages: Said | Sequence[Said], *, idempotency_key: str | None = None, **whose: Unpack[Whose]
    ) -> Added:
        """Append messages to a session and remember what they tell; blank ones are left out.

        Unlike with `add`, messages that the session ends with already become turns of it again, unless the
        call is made again with its key. Raises as `add` does, and MissingScope without a session.
        """
        scope = self._writing(self._scope(whose).required_session())
        said = messages_in(messages, self.settings.max_text_bytes)
        with self._at_work(scope.tenant_id, self.begin(scope)):
            added = self._cases.ingest.append(said, Origin(scope), idempotency_key)
        self._forget_as_told(said, scope)
        return _with_blank(added, messages, said)

    def _forget_as_told(self, messages: Sequence[Message], scope: Scope) -> None:
        """Erase what the user's last message wants forgotten ("Please forget my PIN."), as a chat does."""
        last = next((one.text for one in reversed(messages) if one.role == "user"), "")
        if named := self._backends.reader.read(last).forgets:
            self._cases.forget(named, scope)

    def add_later(self, content: Content, **given: Any) -> Future[Added]:
        """`add` in a background thread, one text after the other; its errors come out of the future.

        Durable when the future is done, not before; `close` waits for it.
        """
        with self._lock:
            if self._background is None:
                self._background = ThreadPoolExecutor(1, thread_name_prefix="memory-add")
            return self._background.submit(self.add, content, **given)

    def add_skill(self, description: str, *, pinned: bool = True, **whose: Unpack[Whose]) -> MemoryRecord:
        """Make a task described in words a skill: its adapter joins the turns of its scope.

        Pinned, it joins all of them; else those that are near to it (settings.skill_threshold). What is
        named is its scope: a skill of a user is for all of the user's sessions, one of an agent for all who
        talk to it. Again, it only changes `pinned`. Raises as `add` does; InvalidInput for a description that
        the Text-to-LoRA network cannot follow, ModelUnavailable where none goes with the model.
        """
        scope = self._writing(self._scope(whose).required())
        text = text_in(description, self.settings.max_text_bytes).strip()
        with self._at_work(scope.tenant_id, self.begin(scope)):
            return self._cases.skills.add(text, scope, pinned=pinned)

    def update(
        self,
        memory_id: str,
        text: str | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        expires_at: datetime | EllipsisType | None = ...,
        pinned: bool | None = None,
        keep_past: bool = True,
        expects: MemoryRecord | None = None,
        **whose: Unpack[Whose],
    ) -> MemoryRecord:
        """Change a memory's text, metadata, expiry or pin, in one step; new text is internalized.

        The old text answers no more, and is seen by `as_of` alone; with `keep_past=False` it is gone.

        Raises NotFound; InvalidInput when the text is longer than one passage, another memory of the scope
        says it already, or a skill's is one that its network cannot follow; StoreConflict where the memory
        is no longer as `expects`, which was read before, says.
        """
        scope = self._writing(self._scope(whose))
        if text is None and isinstance(expires_at, EllipsisType):
            return self._backends.store.annotate(
                scope, memory_id, metadata=metadata, pinned=pinned, expects=expects
            )
        told = None if text is None else text_in(text, self.settings.max_text_bytes)

        def changed(record: MemoryRecord) -> MemoryRecord:
            until = record.expires_at if isinstance(expires_at, EllipsisType) else expires_at
            check_expiry(until)
            if told is not None and record.kind == "skill":
                self._cases.skills.require_followed(told)
            return replace(
                record,
                text=record.text if told is None else told,
                metadata=record.metadata if metadata is None else metadata,
                expires_at=until,
                pinned=record.pinned if pinned is None else pinned,
            )

        with self._at_work(scope.tenant_id):
            renewed = self._cases.ingest.change(
                scope, memory_id, changed, keep_past=keep_past, expects=expects
            )
        self._cases.eraser.replaced(scope.tenant_id, for_good=not keep_past)
        return renewed

    def pin(self, memory_id: str, pinned: bool = True, **whose: Unpack[Whose]) -> MemoryRecord:
        """Have a memory go before all others that matter for a turn; or no more. Raises NotFound."""
        return self._backends.store.annotate(self._writing(self._scope(whose)), memory_id, pinned=pinned)


def _with_blank(added: Added, given: Content, said: Sequence[Message]) -> Added:
    """With the messages that were blank among what was skipped."""
    blank = len(given) - len(said) if isinstance(given, Sequence) else 0
    added.skipped = (*added.skipped, *[Skipped("", "empty")] * blank)
    return added
