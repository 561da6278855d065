"""The life of memories against a plain model of what should be remembered, in random orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from memory import Memory
from memory.fakes import (
    BruteForceIndex,
    EchoGenerator,
    EchoInternalizer,
    InMemoryBlobs,
    InMemoryStore,
    WordEmbedder,
)
from memory.records import now

PAINTED = ("dog", "cat", "boat", "horse")
THINGS = st.sampled_from(PAINTED)
NAMES = st.sampled_from(["Ada", "Bolt", "Coco"])
COLOURS = st.sampled_from(["red", "blue"])
TOPICS = st.sampled_from(["x", "y"])
SESSIONS = st.sampled_from(["s", "t"])


@dataclass(frozen=True)
class Told:
    """One telling of a sentence. The same sentence told again after it was outdated is another."""

    number: int
    session: str
    thing: str
    text: str


class Life(RuleBasedStateMachine):
    """Tell, change, compact, pin and forget; then look at the present and at moments of the past."""

    @initialize()
    def begin(self) -> None:
        store, embedder = InMemoryStore(), WordEmbedder()
        self.memory = Memory(
            store=store,
            blobs=InMemoryBlobs(),
            embedder=embedder,
            index=BruteForceIndex(store, embedder=embedder.name, dim=embedder.dim),
            internalizer=EchoInternalizer(),
            generator=EchoGenerator(),
        )
        self.present: set[Told] = set()
        self.erased: set[Told] = set()
        self.moments: list[tuple[datetime, set[Told]]] = []
        self.topics: dict[Told, str] = {}
        self.numbers = count()

    def teardown(self) -> None:
        if hasattr(self, "memory"):
            self.memory.close()

    # -- what can happen

    @rule(thing=THINGS, name=NAMES, session=SESSIONS)
    def tell(self, thing: str, name: str, session: str) -> None:
        """A name takes the place of another one of the same thing, in whatever session that was told."""
        text = f"My {thing} is called {name}."
        self.memory.add(text, user_id="ana", session_id=session)
        self.present = {t for t in self.present if t.thing != thing or t.text == text}
        if not any((t.session, t.text) == (session, text) for t in self.present):
            self.present.add(Told(next(self.numbers), session, thing, text))

    @rule(thing=THINGS, session=SESSIONS)
    def add_to_a_set(self, thing: str, session: str) -> None:
        """Liking one thing takes nothing away."""
        text = f"I like the {thing} a lot."
        self.memory.add(text, user_id="ana", session_id=session)
        if not any((t.session, t.text) == (session, text) for t in self.present):
            self.present.add(Told(next(self.numbers), session, "", text))

    @rule(thing=THINGS, colour=COLOURS, session=SESSIONS)
    def paint(self, thing: str, colour: str, session: str) -> None:
        """What may contradict stays: it is not sure that the colour is another than the last one told."""
        text = f"I painted my {thing} {colour}."
        self.memory.add(text, user_id="ana", session_id=session)
        if not any((t.session, t.text) == (session, text) for t in self.present):
            self.present.add(Told(next(self.numbers), session, "", text))

    @rule(pick=st.randoms(use_true_random=False), topic=TOPICS)
    def describe(self, pick: object, topic: str) -> None:
        """New metadata is that of all that a memory holds."""
        records = self.memory.list(user_id="ana").records
        if records:
            record = records[pick.randrange(len(records))]  # type: ignore[attr-defined]
            self.memory.update(record.id, metadata={"topic": topic})
            for told in self.present:
                if told.session == record.scope.session_id and told.text in record.text.split("\n"):
                    self.topics[told] = topic

    @rule(topic=TOPICS)
    def forget_topic(self, topic: str) -> None:
        self.memory.forget(metadata={"topic": topic}, user_id="ana")
        gone = {told for told, its in self.topics.items() if its == topic}
        self.erased |= gone
        self.present -= gone

    @rule(few=st.booleans())
    def compact(self, few: bool) -> None:
        self.memory.compact(user_id="ana", min_adapters=2 if few else 4)

    @rule(session=SESSIONS)
    def forget_session(self, session: str) -> None:
        self.memory.forget(user_id="ana", session_id=session)
        gone = {t for _, then in self.moments for t in then if t.session == session}
        self.erased |= gone
        self.present = {t for t in self.present if t.session != session}

    @rule(pick=st.randoms(use_true_random=False))
    def forget_one(self, pick: object) -> None:
        """A passage, by the id it has or had."""
        if self.present:
            told = sorted(self.present, key=lambda t: t.number)[pick.randrange(len(self.present))]  # type: ignore[attr-defined]
            self.memory.forget(memory_id=self.id_of(told))
            self.present.remove(told)
            self.erased.add(told)

    @rule(pick=st.randoms(use_true_random=False))
    def pin_one(self, pick: object) -> None:
        records = self.memory.list(user_id="ana").records
        if records:
            record = records[pick.randrange(len(records))]  # type: ignore[attr-defined]
            self.memory.pin(record.id, not record.pinned)

    # -- what always holds

    @invariant()
    def the_present_is_what_was_told(self) -> None:
        if not hasattr(self, "memory"):
            return
        said = [
            (record.scope.session_id, line)
            for record in self.memory.list(user_id="ana").records
            for line in record.text.split("\n")
        ]
        assert sorted(said) == sorted((t.session, t.text) for t in self.present)
        for record in self.memory.list(user_id="ana").records:
            lines = record.text.split("\n")
            assert all(
                sum(f"my {thing} {end}" in line for line in lines for end in ("red", "blue")) < 2
                for thing in PAINTED
            )
        self.moments.append((now(), set(self.present)))

    @invariant()
    def the_past_is_what_was_told_and_not_forgotten(self) -> None:
        if not hasattr(self, "memory"):
            return
        for moment, then in self.moments[-4:]:
            records = self.memory.list(user_id="ana", as_of=moment).records
            said = sorted((r.scope.session_id, r.text) for r in records)
            assert said == sorted((t.session, t.text) for t in then - self.erased)

    def id_of(self, told: Told) -> str:
        records = self.memory.list(user_id="ana", session_id=told.session, as_of=now()).records
        return next(record.id for record in records if record.text == told.text)


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=30,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
