"""What MemoryStore keeps apart: tenants, users, agents and sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from memory.conformance.memories import kept, texts
from memory.conformance.samples import ANA, BEN, DIM, ELSEWHERE, Clock, adapter, record, vectors
from memory.errors import InvalidInput, MissingScope, NotFound
from memory.ports import MemoryStore
from memory.records import SKILLS, Scope, StoreStats, content_hash


class IsolationConformance:
    """Nobody sees, changes or deletes what is not within their scope."""

    def test_equal_content_in_other_scopes_is_stored_for_each(self, store: MemoryStore) -> None:
        """Another user, session or agent, or no session at all, is another scope."""
        scopes = [ANA, BEN, replace(ANA, session_id="s"), replace(ANA, agent_id="s")]
        records = [record("tea", scope) for scope in scopes]
        assert [r.id for r in kept(store, *records)] == [r.id for r in records]

    def test_known_looks_in_the_exact_scope(self, store: MemoryStore) -> None:
        """A user's content is not known in that user's sessions, nor to others."""
        [tea] = kept(store, record("tea"))
        hashes = [content_hash("tea"), content_hash("milk")]
        assert store.known(ANA, hashes) == {content_hash("tea"): tea}
        for scope in (BEN, ELSEWHERE, replace(ANA, session_id="s")):
            assert store.known(scope, hashes) == {}

    def test_one_call_writes_to_one_tenant(self, store: MemoryStore) -> None:
        """Records of two tenants are refused together."""
        with pytest.raises(InvalidInput, match="one tenant"):
            kept(store, record("tea"), record("tea", ELSEWHERE))

    def test_no_one_else_sees_a_memory(self, store: MemoryStore) -> None:
        """Another user, the same user elsewhere, another session: they see nothing, whatever they ask."""
        [tea] = kept(store, record("tea", replace(ANA, session_id="s1")))
        for scope in (BEN, ELSEWHERE, Scope(user_id="ana", session_id="s2"), Scope(agent_id="ana")):
            with pytest.raises(NotFound):
                store.get(scope, tea.id)
            with pytest.raises(NotFound):
                store.history(scope, tea.id)
            assert store.get_many(scope, [tea.id]) == []
            assert texts(store, scope) == []
            assert store.stats(scope).memories == 0
        assert list(store.everything("other")) == []

    def test_no_one_else_changes_or_deletes_a_memory(self, store: MemoryStore) -> None:
        """Foreign ids are not found, and foreign scopes delete nothing."""
        [tea] = kept(store, record("tea"))
        for scope in (BEN, ELSEWHERE):
            with pytest.raises(NotFound):
                store.delete(scope, tea.id)
            with pytest.raises(NotFound):
                store.annotate(scope, tea.id, metadata={})
            with pytest.raises(NotFound):
                store.update(scope, record("coffee", scope, id=tea.id), vectors(1))
            assert store.delete_where(scope) == ([], [])
        assert store.get(ANA, tea.id) == tea

    def test_a_scope_sees_what_is_written_within_it(self, store: MemoryStore) -> None:
        """A user sees all sessions of theirs; a session of a user sees only itself."""
        s1, s2 = replace(ANA, session_id="s1"), replace(ANA, session_id="s2")
        kept(store, record("one", s1), record("two", s2), record("none", ANA))
        assert texts(store, ANA) == ["none", "two", "one"]
        assert texts(store, s1) == ["one"]

    def test_a_scope_that_names_nobody_is_an_error(self, store: MemoryStore) -> None:
        """The tenant alone never means everybody."""
        kept(store, record("tea"))
        nobody = Scope()
        calls: list[Callable[[], object]] = [
            lambda: store.page(nobody),
            lambda: store.get_many(nobody, ["x"]),
            lambda: store.known(nobody, ["x"]),
            lambda: store.delete_where(nobody),
        ]
        for call in calls:
            with pytest.raises(MissingScope):
                call()
        assert texts(store, ANA) == ["tea"]

    def test_ids_are_found_by_their_beginning(self, store: MemoryStore) -> None:
        """Of the scope alone, oldest first; what stands for other letters elsewhere is a letter here."""
        kept(store, record("a", id="ab_1"), record("b", id="ab_2"), record("c", id="abx3"))
        kept(store, record("d", ELSEWHERE, id="ab_4"))
        assert store.beginning(ANA, "ab_") == ["ab_1", "ab_2"]
        assert store.beginning(ANA, "ab", 9) == ["ab_1", "ab_2", "abx3"]
        assert store.beginning(Scope(tenant_id="other"), "ab_") == ["ab_4"]
        assert store.beginning(BEN, "ab") == store.beginning(ANA, "AB") == store.beginning(ANA, "%") == []

    def test_holdings_are_counted_by_user_and_document(self, store: MemoryStore) -> None:
        """Each user and agent once, by name, page by page; another tenant's are not among them."""
        bot = replace(ANA, agent_id="bot")
        kept(
            store,
            record("tea", document_id="a"),
            record("milk", replace(ANA, session_id="s"), document_id="b"),
            record("cocoa", bot, document_id="a"),
            record("ale", BEN),
            record("be brief", BEN, kind="skill", document_id="skills"),
        )
        kept(store, record("wine", ELSEWHERE, document_id="z"))
        page = store.holdings(Scope())
        assert [(h.scope, h.memories, h.characters) for h in page.holdings] == [
            (ANA, 2, 7), (bot, 1, 5), (BEN, 1, 3)
        ]  # fmt: skip
        found, cursor = [], None
        while True:
            page = store.holdings(Scope(), by_document=True, limit=1, cursor=cursor)
            found += [(h.document_id, h.scope) for h in page.holdings]
            if (cursor := page.cursor) is None:
                break
        assert found == [("a", ANA), ("a", bot), ("b", ANA)]

        assert [
            h.scope for h in store.holdings(Scope(), cursor=store.holdings(Scope(), limit=2).cursor).holdings
        ] == [BEN]
        assert store.holdings(replace(BEN, tenant_id="other")).holdings == ()

    def test_a_scope_is_deleted_and_its_neighbours_stay(self, store: MemoryStore) -> None:
        """All of a user's sessions go; another user's and another tenant's stay."""
        mine = kept(store, record("a"), record("b", replace(ANA, session_id="s")))
        kept(store, record("a", BEN))
        kept(store, record("a", ELSEWHERE))
        removed, _ = store.delete_where(ANA)
        assert {r.memory_id for r in removed} == {r.id for r in mine}
        assert (texts(store, ANA), texts(store, BEN), texts(store, ELSEWHERE)) == ([], ["a"], ["a"])

    def test_a_document_is_deleted_with_the_tenant_as_scope(self, store: MemoryStore) -> None:
        """Its passages go, in that tenant only."""
        kept(store, record("a", document_id="d"), record("b", document_id="d"), record("c"))
        kept(store, record("a", ELSEWHERE, document_id="d"))
        removed, turns = store.delete_where(Scope(), document_id="d")
        assert (len(removed), turns) == (2, [])
        assert (texts(store, ANA), texts(store, ELSEWHERE)) == (["c"], ["a"])

    def test_skills_are_found_where_their_scope_takes_in_a_turn(
        self, store: MemoryStore, clock: Clock
    ) -> None:
        """Oldest first, with their embeddings; never another tenant's, an ended one, or what is no skill."""
        bound = [
            Scope(user_id="ana"),
            Scope(user_id="ana", session_id="s"),
            Scope(agent_id="a"),
            BEN,
            ELSEWHERE,
        ]
        skills = [
            record("Be brief.", scope, kind="skill", document_id=SKILLS, id=f"skill{i}")
            for i, scope in enumerate(bound)
        ]
        ended = record("Sing.", kind="skill", document_id=SKILLS, expires_at=clock.at + timedelta(hours=1))
        for one in [*skills, ended, record("Be brief."), record("Notes.", document_id=SKILLS)]:
            store.add([one], vectors(1, seed=7))
        clock.pass_by(hours=2)

        def found(scope: Scope) -> list[str]:
            records, embeddings = store.skills_for(scope)
            assert embeddings.shape == (len(records), DIM if records else 0)
            return [one.id for one in records]

        assert found(ANA) == ["skill0"]
        assert found(Scope(user_id="ana", session_id="s", agent_id="a")) == ["skill0", "skill1", "skill2"]
        assert found(Scope(user_id="ana", session_id="other")) == ["skill0"]
        assert found(ELSEWHERE) == ["skill4"]
        assert found(Scope(user_id="nobody")) == []
        [_], embeddings = store.skills_for(BEN)
        np.testing.assert_array_equal(embeddings, vectors(1, seed=7))
        with pytest.raises(MissingScope):
            store.skills_for(Scope())

    def test_stats_count_within_the_scope(self, store: MemoryStore) -> None:
        """Shared blobs and documents in several passages count once."""
        shared = adapter(b"12345678")
        kept(
            store,
            record("tea", document_id="d", adapter=shared),
            record("milk", document_id="d", adapter=shared),
        )
        kept(store, record("foreign", BEN, adapter=shared))
        assert store.stats(ANA) == StoreStats(2, 1, 0, 0, 7, 8)
        assert store.stats(Scope()).memories == 3
        assert store.stats(ELSEWHERE) == StoreStats(0, 0, 0, 0, 0, 0)

    def test_tenants_are_those_that_stored_something(self, store: MemoryStore) -> None:
        """Reading and deleting make no tenant."""
        store.delete_where(Scope(user_id="x", tenant_id="ghost"))
        store.stats(ELSEWHERE)
        assert store.tenants() == []
        kept(store, record("tea", ELSEWHERE))
        kept(store, record("tea"))
        assert store.tenants() == ["default", "other"]
