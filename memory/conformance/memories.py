"""What MemoryStore promises about memories, on every implementation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from memory.conformance.samples import ANA, BEN, ELSEWHERE, NOON, Clock, adapter, record, vectors
from memory.errors import InvalidInput, NotFound, StoreConflict
from memory.ports import MemoryStore, Wanted
from memory.records import MemoryRecord, Scope, content_hash


def kept(store: MemoryStore, *records: MemoryRecord) -> list[MemoryRecord]:
    return store.add(records, vectors(len(records)))


def texts(store: MemoryStore, scope: Scope) -> list[str]:
    return [found.text for found in store.page(scope).records]


class MemoriesConformance:
    """What MemoryStore promises about memories, on every implementation."""

    def test_a_memory_comes_back_as_it_was_given(self, store: MemoryStore) -> None:
        """Every field survives, with time zones, Unicode and nested metadata."""
        given = record(
            "Ana's dog 🐕 is called Biscuit\nשלום",
            Scope(user_id="ana", agent_id="bot", session_id="s1", tenant_id="acme"),
            kind="session",
            document_id="doc",
            position=3,
            role="user",
            first_turn=2,
            last_turn=4,
            expires_at=NOON + timedelta(days=1),
            metadata={"tags": ["a", "ü"], "page": 3, "deep": {"ok": True, "none": None}},
            adapter=adapter(b"x", rank=4),
        )
        kept(store, given)
        assert store.get(given.scope, given.id) == given

    def test_equal_content_is_stored_once_in_a_scope(self, store: MemoryStore) -> None:
        """The older record stands for the newer one, also within one call, and others are new."""
        [first] = kept(store, record("tea"))
        again, coffee, coffee_again = kept(store, record("tea"), one := record("coffee"), record("coffee"))
        assert (again.id, coffee.id, coffee_again.id) == (first.id, one.id, one.id)
        assert sorted(texts(store, ANA)) == ["coffee", "tea"]

    def test_a_call_that_fails_stores_nothing(self, store: MemoryStore) -> None:
        """An error before the commit, or a taken id in the last record, takes everything back."""

        def refuse() -> None:
            raise RuntimeError("no")

        with pytest.raises(RuntimeError):
            store.add([record("tea")], vectors(1), before_commit=refuse)
        [tea] = kept(store, record("tea"))
        with pytest.raises(InvalidInput, match="same id"):
            kept(store, record("milk"), record("coffee", id=tea.id))
        assert texts(store, ANA) == ["tea"]
        assert store.version("default").seq == 1

    def test_before_commit_runs_before_anyone_sees_the_row(self, store: MemoryStore) -> None:
        """The callback is called once the rows are ready and not yet visible."""
        seen: list[list[str]] = []
        store.add([record("tea")], vectors(1), before_commit=lambda: seen.append(texts(store, ANA)))
        assert seen == [[]]

    @pytest.mark.parametrize("shape", [(1, 64), (2, 63), (128,)])
    def test_vectors_must_fit_the_records(self, store: MemoryStore, shape: tuple[int, ...]) -> None:
        """A wrong count or dimension is refused, with both said."""
        with pytest.raises(InvalidInput, match=r"need vectors \(2, 64\)"):
            store.add([record("tea"), record("milk")], np.ones(shape, np.float32))

    def test_vectors_must_be_finite(self, store: MemoryStore) -> None:
        """NaN would poison every search."""
        with pytest.raises(InvalidInput, match="not finite"):
            store.add([record("tea")], np.full((1, 64), np.nan, np.float32))

    def test_adding_nothing_changes_nothing(self, store: MemoryStore) -> None:
        """No records, no tenant."""
        assert store.add([], vectors(0, dim=0)) == []
        assert store.tenants() == []

    def test_a_huge_word_and_a_megabyte_are_kept(self, store: MemoryStore) -> None:
        """Length alone is no reason to lose anything here."""
        word, long = "x" * 100_000, "añ🙂 " * 200_000
        [one, two] = kept(store, record(word), record(long))
        assert (store.get(ANA, one.id).text, store.get(ANA, two.id).text) == (word, long)

    def test_pages_hold_everything_once(self, store: MemoryStore) -> None:
        """Newest first, page by page, undisturbed by what is added meanwhile."""
        kept(store, *(record(f"memory {n}") for n in range(7)))
        found, cursor = [], None
        while True:
            page = store.page(ANA, limit=3, cursor=cursor)
            found += [r.text for r in page.records]
            kept(store, record(f"newer {len(found)}"))
            if (cursor := page.cursor) is None:
                break
        assert found == [f"memory {n}" for n in reversed(range(7))]

    def test_pages_can_be_narrowed(self, store: MemoryStore) -> None:
        """By kind and by document."""
        kept(
            store, record("a", kind="document", document_id="d1"), record("b", document_id="d2"), record("c")
        )
        assert [r.text for r in store.page(ANA, Wanted(kind="document")).records] == ["a"]
        assert [r.text for r in store.page(ANA, Wanted(document_id="d2")).records] == ["b"]

    def test_pages_can_be_narrowed_by_metadata_and_time(self, store: MemoryStore) -> None:
        """Every item has to be there and equal; a time is told then or later, and before the other."""
        kept(
            store,
            record("a", metadata={"topic": "wörk%", "page": 1}),
            record("b", metadata={"topic": "wörk%"}, created_at=NOON + timedelta(hours=1)),
            record("c", metadata={"page": "topic"}, created_at=NOON + timedelta(hours=2)),
        )

        def shown(**wanted: object) -> list[str]:
            return sorted(r.text for r in store.page(ANA, Wanted(**wanted)).records)  # type: ignore[arg-type]

        assert shown(filters={"topic": "wörk%"}) == ["a", "b"]
        assert shown(filters={"topic": "wörk%", "page": 1}) == ["a"]
        assert shown(filters={"topic": "work"}) == shown(filters={"wörk%": "topic"}) == []
        assert shown(filters={"page": {"$gte": 1}}) == ["a"]
        assert shown(filters={"topic": {"$ne": "wörk%"}}) == ["c"]
        assert shown(filters={"$or": [{"page": 1}, {"page": "topic"}]}) == ["a", "c"]
        assert shown(since=NOON + timedelta(hours=1)) == ["b", "c"]
        assert shown(until=NOON + timedelta(hours=1)) == ["a"]

    def test_pages_narrowed_by_metadata_are_full(self, store: MemoryStore) -> None:
        """What is not meant takes no place of a page, however much of it there is."""
        kept(store, *(record(f"{n}", metadata={"odd": n % 2}) for n in range(620)))
        found, cursor = list[str](), None
        while True:
            page = store.page(ANA, Wanted(filters={"odd": 1}), limit=200, cursor=cursor)
            found += [r.text for r in page.records]
            if (cursor := page.cursor) is None:
                break
            assert len(page.records) == 200
        assert found == [f"{n}" for n in reversed(range(620)) if n % 2]

    @pytest.mark.parametrize("limit", [0, 1001])
    def test_a_page_has_bounds(self, store: MemoryStore, limit: int) -> None:
        """Neither nothing nor everything."""
        with pytest.raises(InvalidInput, match="limit"):
            store.page(ANA, limit=limit)

    def test_many_are_found_in_the_order_asked_for(self, store: MemoryStore) -> None:
        """Unknown ids are left out."""
        a, b, c = kept(store, record("a"), record("b"), record("c"))
        assert store.get_many(ANA, [c.id, "unknown", a.id, b.id]) == [c, a, b]

    def test_what_was_told_beside_others_is_found_by_its_turns(
        self, store: MemoryStore, clock: Clock
    ) -> None:
        """Within so many turns, in the same session of the same person; never itself, nor what has ended."""
        told = Scope(user_id="ana", session_id="s1")

        def turn(first: int, last: int | None = None, scope: Scope = told, **given: Any) -> MemoryRecord:
            last = first if last is None else last
            return record(f"{first} {scope.session_id}", scope, first_turn=first, last_turn=last, **given)

        ended = turn(6, expires_at=NOON + timedelta(hours=1))
        others = [turn(5, scope=replace(told, session_id="s2")), turn(5, scope=replace(told, user_id="ben"))]
        at, long = turn(4), turn(7, 40)
        kept(store, turn(1), turn(2), turn(3), at, ended, long, turn(43), *others, record("of no session"))

        def beside(*records: MemoryRecord, away: int) -> set[str]:
            return {found.text for found in store.beside(Scope(user_id="ana"), records, away)}

        assert beside(at, away=1) == {"3 s1"}
        assert beside(at, away=2) == {"2 s1", "3 s1", "6 s1"}
        assert beside(at, long, away=3) == {"1 s1", "2 s1", "3 s1", "6 s1", "43 s1"}
        assert beside(away=2) == beside(record("of no session"), away=2) == set()
        assert store.beside(Scope(user_id="ana", tenant_id=ELSEWHERE.tenant_id), [at], 2) == []
        clock.at += timedelta(hours=2)
        assert beside(at, away=2) == {"2 s1", "3 s1"}

    def test_everything_is_read_oldest_first(self, store: MemoryStore) -> None:
        """All users of the tenant, past one batch, and no other tenant."""
        many = [record(f"memory {n}", BEN if n % 2 else ANA) for n in range(600)]
        kept(store, *many)
        kept(store, record("foreign", ELSEWHERE))
        assert list(store.everything("default")) == many

    def test_an_update_replaces_the_content_and_keeps_the_place(
        self, store: MemoryStore, clock: Clock
    ) -> None:
        """Text, adapter and metadata are new; id, kind and creation stay; the old blob is named."""
        [tea] = kept(store, record("tea", kind="document", document_id="d"))
        clock.pass_by(hours=1)
        removed = store.update(ANA, record("coffee", id=tea.id, metadata={"v": 2}), vectors(1)[0])
        assert (removed.memory_id, removed.digest) == (tea.id, tea.adapter.digest)
        now = store.get(ANA, tea.id)
        assert (now.text, now.content_hash, now.metadata) == ("coffee", content_hash("coffee"), {"v": 2})
        assert (now.kind, now.document_id, now.created_at, now.updated_at) == (
            "document",
            "d",
            NOON,
            clock.at,
        )

    def test_an_update_to_what_is_there_already_is_refused(self, store: MemoryStore) -> None:
        """Equal content once per scope holds for updates too, and nothing changes."""
        tea, _ = kept(store, record("tea"), record("coffee"))
        with pytest.raises(InvalidInput, match="same already"):
            store.update(ANA, record("coffee", id=tea.id), vectors(1))
        assert store.get(ANA, tea.id) == tea

    def test_an_update_of_what_is_another_by_now_is_refused(self, store: MemoryStore) -> None:
        """Where the caller says what it read, and a use is no change of it."""
        [tea] = kept(store, record("tea"))
        store.count_uses("default", {tea.id: 1})
        store.update(ANA, record("coffee", id=tea.id), vectors(1), expects=tea)
        with pytest.raises(StoreConflict):
            store.update(ANA, record("milk", id=tea.id), vectors(1), expects=tea)
        assert store.get(ANA, tea.id).text == "coffee"

    def test_notes_and_deletions_of_what_is_another_by_now_are_refused(self, store: MemoryStore) -> None:
        """They take what was read, as updates do; metadata and pin change together."""
        [tea] = kept(store, record("tea"))
        pinned = store.annotate(ANA, tea.id, metadata={"a": 1}, pinned=True, expects=tea)
        assert (pinned.metadata, pinned.pinned) == ({"a": 1}, True)
        with pytest.raises(StoreConflict):
            store.annotate(ANA, tea.id, metadata={}, expects=tea)
        with pytest.raises(StoreConflict):
            store.delete(ANA, tea.id, expects=tea)
        assert store.get(ANA, tea.id) == pinned
        store.delete(ANA, tea.id, expects=pinned)
        for gone in (
            lambda: store.annotate(ANA, tea.id, pinned=False, expects=pinned),
            lambda: store.delete(ANA, tea.id, expects=pinned),
        ):
            with pytest.raises(StoreConflict):
                gone()

    def test_metadata_can_be_replaced_alone(self, store: MemoryStore, clock: Clock) -> None:
        """What comes back is what is kept."""
        [tea] = kept(store, record("tea", metadata={"a": 1}))
        clock.pass_by(hours=1)
        changed = store.annotate(ANA, tea.id, metadata={"b": 2})
        assert changed == replace(tea, metadata={"b": 2}, updated_at=clock.at) == store.get(ANA, tea.id)

    def test_a_deleted_memory_is_gone(self, store: MemoryStore) -> None:
        """Its names come back, it is not found again, and the same content can be stored anew."""
        [tea] = kept(store, record("tea"))
        [removed] = store.delete(ANA, tea.id)
        assert (removed.memory_id, removed.content_hash, removed.digest) == (
            *(tea.id, tea.content_hash),
            tea.adapter.digest,
        )
        with pytest.raises(NotFound):
            store.delete(ANA, tea.id)
        [again] = kept(store, fresh := record("tea"))
        assert again.id == fresh.id

    def test_history_tells_what_happened_and_never_what_was_said(
        self, store: MemoryStore, clock: Clock
    ) -> None:
        """Events outlive the memory, for its own scope."""
        [tea] = kept(store, record("tea"))
        clock.pass_by(hours=1)
        store.update(ANA, record("coffee", id=tea.id), vectors(1))
        store.delete(ANA, tea.id)
        events = store.history(ANA, tea.id)
        assert [(e.event, e.at) for e in events] == [
            ("ADD", NOON),
            ("UPDATE", clock.at),
            ("DELETE", clock.at),
        ]
        with pytest.raises(NotFound):
            store.history(BEN, tea.id)
        assert store.history(Scope(), tea.id) == events

    def test_an_expired_memory_is_not_seen(self, store: MemoryStore, clock: Clock) -> None:
        """From its last moment on, before anything has removed it; then `expire` does."""
        short, _ = kept(store, record("short", expires_at=NOON + timedelta(hours=1)), record("long"))
        assert sorted(texts(store, ANA)) == ["long", "short"]
        clock.pass_by(hours=1)
        assert texts(store, ANA) == ["long"]
        assert store.get_many(ANA, [short.id]) == []
        assert store.known(ANA, [short.content_hash]) == {}
        with pytest.raises(NotFound):
            store.get(ANA, short.id)
        assert [r.memory_id for r in store.expire("default")] == [short.id]
        assert store.expire("default") == []

    def test_an_expired_memory_gives_way_to_the_same_content(self, store: MemoryStore, clock: Clock) -> None:
        """What is told again is remembered again, and the expired row is in the history as deleted."""
        [old] = kept(store, record("tea", expires_at=NOON + timedelta(hours=1)))
        clock.pass_by(hours=2)
        [new] = kept(store, fresh := record("tea"))
        assert new.id == fresh.id
        assert [e.event for e in store.history(ANA, old.id)] == ["ADD", "DELETE"]

    def test_an_expired_memory_can_still_be_deleted(self, store: MemoryStore, clock: Clock) -> None:
        """Erasure reaches what reading does not."""
        [old] = kept(store, record("tea", expires_at=NOON + timedelta(hours=1)))
        clock.pass_by(hours=2)
        assert [r.memory_id for r in store.delete_where(ANA)[0]] == [old.id]

    def test_blobs_are_released_when_no_row_refers_to_them(self, store: MemoryStore) -> None:
        """A blob that two memories share stays until both are gone; another tenant's rows do not count."""
        shared = adapter(b"shared")
        a, b = kept(store, record("tea", adapter=shared), record("tea", BEN, adapter=shared))
        kept(store, record("tea", ELSEWHERE, adapter=shared))
        gone: list[str] = []
        store.delete(ANA, a.id)
        assert store.release("default", [shared.digest], gone.append) == []
        store.delete(BEN, b.id)
        assert store.release("default", [shared.digest], gone.append) == [shared.digest] == gone
