"""The verbs that look things up, and change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Unpack, cast, get_args

from memory.errors import InvalidInput, NotFound
from memory.ports import Wanted
from memory.read.explanation import Explanation
from memory.read.options import Filters
from memory.read.recalled import Recall
from memory.records import (
    ID_LENGTH,
    AdapterChoice,
    HistoryEvent,
    HoldingPage,
    Kind,
    MemoryHit,
    MemoryRecord,
    Page,
    SessionPage,
    State,
    Status,
    StoreStats,
    Turn,
    check_aware,
)
from memory.records.inputs import MAX_RECALLED, Content, Said, Whose, filters_in, messages_in, text_in
from memory.service.base import ServiceBase

if TYPE_CHECKING:
    from hypernet.lora.adapter import LoRA


_SHORTEST = 4  # letters of an id that stand for it

Hits = list[MemoryHit]  # named here, because inside the class `list` is the verb
Choices = list[AdapterChoice]
Turns = list[Turn]
Events = list[HistoryEvent]


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a memory is, and how often an adapter was at hand."""

    waiting: int  # replies and other work that the model has not begun
    cache_hits: int
    cache_misses: int


class Looking(ServiceBase):
    """Verbs that read."""

    def search(
        self,
        query: str,
        *,
        k: int = 4,
        as_of: datetime | None = None,
        filters: Filters | None = None,
        **whose: Unpack[Whose],
    ) -> Hits:
        """The k memories that matter most for a query, by embedding and shared words, the best first.

        With `as_of`, the passages that held then; with `filters`, what has these items in its metadata.
        """
        check_aware("as_of", as_of)
        scope = self._reading(self._scope(whose).required())
        if k < 1:
            raise InvalidInput(f"k is {k}; give at least 1")
        vector = self._cases.selector.embed(text_in(query, self.settings.max_text_bytes))
        return self._cases.selector.search(scope, vector, k, as_of, query, filters_in(filters))

    def recall(
        self,
        query: str,
        *,
        k: int = 20,
        max_tokens: int | None = None,
        before: Sequence[Said] | None = None,
        as_of: datetime | None = None,
        filters: Filters | None = None,
        **whose: Unpack[Whose],
    ) -> Recall:
        """The texts that another model should read before it answers: at most k of them, 50 at most.

        `str()` of it goes into the prompt: one line a text, with its date and who said it, what holds before
        what newer texts replace, the most relevant first. `max_tokens` (settings.recall_tokens) bounds it
        all. What the visible messages `before` show already is left out. With `as_of`, what held then; with
        `filters`, what has these items in its metadata. Raises InvalidInput, MissingScope, StoreError.
        """
        check_aware("as_of", as_of)
        scope = self._reading(self._scope(whose).required())
        most = self.settings.recall_tokens if max_tokens is None else max_tokens
        if not 1 <= k <= MAX_RECALLED:
            raise InvalidInput(f"k is {k}; give 1 to {MAX_RECALLED}")
        if most < 1:
            raise InvalidInput(f"max_tokens is {most}; give at least 1")
        return self._cases.recaller(
            scope,
            text_in(query, self.settings.max_text_bytes),
            k=k,
            max_tokens=most,
            before=messages_in(before, self.settings.max_text_bytes) if before else (),
            as_of=as_of,
            filters=filters_in(filters),
        )

    def select(
        self,
        query: str,
        *,
        as_of: datetime | None = None,
        filters: Filters | None = None,
        **whose: Unpack[Whose],
    ) -> Choices:
        """The adapters that a turn saying this would merge; none where nothing matters for it.

        With `filters`, of memories that have these items in their metadata.
        """
        check_aware("as_of", as_of)
        scope = self._reading(self._scope(whose).required())
        vector = self._cases.selector.embed(text_in(query, self.settings.max_text_bytes))
        selected = self._cases.selector.select(scope, vector, as_of, query, filters_in(filters))
        return [*selected.choices]

    def explain(
        self,
        query: str,
        *,
        as_of: datetime | None = None,
        filters: Filters | None = None,
        **whose: Unpack[Whose],
    ) -> Explanation:
        """What `select` chooses, and why: each candidate, its cosine and words, and its outcome."""
        check_aware("as_of", as_of)
        scope = self._reading(self._scope(whose).required())
        text = text_in(query, self.settings.max_text_bytes)
        vector = self._cases.selector.embed(text)
        return self._cases.selector.explain(scope, vector, as_of, text, filters_in(filters))

    def count_tokens(self, content: Content) -> int:
        """Tokens of a text, or of the prompt that messages make. Loads the model."""
        if isinstance(content, str):
            return self._backends.internalizer.count([content])[0]
        return self._backends.generator.count_tokens(messages_in(content, self.settings.max_text_bytes))

    def get(self, memory_id: str, **whose: Unpack[Whose]) -> MemoryRecord:
        """One memory of the tenant, outdated or not, by its id or by what no other's id begins with.

        Raises NotFound; for a passage that was compacted it names the memory that holds it now. Raises
        InvalidInput for the beginning of several ids.
        """
        scope = self._scope(whose)
        try:
            return self._backends.store.get(scope, memory_id)
        except NotFound:
            found = self._backends.store.beginning(scope, memory_id) if _is_prefix(memory_id) else []
            if not found:
                raise
        if len(found) > 1:
            raise InvalidInput(
                f"several ids begin with {memory_id!r}, such as {' and '.join(found)}; give more"
            )
        return self._backends.store.get(scope, found[0])

    def list(
        self,
        *,
        kind: Kind | None = None,
        document_id: str | None = None,
        superseded_by: str | None = None,
        filters: Filters | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        state: State = "current",
        limit: int = 100,
        cursor: str | None = None,
        as_of: datetime | None = None,
        **whose: Unpack[Whose],
    ) -> Page:
        """Memories, newest first; `cursor` of one page asks for the next.

        `filters` are items that the metadata has, `since` and `until` bound when it was told. `state` is
        "current", or "pinned" of those, "past" for what holds no longer, "coming" for what does not hold yet.
        With `as_of`, the passages that held at that time.
        """
        for what, at in (("as_of", as_of), ("since", since), ("until", until)):
            check_aware(what, at)
        if state not in get_args(State):
            raise InvalidInput(f"state is {state!r}; choose one of {', '.join(get_args(State))}")
        if as_of is not None and state != "current":
            raise InvalidInput("give as_of or a state, not both")
        return self._backends.store.page(
            self._scope(whose).required(),
            Wanted(kind, document_id, superseded_by, filters_in(filters), since, until, state),
            limit=limit,
            cursor=cursor,
            as_of=as_of,
        )

    def turns(self, *, last: int | None = None, **whose: Unpack[Whose]) -> Turns:
        """The turns of a session, oldest first."""
        return self._backends.store.turns(self._scope(whose), last=last)

    def sessions(self, *, limit: int = 100, cursor: str | None = None, **whose: Unpack[Whose]) -> SessionPage:
        """The sessions of a user or agent that have turns, by name; paged as `list` is."""
        return self._backends.store.sessions(self._scope(whose).required(), limit=limit, cursor=cursor)

    def holdings(
        self,
        *,
        by_document: bool = False,
        limit: int = 100,
        cursor: str | None = None,
        **whose: Unpack[Whose],
    ) -> HoldingPage:
        """What users and agents have now, by name, or each of their documents; paged as `list` is.

        Of the whole tenant where nobody is named.
        """
        scope = self._scope(whose)
        return self._backends.store.holdings(scope, by_document=by_document, limit=limit, cursor=cursor)

    def adapter(self, memory_id: str, **whose: Unpack[Whose]) -> LoRA:
        """A memory's adapter as it is applied: with the bias adapter; a skill's alone. Raises NotFound."""
        record = self._backends.store.get(self._scope(whose), memory_id)
        skill = record.kind == "skill"
        merged = (
            self._cases.adapters.merged([], [], [record])
            if skill
            else self._cases.adapters.merged([record], [1.0])
        )
        return cast("LoRA", merged)

    def history(self, memory_id: str, **whose: Unpack[Whose]) -> Events:
        """What happened to a memory, oldest first, also after it is gone; never what it said."""
        return self._backends.store.history(self._scope(whose), memory_id)

    def stats(self, **whose: Unpack[Whose]) -> StoreStats:
        """Counts; of the whole tenant where nobody is named."""
        return self._backends.store.stats(self._scope(whose))

    def load(self) -> Load:
        """How busy the model is, and how the adapter caches do; loads no model."""
        hits, misses = self._cases.adapters.lookups
        return Load(self._backends.generator.waiting, hits, misses)

    def status(self, **whose: Unpack[Whose]) -> Status:
        """Where everything is, and how much; loads no model."""
        scope = self._scope(whose)
        return Status(
            home=str(self.settings.home),
            model=self.settings.model,
            embedder=self._backends.embedder.name,
            tenant_id=scope.tenant_id,
            stats=self._backends.store.stats(scope),
        )


def _is_prefix(memory_id: str) -> bool:
    """Whether this may be the beginning of an id, long enough to mean one."""
    return _SHORTEST <= len(memory_id) < ID_LENGTH
