"""What MemoryStore promises about whole tenants, and about names that no database holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memory.conformance.samples import ANA, BEN, EMBEDDER, Clock, record, vectors
from memory.errors import InvalidInput, NotFound
from memory.ports import MemoryStore, Wanted
from memory.records import Message, Scope

OTHER = replace(ANA, tenant_id="other")


class TenantsConformance:
    """What MemoryStore promises about whole tenants, and about names that no database holds."""

    def test_a_tenant_is_deleted_with_everybody_in_it(self, store: MemoryStore) -> None:
        """Memories and turns of all its users, documents included; the next tenant's stay."""
        mine = store.add([record("a"), record("b", BEN, document_id="d")], vectors(2))
        session = replace(BEN, session_id="s")
        [turn] = store.append_turns(session, [Message("user", "hello")])
        store.add([record("a", OTHER)], vectors(1))
        removed, turns = store.delete_tenant("default")
        assert {r.memory_id for r in removed} == {r.id for r in mine}
        assert turns == [turn.id]
        assert store.stats(Scope()).memories == store.stats(Scope()).turns == 0
        assert [r.text for r in store.page(OTHER).records] == ["a"]

    def test_an_index_hears_that_a_tenant_is_gone(self, store: MemoryStore) -> None:
        """The deletions are changes like any other."""
        [tea] = store.add([record("tea")], vectors(1))
        before = store.version("default")
        store.delete_tenant("default")
        assert store.changes("default", EMBEDDER, before).removed == (tea.id,)

    def test_deleting_an_unknown_tenant_removes_nothing(self, store: MemoryStore) -> None:
        """And makes none."""
        assert store.delete_tenant("nobody's") == ([], [])
        assert store.tenants() == []

    def test_a_tenant_deleted_can_begin_again(self, store: MemoryStore, clock: Clock) -> None:
        """The same content is new to it."""
        store.add([record("tea")], vectors(1))
        store.delete_tenant("default")
        clock.pass_by(minutes=1)
        [again] = store.add([fresh := record("tea")], vectors(1))
        assert again.id == fresh.id

    def test_tenants_are_in_one_order_everywhere(self, store: MemoryStore) -> None:
        """That of code points, whatever the language of the database."""
        names = ["b", "B", "a", "_", "ä"]
        for name in names:
            store.add([record("tea", replace(ANA, tenant_id=name))], vectors(1))
        assert store.tenants() == sorted(names)

    @pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 10_000, "%", "' OR 1=1 --"])
    def test_names_that_cannot_be_there_are_not_found(self, store: MemoryStore, name: str) -> None:
        """An id or document of any characters is the caller's mistake, never a failure of the store."""
        store.add([record("tea")], vectors(1))
        for call in (store.get, store.delete, store.history):
            with pytest.raises((NotFound, InvalidInput)):
                call(ANA, name)
        try:
            assert store.page(ANA, Wanted(document_id=name)).records == ()
            assert store.get_many(ANA, [name]) == []
        except InvalidInput:
            pass
        assert store.stats(ANA).memories == 1
