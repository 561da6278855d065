"""What MemoryStore promises about the turns of a session, on every implementation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memory.conformance.samples import ANA, BEN, NOON, Clock, record, vectors
from memory.errors import InvalidInput, MissingScope
from memory.ports import REPEATED, MemoryStore
from memory.records import Message, Scope

SESSION = replace(ANA, session_id="s1")
HELLO = Message("user", "Hello")
HI = Message("assistant", "Hi")


class TurnsConformance:
    """What MemoryStore promises about the turns of a session, on every implementation."""

    def test_turns_follow_each_other(self, store: MemoryStore) -> None:
        """Ordinals count on over calls, and what is given comes back."""
        added = store.append_turns(SESSION, [HELLO, HI]) + store.append_turns(SESSION, [HELLO])
        assert [(t.ordinal, t.role, t.text, t.created_at) for t in added] == [
            (0, "user", "Hello", NOON),
            (1, "assistant", "Hi", NOON),
            (2, "user", "Hello", NOON),
        ]
        assert store.turns(SESSION) == added

    def test_the_newest_turns_can_be_asked_for(self, store: MemoryStore) -> None:
        """Still oldest first; none for zero; all where there are fewer."""
        added = store.append_turns(SESSION, [HELLO, HI, HELLO])
        assert store.turns(SESSION, last=2) == added[1:]
        assert store.turns(SESSION, last=0) == []
        assert store.turns(SESSION, last=9) == added

    def test_a_call_made_again_with_its_key_adds_its_turns_once(
        self, store: MemoryStore, clock: Clock
    ) -> None:
        """Whatever has been said since; in this session alone, and as long as a key means the same call."""
        first = store.append_turns(SESSION, [HELLO, HI], idempotency_key="k")
        store.append_turns(SESSION, [HI])
        store.mark_internalized(SESSION, [first[0].id])
        again = store.append_turns(SESSION, [HELLO, HI], idempotency_key="k")
        assert again == [replace(first[0], internalized=True), first[1]] == store.turns(SESSION)[:2]
        for other in (replace(SESSION, session_id="s2"), replace(SESSION, tenant_id="other")):
            assert [turn.ordinal for turn in store.append_turns(other, [HELLO], idempotency_key="k")] == [0]
        store.append_turns(SESSION, [HELLO], idempotency_key="another")
        clock.at += REPEATED
        later = store.append_turns(SESSION, [HELLO, HI], idempotency_key="k")
        assert later == store.append_turns(SESSION, [HELLO, HI], idempotency_key="k")
        assert [turn.text for turn in store.turns(SESSION)] == ["Hello", "Hi", "Hi", "Hello", "Hello", "Hi"]

    def test_turns_are_of_exactly_one_session(self, store: MemoryStore) -> None:
        """Another session, user or tenant of the same session name has its own, from 0 on."""
        store.append_turns(SESSION, [HELLO])
        others = [
            replace(ANA, session_id="s2"),
            replace(BEN, session_id="s1"),
            replace(SESSION, tenant_id="other"),
            Scope(session_id="s1"),
        ]
        for other in others:
            assert store.turns(other) == []
            assert store.append_turns(other, [HI])[0].ordinal == 0
        assert len(store.turns(SESSION)) == 1

    def test_turns_need_a_session(self, store: MemoryStore) -> None:
        """A user alone has no turns."""
        for call in (
            lambda: store.append_turns(ANA, [HELLO]),
            lambda: store.turns(ANA),
            lambda: store.mark_internalized(ANA, ["x"]),
        ):
            with pytest.raises(MissingScope, match="session"):
                call()

    def test_internalized_turns_are_told_apart(self, store: MemoryStore) -> None:
        """Marked ones in this session only; what was recalled counts from the beginning."""
        one, two = store.append_turns(SESSION, [HELLO, replace(HI, recalled=True)])
        assert (one.internalized, two.internalized) == (False, True)
        store.mark_internalized(replace(BEN, session_id="s1"), [one.id])
        assert store.turns(SESSION, internalized=False) == [one]
        store.mark_internalized(SESSION, [one.id])
        assert store.turns(SESSION, internalized=False) == []
        assert [t.id for t in store.turns(SESSION, internalized=True)] == [one.id, two.id]

    def test_turns_go_with_their_scope(self, store: MemoryStore) -> None:
        """A user's turns go with the user, a session's with the session, and are named."""
        mine = store.append_turns(SESSION, [HELLO, HI])
        store.append_turns(replace(ANA, session_id="s2"), [HELLO])
        store.append_turns(replace(BEN, session_id="s1"), [HELLO])
        assert store.delete_where(SESSION)[1] == sorted(turn.id for turn in mine)
        assert len(store.delete_where(ANA)[1]) == 1
        assert len(store.turns(replace(BEN, session_id="s1"))) == 1

    def test_turns_and_sessions_are_counted(self, store: MemoryStore) -> None:
        """A session counts once, whether it holds turns, memories or both."""
        store.append_turns(SESSION, [HELLO, HI])
        store.add([record("a", SESSION), record("b", replace(ANA, session_id="s2"))], vectors(2))
        stats = store.stats(ANA)
        assert (stats.turns, stats.sessions, stats.memories) == (2, 2, 2)

    def test_a_turn_that_cannot_be_stored_stores_none(self, store: MemoryStore) -> None:
        """One bad message refuses the call."""
        with pytest.raises(InvalidInput, match="NUL"):
            store.append_turns(SESSION, [HELLO, Message("user", "a\0b")])
        assert store.turns(SESSION) == []

    def test_an_empty_reply_is_a_turn(self, store: MemoryStore) -> None:
        """A model may say nothing."""
        assert store.append_turns(SESSION, [Message("assistant", "")])[0].text == ""

    def test_sessions_are_listed_by_name_with_what_is_in_them(self, store: MemoryStore) -> None:
        """Those of the user alone, agents apart; memories without turns make no session."""
        store.add([record("told", replace(ANA, session_id="s9"))], vectors(1))
        for session in ("b", "a"):
            store.append_turns(replace(ANA, session_id=session), [HELLO, HI])
        with_agent = replace(ANA, session_id="a", agent_id="bot")
        for other in (with_agent, replace(BEN, session_id="a"), replace(SESSION, tenant_id="other")):
            store.append_turns(other, [HELLO])
        found = store.sessions(ANA).sessions
        assert [(one.scope.session_id, one.scope.agent_id, one.turns) for one in found] == [
            ("a", None, 2),
            ("a", "bot", 1),
            ("b", None, 2),
        ]
        assert {one.last_at for one in found} == {NOON}
        assert [one.scope for one in store.sessions(Scope(agent_id="bot")).sessions] == [with_agent]

    def test_sessions_come_in_pages(self, store: MemoryStore) -> None:
        """Each once; what is no cursor is refused, as is a scope that names nobody."""
        for session in ("c", "ä", "B", "a", 'quote"'):
            store.append_turns(replace(ANA, session_id=session), [HELLO])
        seen: list[str | None] = []
        cursor = None
        while not seen or cursor is not None:
            page = store.sessions(ANA, limit=2, cursor=cursor)
            seen += [one.scope.session_id for one in page.sessions]
            cursor = page.cursor
        assert sorted(seen, key=str) == sorted(["c", "ä", "B", "a", 'quote"'])
        for wrong in ("x", "[1]", "null", '{"a": 1}'):
            with pytest.raises(InvalidInput):
                store.sessions(ANA, cursor=wrong)
        with pytest.raises(MissingScope):
            store.sessions(Scope())
