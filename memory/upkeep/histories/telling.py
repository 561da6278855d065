"""Conversations and facts of somebody else's -> turns and memories here, the oldest first.

A conversation becomes a session: its messages are turns, with their dates, and what the user tells in them is
remembered as in a chat; what an assistant said is not, only a question that the user answers. Each is
appended in one transaction, and only what the session does not have: an import that was cut off is continued
by repeating it, and a longer export of the same conversation adds what is new in it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from memory.errors import Erased, MissingScope
from memory.ports import MemoryStore, Reader
from memory.records import Message, Scope, content_hash, now
from memory.upkeep.histories.formats import history
from memory.upkeep.histories.history import Conversation, Fact, HistoryMessage, LeftOut, Told
from memory.write.added import Added, Progress
from memory.write.ingest import Ingest
from memory.write.origin import Origin

_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """What a history holds, and what of it was added; with a dry run, what would be looked at."""

    source: str
    conversations: int
    messages: int
    facts: int
    new_messages: int  # turns that were added
    known_messages: int  # that were there
    memories: int  # that were added
    known: int  # that were there
    superseded: int
    left_out: dict[str, int]  # reason -> messages, facts or parts of messages
    first: datetime | None
    last: datetime | None
    dry_run: bool
    seconds: float


class HistoryImporter:
    """Reads histories."""

    def __init__(self, store: MemoryStore, ingest: Ingest, reader: Reader, max_text_bytes: int) -> None:
        self._store = store
        self._ingest = ingest
        self._reader = reader
        self._most = max_text_bytes

    def __call__(
        self,
        path: Path,
        source: str,
        target: Scope,
        default_user: str | None = None,
        *,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> HistoryReport:
        """Add what a file tells to the target's tenant.

        What the target names takes the place of what the file names; `default_user` is whose it is where
        neither names anybody. Raises InvalidInput, EmptyText, MissingScope, StoreError.
        """
        began = time.perf_counter()
        left_out: LeftOut = Counter()
        told = sorted(history(path, source, left_out), key=lambda one: one.at or _LAST)
        told = [kept for one in told if (kept := self._fitting(one, left_out)) is not None]
        run = _Run(self._store, self._ingest, self._reader, source, path.stem, target, default_user, dry_run)
        whole = sum(map(_size, told))
        done = 0
        for one in told:
            with suppress(Erased):  # whose it is was forgotten since the import was asked for
                run.conversation(one) if isinstance(one, Conversation) else run.fact(one)
            done += _size(one)
            if progress is not None:
                progress(done, whole)
        dates = sorted(at for one in told for at in _dates(one))
        return HistoryReport(
            source=source,
            conversations=sum(isinstance(one, Conversation) for one in told),
            messages=sum(_size(one) for one in told if isinstance(one, Conversation)),
            facts=sum(isinstance(one, Fact) for one in told),
            new_messages=run.new_messages,
            known_messages=run.known_messages,
            memories=run.memories,
            known=run.known,
            superseded=run.superseded,
            left_out=dict(sorted((reason, many) for reason, many in left_out.items() if many)),
            first=dates[0] if dates else None,
            last=dates[-1] if dates else None,
            dry_run=dry_run,
            seconds=time.perf_counter() - began,
        )

    def _fitting(self, one: Told, left_out: LeftOut) -> Told | None:
        """What is not too large to be told; None where nothing is left."""
        if isinstance(one, Fact):
            fits = len(one.text.encode()) <= self._most
            left_out["too large"] += not fits
            return one if fits else None
        said = [message for message in one.messages if len(message.text.encode()) <= self._most]
        left_out["too large"] += len(one.messages) - len(said)
        return replace(one, messages=said) if said else None


@dataclass
class _Run:
    """One import under way, and what it has added."""

    store: MemoryStore
    ingest: Ingest
    reader: Reader
    source: str
    stem: str  # of the file's name: the session of a conversation that has no name
    target: Scope
    default_user: str | None
    dry_run: bool
    new_messages: int = 0
    known_messages: int = 0
    memories: int = 0
    known: int = 0
    superseded: int = 0

    def conversation(self, one: Conversation) -> None:
        """Append the messages that its session has not, and remember what they tell."""
        scope = self._scope(one)
        scope = scope if scope.session_id is not None else replace(scope, session_id=self.stem)
        there = Counter((turn.role, turn.text) for turn in self.store.turns(scope))
        new = []
        for message in one.messages:
            if there[message.role, message.text]:
                there[message.role, message.text] -= 1
            else:
                new.append(message)
        self.new_messages += len(new)
        self.known_messages += len(one.messages) - len(new)
        if self.dry_run:
            return
        if new:
            self.store.append_turns(scope, [self._message(message, one.at) for message in new])
        metadata = {"source": self.source} | ({"title": one.title} if one.title else {})
        self._count(self.ingest.session(Origin(scope, metadata=metadata), as_said=True))

    def fact(self, fact: Fact) -> None:
        """Remember a statement."""
        scope = self._scope(fact).required()
        if self.dry_run:
            self.known += bool(self.store.known(scope, [content_hash(fact.text)]))
            return
        origin = Origin(
            scope,
            valid_from=fact.valid_from,
            valid_until=fact.valid_until,
            metadata={"source": self.source},
        )
        self._count(self.ingest.text(fact.text, origin, told_at=fact.at))

    def _count(self, added: Added) -> None:
        self.memories += len(added.created)
        self.known += len({record.id for record in added} - added.created)
        self.superseded += len(added.superseded)

    def _message(self, message: HistoryMessage, began: datetime | None) -> Message:
        """As a turn: what an assistant said tells nothing, but a question waits for its answer."""
        quiet = message.role == "assistant" and not self.reader.read(message.text).asks
        return Message(message.role, message.text, recalled=quiet, said_at=message.at or began or now())

    def _scope(self, one: Told) -> Scope:
        """Whose it is: what the caller names, else what the file names, else the default user's."""
        target = self.target
        user, agent = target.user_id or one.user_id, target.agent_id or one.agent_id
        if user is None and agent is None:
            user = self.default_user
        if user is None and agent is None:
            raise MissingScope("whose history is it? name a user or an agent")
        return Scope(user, agent, target.session_id or one.session_id, target.tenant_id)


def _size(one: Told) -> int:
    return len(one.messages) if isinstance(one, Conversation) else 1


def _dates(one: Told) -> Sequence[Any]:
    ats = [message.at for message in one.messages] if isinstance(one, Conversation) else [one.at]
    return [at for at in ats if at is not None]
