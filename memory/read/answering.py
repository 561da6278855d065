"""The read path: embed the turn -> select -> merge -> generate.

mode       the model remembers by
adapters   weights alone
text       source text in the prompt (`memory.read.recall`): for comparison, and for models without adapters
both       weights, and the same text beside them
auto       weights; text joins only for what mattered as much and found no room in the merge

In every mode the skills of the turn's scope are merged in: they recall nothing, so no text stands for them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator as Pieces
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, get_args

from memory.errors import Cancelled, InvalidInput, NotFound, StoreConflict
from memory.ports import (
    Generation,
    GenerationRequest,
    Generator,
    Internalizer,
    MemoryStore,
    Merge,
    Reader,
    Vectors,
    require_same_base,
)
from memory.read.adapters import Adapters
from memory.read.choosing import scored
from memory.read.finishing import Check, Finishing
from memory.read.options import Filters, Mode, Sampling
from memory.read.prompt import build
from memory.read.recall import Recaller
from memory.read.selection import Selection, Selector
from memory.read.showing import Shown
from memory.read.skills import TurnSkills
from memory.read.usage import Usage
from memory.read.whole_values import LONGEST
from memory.records import AdapterChoice, ChatReply, MemoryHit, MemoryRecord, Message, Scope
from memory.records.inputs import MAX_RECALLED
from memory.settings import Settings
from memory.text.normalise import plain
from memory.text.passage import Passage

if TYPE_CHECKING:
    from PIL.Image import Image

    from hypernet.lora.adapter import LoRA


_TRIES = 3  # a compaction on another server may take away what was just chosen


class Answerer:
    """Answers conversations from memory. Stores nothing."""

    def __init__(
        self,
        store: MemoryStore,
        selector: Selector,
        recaller: Recaller,
        adapters: Adapters,
        skills: TurnSkills,
        generator: Generator,
        internalizer: Internalizer,
        settings: Settings,
        usage: Usage,
        reader: Reader,
    ) -> None:
        self._store = store
        self._selector = selector
        self._recaller = recaller
        self._adapters = adapters
        self._skills = skills
        self._generator = generator
        self._internalizer = internalizer
        self._settings = settings
        self._usage = usage
        self._reader = reader

    def stream(
        self,
        scope: Scope,
        said: Sequence[Message],
        mode: Mode = "auto",
        adapters: Sequence[AdapterChoice] | None = None,
        sampling: Sampling | None = None,
        as_of: datetime | None = None,
        filters: Filters | None = None,
        image: Image | None = None,
        choices: Sequence[str] = (),
    ) -> Iterator[str | ChatReply]:
        """The reply to the last message in pieces, and then as a whole.

        `adapters` are used where given; else those are selected that matter for the last message. The scope
        is the turn's own; recalled is from all sessions of its teller (`Scope.of_teller`), and with `as_of`
        what held then; with `filters`, what has these items in its metadata. An `image` is known in this
        turn alone. Of `choices`, the likeliest is the reply.
        """
        given = (scope, said, mode, adapters, sampling, as_of, filters, image, choices)
        for _ in range(_TRIES - 1):
            with closing(self._once(*given)) as pieces:
                try:
                    first = next(pieces)
                except StoreConflict:  # what was chosen was changed before its merge
                    continue
                yield first
                yield from pieces
                return
        yield from self._once(*given)

    def _once(
        self,
        scope: Scope,
        said: Sequence[Message],
        mode: Mode,
        adapters: Sequence[AdapterChoice] | None,
        sampling: Sampling | None,
        as_of: datetime | None,
        filters: Filters | None,
        image: Image | None,
        choices: Sequence[str],
    ) -> Pieces[str | ChatReply, None, None]:
        if mode not in get_args(Mode):
            raise InvalidInput(f"mode is {mode!r}; choose one of {', '.join(get_args(Mode))}")
        request = replace(_request(sampling or {}, self._settings), owner=scope.tenant_id)
        timings: dict[str, float] = {}
        turn = plain(said[-1].text) if said else ""
        vector = None if adapters is not None else self._embedded(turn, timings)
        shown = None if image is None else self._looked(scope, image, vector, timings)
        selection, merged = self._choose(
            scope.of_teller(), turn, vector, adapters, as_of, filters, shown, timings
        )
        records = [hit.record for hit in selection.chosen] if mode != "text" else []
        skills = self._skills(scope, turn, vector)
        merge = self._merge(records, merged, skills, shown, timings)
        if mode == "text" and adapters is None:
            seen = [] if shown is None else [shown.words]
            recalled = seen + self._recalled(scope.of_teller(), said, as_of, filters)
        else:
            recalled = [Passage.of(hit.record).shown for hit in _as_text(selection, mode)]
        prompt = build(
            self._generator,
            _asked(said, turn) if records else said,
            recalled,
            text_tokens=self._settings.recalled_text_tokens,
            reply_tokens=request.max_new_tokens,
        )
        began = time.perf_counter()
        request = replace(request, messages=prompt.messages, adapter=merge)
        if choices:
            reply = self._scored(request, choices)
            yield reply.text
        else:
            known = [] if skills else [*(Passage.of(record).text for record in records), *recalled]
            styled = bool(skills)
            seen = [message.text for message in said[:-1]]
            check = (
                None if mode == "adapters" else Check(self._reader, selection, turn, seen=seen, styled=styled)
            )
            reply = yield from self._written(request, Finishing(known, turn, check))
        if request.cancelled is not None and request.cancelled.is_set():
            raise Cancelled("whoever asked has gone; nothing of the turn is kept")
        timings["generate"] = (time.perf_counter() - began) * 1000 - timings["merge"]
        told = [record.id for record in records if shown is None or record.id != shown.id]
        if as_of is None:
            self._usage.count(scope.tenant_id, told)
        yield replace(
            reply,
            adapters=tuple(choice for choice in merged if choice.memory_id in told),
            memory_tokens=prompt.memory_tokens,
            timings=timings,
            quoted=tuple(one for one in reply.quoted if shown is None or one != shown.id),
            skills=tuple(AdapterChoice(s.record.id, s.score, 1.0, s.record.text) for s in skills),
            seen="" if shown is None else shown.words,
        )

    def _written(self, request: GenerationRequest, finishing: Finishing) -> Pieces[str, None, ChatReply]:
        """The pieces of a reply that the model writes; returns it as far as it is known here."""
        pieces = []
        with closing(self._generator.stream(request)) as generation:
            for piece in _finished(generation, request, finishing):
                pieces.append(piece)
                yield piece
        return ChatReply(
            text="".join(pieces).strip(),
            adapters=(),
            prompt_tokens=generation.prompt_tokens,
            memory_tokens=0,
            completion_tokens=generation.completion_tokens,
            quoted=finishing.quoted,
        )

    def _scored(self, request: GenerationRequest, choices: Sequence[str]) -> ChatReply:
        """The likeliest of the choices as a reply; nothing is written."""
        ranked = scored(self._generator, request.messages, request.lora, choices)
        read = self._generator.count_tokens(request.messages)
        return ChatReply(ranked[0].text, (), read, 0, 0, choices=ranked)

    def _merge(
        self,
        records: Sequence[MemoryRecord],
        choices: Sequence[AdapterChoice],
        skills: Sequence[MemoryHit],
        shown: Shown | None,
        timings: dict[str, float],
    ) -> Merge | None:
        """The turn's adapters by name; the time is noted when a generator asks for them as tensors."""
        timings["merge"] = 0.0
        weights = [choice.weight for choice in choices[: len(records)]]
        made = {} if shown is None else {shown.id: shown.lora}
        merge = self._adapters.merge(records, weights, [hit.record for hit in skills], made)
        if merge is None:
            return None
        require_same_base(self._internalizer, self._generator)
        tensors = merge.tensors

        def timed() -> LoRA:
            with _timed(timings, "merge"):
                return tensors()

        return replace(merge, tensors=timed)

    def _embedded(self, turn: str, timings: dict[str, float]) -> Vectors:
        with _timed(timings, "embed"):
            return self._selector.embed(turn)

    def _looked(self, scope: Scope, image: Image, vector: Vectors | None, timings: dict[str, float]) -> Shown:
        with _timed(timings, "look"):
            shown = Shown.of(self._internalizer, image, scope)
            if vector is None:
                return shown
            words = self._selector.embed(shown.words)
            return shown.near(vector, words, self._settings.score_threshold)

    def _choose(
        self,
        scope: Scope,
        turn: str,
        vector: Vectors | None,
        adapters: Sequence[AdapterChoice] | None,
        as_of: datetime | None,
        filters: Filters | None,
        shown: Shown | None,
        timings: dict[str, float],
    ) -> tuple[Selection, tuple[AdapterChoice, ...]]:
        if adapters is not None or vector is None:
            given, named = Selection(self._given(scope, adapters or (), as_of)), tuple(adapters or ())
            if shown is None:
                return given, named
            picture = AdapterChoice(shown.id, shown.hit.score, 1.0, shown.words)
            return shown.in_front(given), (picture, *named)
        with _timed(timings, "select"):
            hit = None if shown is None else shown.hit
            selection = self._selector.select(scope, vector, as_of, turn, filters, hit)
        if shown is not None:
            selection = shown.in_front(selection)
        return selection, selection.choices

    def _recalled(
        self, scope: Scope, said: Sequence[Message], as_of: datetime | None, filters: Filters | None
    ) -> list[str]:
        """What the prompt's budget for text holds, the most relevant first."""
        recalled = self._recaller(
            scope,
            said[-1].text,
            k=MAX_RECALLED,
            max_tokens=max(1, self._settings.recalled_text_tokens),
            before=said[:-1],
            as_of=as_of,
            filters=filters,
        )
        return [one.shown for one in recalled]

    def _given(
        self, scope: Scope, adapters: Sequence[AdapterChoice], as_of: datetime | None
    ) -> tuple[MemoryHit, ...]:
        """The records of adapters that the caller names, in that order. Raises NotFound."""
        named = [choice.memory_id for choice in adapters]
        found = {record.id: record for record in self._store.get_many(scope, named, as_of=as_of)}
        missing = [choice.memory_id for choice in adapters if choice.memory_id not in found]
        if missing:
            raise NotFound(f"no memory {missing[0]!r} here; select adapters again")
        return tuple(MemoryHit(found[choice.memory_id], choice.score) for choice in adapters)


def _asked(said: Sequence[Message], turn: str) -> list[Message]:
    """The conversation with its last message as the memories were read: in the usual characters."""
    return [*said[:-1], replace(said[-1], text=turn)]


def _finished(generation: Generation, request: GenerationRequest, finishing: Finishing) -> Iterator[str]:
    """The pieces of a reply; a short one, which may be a value of what is known, as a whole value.

    A longer one is no further written where the texts give the value that is asked for.
    """
    held, holding = "", finishing.applies
    for piece in generation:
        held += piece
        if not holding:
            yield piece
        elif len(held) > LONGEST:
            if said := finishing.instead(held):
                yield from re.findall(r"\s*\S+", said)
                return
            holding = False
            yield held
    if not holding:
        return
    cut = generation.completion_tokens >= request.max_new_tokens
    said = held if cut else finishing(held)
    said = held if any(stop in said for stop in request.stop) else said
    yield from re.findall(r"\s*\S+", said)


def _as_text(selection: Selection, mode: Mode) -> tuple[MemoryHit, ...]:
    if mode == "adapters":
        return ()
    return selection.overflow if mode == "auto" else selection.chosen + selection.overflow


def _request(sampling: Sampling, settings: Settings) -> GenerationRequest:
    """A request without messages. Raises InvalidInput for a value that cannot be."""
    stop = sampling.get("stop") or ()
    request = GenerationRequest(
        messages=(),
        max_new_tokens=sampling.get("max_new_tokens", settings.max_new_tokens),
        temperature=sampling.get("temperature", 0.0),
        seed=sampling.get("seed"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        top_p=sampling.get("top_p", 1.0),
        cancelled=sampling.get("cancelled"),
    )
    if request.max_new_tokens < 1:
        raise InvalidInput(f"max_new_tokens is {request.max_new_tokens}; give at least 1")
    if not 0 < request.top_p <= 1:
        raise InvalidInput(f"top_p is {request.top_p}; give more than 0, and at most 1")
    if not 0 <= request.temperature < float("inf"):
        raise InvalidInput(f"temperature is {request.temperature}; give 0 for greedy, or more")
    return request


@contextmanager
def _timed(timings: dict[str, float], step: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    timings[step] = (time.perf_counter() - began) * 1000
