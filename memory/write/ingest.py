"""Turns texts, conversations and later changes into memories."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from memory.errors import InvalidInput, NotFound
from memory.ports import Embedder, Internalizer, MemoryStore, Reader, Revision, Wanted
from memory.records import (
    MAX_PAGE,
    SINGLE_KINDS,
    MemoryRecord,
    Message,
    Scope,
    Skipped,
    content_hash,
    every_record,
)
from memory.text import forms
from memory.text.cutting import CLAUSE_BUDGETS, leans, split_text
from memory.text.passage import Passage
from memory.write.adapter_factory import AdapterFactory
from memory.write.added import Added, Progress
from memory.write.conversation import Utterance, passages, unanswered, utterances
from memory.write.density import DensityGuard
from memory.write.draft import Draft
from memory.write.origin import Origin
from memory.write.passage_writer import PASSAGES_PER_BATCH, PassageWriter
from memory.write.retry import ATTEMPTS, retried

_NEAR = 4  # turns between a message and what it goes on about
_SITTING = timedelta(hours=6)  # what is said later than that is dated by itself


class Ingest:
    """Cuts texts and conversations into passages and has them internalized."""

    def __init__(
        self,
        store: MemoryStore,
        internalize: PassageWriter,
        making: AdapterFactory,
        embedder: Embedder,
        internalizer: Internalizer,
        guard: DensityGuard,
        reader: Reader,
    ) -> None:
        self._store = store
        self._internalize = internalize
        self._making = making
        self._embedder = embedder
        self._internalizer = internalizer
        self._guard = guard
        self._reader = reader

    def text(
        self,
        text: str,
        origin: Origin,
        progress: Progress | None = None,
        *,
        told_at: datetime | None = None,
    ) -> Added:
        """Remember a text; one of several passages is a document, named after its content by default.

        `told_at` is when it was told, where that was long ago.

        Tables, settings and Markdown are remembered as the statements that they make.
        """
        text = forms.statements(text)
        parts = [*split_text(text, self._internalizer.count, self._internalizer.passage_tokens)]
        named = origin.document_id is not None
        if len(parts) == 1 and not named and self._reader.read(text).withheld:
            return Added(skipped=[Skipped(text, "not to be kept")])
        if len(parts) > 1 and origin.document_id is None:
            origin = replace(origin, document_id=content_hash(text)[:32])
        if origin.document_id is not None:
            origin = replace(origin, kind="document")
        parts = [replace(part, told_at=told_at) for part in self._guard(parts)]
        added = self._internalize(parts, origin, progress)
        if not named:
            return added
        former = self._outdate_former(added, {part.text for part in parts}, origin)
        return Added(added, [*added.created], [*added.superseded, *former], added.skipped)

    def _outdate_former(self, added: Added, told: set[str], origin: Origin) -> list[str]:
        """Outdate passages of the document's former version that this one lacks; returns their ids.

        An interruption before leaves both versions in force, until the document is added again.
        """

        def attempt() -> list[str]:
            draft = Draft(self._store, self._making, origin.scope.tenant_id)
            before = self._of_document(origin)
            former = [old for old in before if old.kind != "skill" and old.text not in told]
            for old in former:
                by = min(added, key=lambda record: abs(record.position - old.position))
                draft.outdate(old, by.id)
            if not draft:
                return []
            self._internalize.revise(draft, origin.scope.tenant_id)
            return [old.id for old in former]

        return retried(attempt, "another writer keeps changing this document; add it again")

    def _of_document(self, origin: Origin) -> list[MemoryRecord]:
        """Current passages of the document in exactly this scope."""
        document = Wanted(document_id=origin.document_id)
        pages = partial(self._store.page, origin.scope, document, limit=MAX_PAGE)
        every = every_record(lambda cursor: pages(cursor=cursor))
        found = [record for record in every if record.scope == origin.scope]
        whole = [record.id for record in found if record.compacted]
        held = self._store.retired(origin.scope, held_by=whole) if whole else []
        passages = [record for record in found if not record.compacted]
        return passages + [passage for passage in held if passage.valid_until is None]

    def messages(
        self,
        messages: Sequence[Message],
        origin: Origin,
        progress: Progress | None = None,
        key: str | None = None,
    ) -> Added:
        """Remember a conversation; with a session, its messages become turns of it first.

        A call whose messages the session ends with already adds no turns: repeating one that was
        interrupted continues it. So does one with the key of a call that added its turns, whatever has been
        said since.
        """
        if origin.scope.session_id is None:
            skipped: list[Skipped] = []
            return self._told(utterances(messages, self._reader, skipped), origin, progress, skipped=skipped)
        kept, left_out = self._to_be_kept(messages)
        ending = self._store.turns(origin.scope, last=max(1, len(kept)))
        if kept and [(turn.role, turn.text) for turn in ending] != [(m.role, m.text) for m in kept]:
            self._store.append_turns(origin.scope, kept, idempotency_key=key)
        return self._of_session(origin, progress, left_out)

    def append(self, messages: Sequence[Message], origin: Origin, key: str | None = None) -> Added:
        """Make messages turns of their session, whatever it ends with, and remember what they tell."""
        kept, left_out = self._to_be_kept(messages)
        if kept:
            self._store.append_turns(origin.scope, kept, idempotency_key=key)
        return self._of_session(origin, None, left_out)

    def _of_session(self, origin: Origin, progress: Progress | None, left_out: Sequence[Skipped]) -> Added:
        added = self.session(origin, progress)
        added.skipped = (*left_out, *added.skipped)
        return added

    def _to_be_kept(self, messages: Sequence[Message]) -> tuple[list[Message], list[Skipped]]:
        """The messages without those that a user wants forgotten or not kept, and the replies to them."""
        kept, left_out = list[Message](), list[Skipped]()
        withheld = False
        for one in messages:
            if one.role == "user":
                withheld = self._reader.read(one.text).withheld
            if not withheld:
                kept.append(one)
            elif one.role == "user":
                left_out.append(Skipped(one.text, "not to be kept"))
        return kept, left_out

    def exchange(self, said: Message, reply: Message, origin: Origin) -> Added:
        """Remember what a user said in a chat; with a session, keep both as turns of it."""
        if origin.scope.session_id is None:
            return self._told(utterances([said], self._reader), origin, None)
        self._store.append_turns(origin.scope, [said, reply] if reply.text else [said])
        return self.session(origin)

    def session(self, origin: Origin, progress: Progress | None = None, *, as_said: bool = False) -> Added:
        """Remember the turns of a session that no adapter holds yet.

        A question of the assistant's that ends them waits for the user's answer. With `as_said` each memory
        dates from the turn that told it, and not from now.
        """
        pending = self._store.turns(origin.scope, internalized=False)
        said = utterances(pending, self._reader)
        waiting = unanswered(said)
        dates = {turn.ordinal: turn.created_at for turn in pending} if as_said else {}
        led = self._led_in(origin.scope, said)
        added = self._told(said[:-1] if waiting else said, origin, progress, dates, led=led)
        told = [turn.id for turn in pending if waiting is None or turn.ordinal != waiting.place]
        self._store.mark_internalized(origin.scope, told)
        return added

    def _led_in(self, scope: Scope, said: Sequence[Utterance]) -> Utterance | None:
        """What a message goes on about ("He plays the accordion."): the newest memory of its session.

        Only where that was told just before: what was forgotten since leads nothing in.
        """
        if not said or said[0].role != "user" or not leans(said[0].text):
            return None
        newest = self._store.page(scope, limit=1).records
        if not newest or newest[0].last_turn is None or newest[0].compacted:
            return None
        if not 0 < said[0].place - newest[0].last_turn <= _NEAR:
            return None
        return Utterance(
            newest[0].role or "assistant", newest[0].last_turn, self._reader.read(newest[0].text)
        )

    def change(
        self,
        scope: Scope,
        memory_id: str,
        changed: Callable[[MemoryRecord], MemoryRecord],
        *,
        keep_past: bool = True,
        expects: MemoryRecord | None = None,
    ) -> MemoryRecord:
        """Apply `changed` to the stored memory; returns the result.

        What it said before is of the past, or gone where it is not kept. Raises NotFound, InvalidInput, and
        StoreConflict where it is no longer as `expects` says, or other writers keep changing it.
        """

        def attempt() -> MemoryRecord:
            before = self._store.get(scope, memory_id) if expects is None else expects
            return self._rewrite(changed(before), before, keep_past=keep_past)

        otherwise = f"another writer changed memory {memory_id!r} meanwhile; read it again"
        return retried(attempt, otherwise, ATTEMPTS if expects is None else 1)

    def _rewrite(self, record: MemoryRecord, before: MemoryRecord, *, keep_past: bool) -> MemoryRecord:
        [tokens] = self._internalizer.count([record.text])
        most = CLAUSE_BUDGETS * self._internalizer.passage_tokens
        if tokens > most:
            raise InvalidInput(
                f"the text has {tokens} tokens, one memory holds {most}; delete this memory and add the text"
            )
        # what a skill or an image was is no past to ask about
        if before.text == record.text or record.kind in SINGLE_KINDS:
            return self._internalize.again(record, before)
        draft = Draft(self._store, self._making, record.scope.tenant_id)
        held = self._store.retired(record.scope, held_by=[record.id])
        for passage in held:
            if not keep_past:
                draft.erase(passage)
            elif passage.valid_until is None:
                draft.outdate(passage, record.id)
        keep = keep_past and not before.compacted
        draft.rewrite(replace(record, compacted=0), record.id, keep=keep, before=before)
        self._internalize.revise(draft, record.scope.tenant_id)
        return self._store.get(record.scope, record.id)

    def reindex(self, tenant_id: str, progress: Progress | None = None) -> int:
        """Remake everything made by other models than those in use; returns the number of memories."""
        stale = [record for record in self._store.everything(tenant_id) if self._stale(record)]
        stale.sort(key=lambda record: record.kind == "skill")  # last: there may be no network for them
        past = [r for r in self._store.everything_retired(tenant_id) if r.embedder != self._embedder.name]
        whole = len(stale) + len(past)
        for done, record in enumerate(stale, 1):
            with suppress(NotFound):  # gone meanwhile
                self._internalize.anew(record)
            if progress is not None:
                progress(done, whole)
        for start in range(0, len(past), PASSAGES_PER_BATCH):
            some = past[start : start + PASSAGES_PER_BATCH]
            self._embed_again(tenant_id, [record.id for record in some])
            if progress is not None:
                progress(len(stale) + start + len(some), whole)
        return whole

    def _embed_again(self, tenant_id: str, passage_ids: Sequence[str]) -> None:
        """Embed retired passages again, as the store has them when their turn comes."""
        name, dim = self._making.embedder

        def attempt() -> None:
            found = self._store.retired(Scope(tenant_id=tenant_id), ids=passage_ids)
            renewed = [replace(record, embedder=name, dim=dim) for record in found]
            vectors = self._making.embed([Passage.of(record) for record in found]) if found else None
            self._store.revise(tenant_id, Revision(expects=found, renewed=renewed, vectors=vectors))

        retried(attempt, "other writers keep changing the past; reindex again")

    def _stale(self, record: MemoryRecord) -> bool:
        """Whether the record's adapter or embedding was made by another model."""
        made_by = (record.embedder, record.adapter.base_fingerprint, record.adapter.hypernet_fingerprint)
        maker = self._internalize.maker(record.kind)
        if maker is None:
            return True
        in_use = (self._embedder.name, self._internalizer.base_fingerprint, maker.hypernet_fingerprint)
        return made_by != in_use

    def _told(
        self,
        said: Sequence[Utterance],
        origin: Origin,
        progress: Progress | None,
        dates: Mapping[int, datetime] | None = None,
        skipped: Sequence[Skipped] = (),
        led: Utterance | None = None,
    ) -> Added:
        """`dates` are those of turns by ordinal, for passages that date from the last turn in them.

        `led` is what the first of them goes on about.
        """
        left_out = [*skipped]
        sittings = _sittings(said, dates) if dates else [said]
        count, budget = self._internalizer.count, self._internalizer.passage_tokens
        cut: list[Passage] = []
        for some in sittings:
            before = None if cut else led
            cut += passages(some, count, budget, self._reader, left_out, before)
        parts = self._guard(cut)
        if dates:
            parts = [
                part if part.last_turn is None else replace(part, told_at=dates.get(part.last_turn))
                for part in parts
            ]
        added = self._internalize(parts, origin, progress)
        return Added(added, [*added.created], [*added.superseded], [*left_out, *added.skipped])


def _sittings(said: Sequence[Utterance], dates: Mapping[int, datetime]) -> list[list[Utterance]]:
    """Split lines into sittings hours apart; an answer stays with its question."""
    found: list[list[Utterance]] = []
    for line in said:
        before = found[-1][-1] if found else None
        apart = before is not None and dates[line.place] - dates[before.place] > _SITTING
        if before is None or (apart and before.role != "assistant"):
            found.append([])
        found[-1].append(line)
    return found
