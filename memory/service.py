"""The front door: everything one can ask of a memory. `memory.Memory` is this, put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from types import EllipsisType, TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

from memory.errors import Erased, IncompatibleAdapter, InvalidInput
from memory.inputs import (
    MAX_RECALLED,
    Content,
    Said,
    Whose,
    check_copies,
    check_expiry,
    check_span,
    filters_in,
    messages_in,
    scope_in,
    text_in,
)
from memory.ports import Backends
from memory.read.adapters import Adapters
from memory.read.answering import Answerer, Mode, Sampling, sampling_in, whole
from memory.read.chat import Chat
from memory.read.recall import Recall, Recaller
from memory.read.selection import Filters, Selector
from memory.read.usage import Usage
from memory.records import (
    AdapterChoice,
    ChatReply,
    ErasureReceipt,
    HistoryEvent,
    Kind,
    MemoryHit,
    MemoryRecord,
    Message,
    Page,
    Scope,
    SessionPage,
    StoreStats,
    Turn,
    check_aware,
)
from memory.settings import Settings
from memory.upkeep.compaction import MIN_ADAPTERS, Compactor, CompactReport
from memory.upkeep.erasure import Eraser
from memory.upkeep.transfer import Exporter, ExportReport, Importer, ImportReport, ImportSize
from memory.work import Work, current, working
from memory.write.ingest import Ingest
from memory.write.passage_writer import Added, Origin, Progress
from memory.write.skills import Skills

if TYPE_CHECKING:
    from hypernet.lora.adapter import LoRA

Hits = list[MemoryHit]  # named here, because inside the class `list` is the verb
Choices = list[AdapterChoice]
Turns = list[Turn]
Events = list[HistoryEvent]


class AskOptions(Whose, Sampling, total=False):
    """Whose memory answers, of what time, and how the reply is written."""

    as_of: datetime | None
    filters: Filters | None  # items of metadata: only memories that have them are recalled


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a memory is, and how often an adapter was at hand."""

    waiting: int  # replies and other work that the model has not begun
    cache_hits: int
    cache_misses: int


@dataclass(frozen=True, slots=True)
class Status:
    """Where a memory is kept, what it is made with, and how much of the tenant's is in it."""

    home: str
    model: str
    embedder: str
    tenant_id: str
    stats: StoreStats


@dataclass(frozen=True, slots=True)
class UseCases:
    """What a memory does, each case wired to the backends that it needs."""

    ingest: Ingest
    skills: Skills
    selector: Selector
    recaller: Recaller
    adapters: Adapters
    answerer: Answerer
    chat: Chat
    usage: Usage
    eraser: Eraser
    compactor: Compactor
    exporter: Exporter
    importer: Importer


class Service:
    """Remembers and answers. Safe to share between threads; several processes may share a home.

    Every call names whose memory it means: user_id, agent_id, session_id, of which at least one, and
    tenant_id, by default the one in the settings. What is written keeps all of them; a read takes those
    that it names as a filter, and leaves the others open.
    """

    def __init__(self, settings: Settings, backends: Backends, use_cases: UseCases) -> None:
        """Take what `memory.bootstrap` put together."""
        self.settings = settings
        self.reader = backends.reader
        self._backends = backends
        self._cases = use_cases
        self._checked: set[str] = set()  # tenants whose embeddings are known to fit the embedder
        self._lock = Lock()
        self._background: ThreadPoolExecutor | None = None

    # -- remembering

    def add(
        self,
        content: Content,
        *,
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
        A text longer than one passage is a document. Messages with a session become turns of it. Of
        messages, only what tells something is remembered (see `memory.write.conversation`); that may be
        nothing. When the call returns, all of it is durable.

        What it contradicts is superseded: it is of the past from now on (`as_of`), and `Added.superseded`
        names it. So is what a document of the same document_id said before and says no longer.
        What begins to hold later (`valid_from`), or ends (`valid_until`), is recalled in that time alone.

        A call that may have been cut off can be made again with its `idempotency_key`: its turns are added
        once, whatever the session ends with by now. A key means the same call for some 23 hours.

        Raises MissingScope, EmptyText, TextTooLarge, InvalidInput, ModelUnavailable, StoreError.
        """
        whom = self._scope(whose).required()
        check_expiry(expires_at)
        check_span(valid_from, valid_until)
        scope = self._writing(whom)
        origin = Origin(scope, "message", document_id, expires_at, valid_from, valid_until, metadata or {})
        most = self.settings.max_text_bytes
        with self._at_work(scope.tenant_id, self.begin(scope)):
            if isinstance(content, str):
                check_copies(origin.metadata, [text_in(content, most)])
                return self._cases.ingest.text(content, origin, progress)
            messages = messages_in(content, most)
            check_copies(origin.metadata, [message.text for message in messages])
            return self._cases.ingest.messages(messages, origin, progress, idempotency_key)

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
            return self._cases.ingest.append(said, Origin(scope), idempotency_key)

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
        talk to it. Again, it only changes `pinned`. Raises as `add` does; ModelUnavailable where no
        Text-to-LoRA network goes with the model.
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

        Raises NotFound; InvalidInput when the text is longer than one passage, or another memory of the
        scope says it already; StoreConflict where the memory is no longer as `expects`, which was read
        before, says.
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

    # -- answering

    def chat(
        self,
        message: str,
        *,
        mode: Mode = "auto",
        before: Sequence[Said] | None = None,
        **asking: Unpack[AskOptions],
    ) -> ChatReply:
        """Answer a message from memory, and remember what it tells.

        With a session, its newest turns are in the prompt (settings.hot_window_turns), and message and
        reply become turns of it. Memories of all the user's (or agent's) sessions are recalled. Of the
        message, what it tells is remembered; of the reply nothing, for the model said it: only a question
        of its own that no memory led to is kept, to go with the user's answer. With `as_of`, what held
        at that time is recalled.

        `before` is for callers who keep the conversation themselves: what was said up to the message. It
        is read in place of the session's newest turns, and none of it is remembered.
        """
        return whole(self.chat_stream(message, mode=mode, before=before, **asking))

    def chat_stream(
        self,
        message: str,
        *,
        mode: Mode = "auto",
        before: Sequence[Said] | None = None,
        **asking: Unpack[AskOptions],
    ) -> Iterator[str | ChatReply]:
        """`chat` in pieces of text, and then the whole reply. It stores only when it is read to the end."""
        scope = self._writing(self._scope(asking).required())
        said = Message("user", text_in(message, self.settings.max_text_bytes))
        most = self.settings.max_text_bytes
        earlier = None if before is None else messages_in(before, most) if before else []
        sampling, as_of = sampling_in(asking), _moment(asking)
        filters = filters_in(asking.get("filters"))
        forgets = self._backends.reader.read(message).forgets  # such a reply repeats nothing
        work = self.begin(scope, reads=None if forgets else scope.of_teller())
        pieces = self._cases.chat.stream(scope, said, mode, earlier, sampling, as_of, filters)
        return self._pieces(work, pieces)

    def ask(self, question: str, *, mode: Mode = "auto", **asking: Unpack[AskOptions]) -> ChatReply:
        """Answer a question from memory, and store nothing."""
        text = text_in(question, self.settings.max_text_bytes)
        return self.answer(Message("user", text), mode=mode, **asking)

    def answer(
        self,
        messages: Said | Sequence[Said],
        *,
        mode: Mode = "auto",
        adapters: Sequence[AdapterChoice] | None = None,
        **asking: Unpack[AskOptions],
    ) -> ChatReply:
        """Answer the last message of a conversation that the caller keeps, and store nothing.

        `adapters`, from `select`, are used where given; an empty list recalls nothing. Skills join anyway.
        """
        return whole(self.answer_stream(messages, mode=mode, adapters=adapters, **asking))

    def answer_stream(
        self,
        messages: Said | Sequence[Said],
        *,
        mode: Mode = "auto",
        adapters: Sequence[AdapterChoice] | None = None,
        **asking: Unpack[AskOptions],
    ) -> Iterator[str | ChatReply]:
        """`answer` in pieces of text, and then the whole reply."""
        scope = self._reading(self._scope(asking).required())
        said = messages_in(messages, self.settings.max_text_bytes)
        sampling, as_of = sampling_in(asking), _moment(asking)
        filters = filters_in(asking.get("filters"))
        work = self.begin(scope, reads=scope.of_teller())
        pieces = self._cases.answerer.stream(scope, said, mode, adapters, sampling, as_of, filters)
        return self._pieces(work, pieces)

    # -- looking

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

    def count_tokens(self, content: Content) -> int:
        """Tokens of a text, or of the prompt that messages make. Loads the model."""
        if isinstance(content, str):
            return self._backends.internalizer.count([content])[0]
        return self._backends.generator.count_tokens(messages_in(content, self.settings.max_text_bytes))

    def get(self, memory_id: str, **whose: Unpack[Whose]) -> MemoryRecord:
        """One memory of the tenant, outdated or not.

        Raises NotFound; for a passage that was compacted it names the memory that holds it now.
        """
        return self._backends.store.get(self._scope(whose), memory_id)

    def list(
        self,
        *,
        kind: Kind | None = None,
        document_id: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
        as_of: datetime | None = None,
        **whose: Unpack[Whose],
    ) -> Page:
        """Memories, newest first; `cursor` of one page asks for the next.

        With `as_of`, the passages that held at that time.
        """
        check_aware("as_of", as_of)
        return self._backends.store.page(
            self._scope(whose).required(),
            kind=kind,
            document_id=document_id,
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

    # -- forgetting

    def delete(
        self, memory_id: str, *, expects: MemoryRecord | None = None, **whose: Unpack[Whose]
    ) -> ErasureReceipt:
        """Forget one memory, or one passage that was compacted.

        Raises NotFound, and StoreConflict where the memory is no longer as `expects`, read before, says.
        """
        return self._cases.eraser.forget_one(self._scope(whose), memory_id, expects=expects)

    def forget(
        self,
        *,
        document_id: str | None = None,
        memory_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **whose: Unpack[Whose],
    ) -> ErasureReceipt:
        """Erase what a user, agent or session said and all that was made from it, or a document, or a memory,
        or what has certain items in its metadata.

        Complete when it returns: text, turns, adapters, embeddings, index. A compacted memory that held any
        of it is made again without it (`ErasureReceipt.rebuilt`). Turns go with their session. Raises
        MissingScope; NotFound for a memory_id that is not there. Nothing of that name otherwise gives an
        empty receipt, so an erasure that was interrupted can simply be asked for again.
        """
        scope = self._scope(whose)
        if memory_id is not None:
            return self._cases.eraser.forget_one(scope, memory_id)
        if metadata is not None:
            if not metadata or document_id is not None:
                raise InvalidInput("name a document or items of metadata, at least one")
            return self._cases.eraser.forget_where(scope, metadata)
        return self._cases.eraser.forget(scope, document_id=document_id)

    def forget_tenant(self, tenant_id: str) -> ErasureReceipt:
        """Erase everything of everybody in a tenant; what its history keeps names nobody and says nothing."""
        return self._cases.eraser.forget_tenant(self._scope({"tenant_id": tenant_id}).tenant_id)

    def expire(self) -> int:
        """Erase what has expired, of all tenants; returns of how many. Reads never see it anyway."""
        return self._cases.eraser.expire()

    # -- upkeep

    def compact(
        self,
        *,
        older_than: timedelta | None = None,
        min_adapters: int = MIN_ADAPTERS,
        dry_run: bool = False,
        progress: Progress | None = None,
        **whose: Unpack[Whose],
    ) -> CompactReport:
        """Make few, denser memories of many, where they answer as well; of all the tenant's by default.

        Only what was told before `older_than` ago, and only where a session, document or user's own memories
        are `min_adapters` or more. `dry_run` shows what would be joined, and changes nothing. Raises
        InvalidInput, IncompatibleAdapter, ModelUnavailable, StoreError.
        """
        scope = self._writing(self._scope(whose))
        with self._at_work(scope.tenant_id):  # what it joins has to be there when it is joined
            return self._cases.compactor(
                scope,
                older_than=older_than,
                min_adapters=min_adapters,
                dry_run=dry_run,
                progress=progress,
            )

    def export(
        self, path: str | Path, *, progress: Progress | None = None, **whose: Unpack[Whose]
    ) -> ExportReport:
        """Write all of a user, agent, session or tenant into one archive; a tenant has to be named.

        Raises MissingScope, InvalidInput, StoreError.
        """
        scope = self._scope(whose)
        if whose.get("tenant_id") is None:
            scope.required()
        self._cases.usage.write()
        work = Work(scope.tenant_id, self._backends.store.erased(scope.tenant_id), scope)
        report = self._cases.exporter(Path(path), scope, progress)
        try:
            self._check_standing(work)
        except Erased:
            Path(path).unlink(missing_ok=True)
            raise
        return report

    def import_(
        self, path: str | Path, *, progress: Progress | None = None, **whose: Unpack[Whose]
    ) -> ImportReport:
        """Add what an archive holds, under the names that it has there, or under those given here.

        An archive of another tenant than this one's goes into a tenant that is named. Adapters of the same
        models are taken over, others are made again; importing twice adds nothing. Raises InvalidInput for
        an archive that is damaged or was altered, ModelUnavailable, StoreError.
        """
        scope = self._writing(self._scope(whose))
        with self._at_work(scope.tenant_id, self.begin(scope)):
            return self._cases.importer(
                Path(path), scope, named=whose.get("tenant_id") is not None, progress=progress
            )

    def import_size(self, path: str | Path, **whose: Unpack[Whose]) -> ImportSize:
        """How much `import_` would add of an archive; adds nothing. Raises InvalidInput, StoreError."""
        scope = self._scope(whose)
        return self._cases.importer.size(Path(path), scope, named=whose.get("tenant_id") is not None)

    def reindex(self, *, progress: Progress | None = None, **whose: Unpack[Whose]) -> int:
        """Make again what another embedder, base model or hypernetwork made; returns how many memories."""
        tenant_id = self._scope(whose).tenant_id
        done = self._cases.ingest.reindex(tenant_id, progress)
        self._cases.eraser.replaced(tenant_id)
        return done

    def close(self) -> None:
        """Finish what runs in the background, then let go of models and database."""
        with self._lock:
            background, self._background = self._background, None
        if background is not None:
            background.shutdown()
        self._cases.usage.write()
        self._backends.generator.close()
        self._backends.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- what the verbs share

    def begin(self, scope: Scope, *, reads: Scope | None = None) -> Work:
        """Work that begins now, or that this thread is at already: an erasure from here on ends it."""
        at = current(scope.tenant_id)
        since = self._backends.store.erased(scope.tenant_id) if at is None else at.since
        return Work(scope.tenant_id, since, reads)

    @contextmanager
    def _at_work(self, tenant_id: str, work: Work | None = None) -> Iterator[None]:
        """Writes inside are of this work; what a refused one left behind is taken away."""
        try:
            with working(work):
                yield
        finally:
            self._cases.eraser.settle(tenant_id)

    def _pieces(self, work: Work, pieces: Iterator[str | ChatReply]) -> Iterator[str | ChatReply]:
        """The pieces, each made as part of the work; the whole reply only where nothing of it was erased."""
        with closing(cast(Any, pieces)):
            while True:
                with self._at_work(work.tenant_id, work):
                    piece = next(pieces, None)
                if piece is None:
                    return
                if not isinstance(piece, str):
                    self._check_standing(work)
                yield piece

    def _check_standing(self, work: Work) -> None:
        """Raise Erased where something that the work read was erased since it began."""
        erasures = self._backends.store.erasures(work.tenant_id, work.since)
        if work.reads is not None and any(erasure.touches(work.reads) for erasure in erasures):
            raise Erased("some of what this was made from was erased while it ran; ask again")

    def _scope(self, given: Mapping[str, Any]) -> Scope:
        unknown = given.keys() - AskOptions.__annotations__.keys()
        if unknown:
            raise TypeError(f"unexpected keyword argument {sorted(unknown)[0]!r}")
        return scope_in(given, self.settings.tenant)

    def _reading(self, scope: Scope) -> Scope:
        """The scope, once its tenant is known to be readable. Raises IncompatibleAdapter."""
        if scope.tenant_id not in self._checked:
            embedder = self._backends.embedder.name
            others = self._backends.store.embedders(scope.tenant_id) - {embedder}
            if others:
                raise IncompatibleAdapter(
                    f"there are memories embedded by {sorted(others)[0]!r}, in use is {embedder!r}; "
                    "run `memory reindex`, or set MEMORY_EMBEDDER back"
                )
            self._checked.add(scope.tenant_id)
        return scope

    def _writing(self, scope: Scope) -> Scope:
        """The same for a scope to be written; the first time, what was left behind is taken away."""
        self._reading(scope)
        self._cases.eraser.tidy(scope.tenant_id)
        self._cases.usage.write_if_due()
        return scope


def _moment(asking: Mapping[str, Any]) -> datetime | None:
    """The time that is asked about, where it is not the present. Raises InvalidInput."""
    as_of: datetime | None = asking.get("as_of")
    check_aware("as_of", as_of)
    return as_of
