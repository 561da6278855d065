"""What MemoryStore promises about memories, on every implementation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from memory.errors import EmptyText, InvalidInput, MissingScope, NotFound, StoreConflict
from memory.ports import MemoryStore
from memory.records import SKILLS, MemoryRecord, Scope, StoreStats, content_hash
from tests.tiny_memories import ANA, BEN, DIM, ELSEWHERE, NOON, Clock, adapter, record, vectors


def kept(store: MemoryStore, *records: MemoryRecord) -> list[MemoryRecord]:
    return store.add(records, vectors(len(records)))


def texts(store: MemoryStore, scope: Scope) -> list[str]:
    return [found.text for found in store.page(scope).records]


def test_a_memory_comes_back_as_it_was_given(store: MemoryStore) -> None:
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


def test_equal_content_is_stored_once_in_a_scope(store: MemoryStore) -> None:
    """The older record stands for the newer one, also within one call, and others are new."""
    [first] = kept(store, record("tea"))
    again, coffee, coffee_again = kept(store, record("tea"), one := record("coffee"), record("coffee"))
    assert (again.id, coffee.id, coffee_again.id) == (first.id, one.id, one.id)
    assert sorted(texts(store, ANA)) == ["coffee", "tea"]


def test_equal_content_in_other_scopes_is_stored_for_each(store: MemoryStore) -> None:
    """Another user, session or agent, or no session at all, is another scope."""
    scopes = [ANA, BEN, replace(ANA, session_id="s"), replace(ANA, agent_id="s")]
    records = [record("tea", scope) for scope in scopes]
    assert [r.id for r in kept(store, *records)] == [r.id for r in records]


def test_known_looks_in_the_exact_scope(store: MemoryStore) -> None:
    """A user's content is not known in that user's sessions, nor to others."""
    [tea] = kept(store, record("tea"))
    hashes = [content_hash("tea"), content_hash("milk")]
    assert store.known(ANA, hashes) == {content_hash("tea"): tea}
    for scope in (BEN, ELSEWHERE, replace(ANA, session_id="s")):
        assert store.known(scope, hashes) == {}


def test_a_call_that_fails_stores_nothing(store: MemoryStore) -> None:
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


def test_before_commit_runs_before_anyone_sees_the_row(store: MemoryStore) -> None:
    """The callback is called once the rows are ready and not yet visible."""
    seen: list[list[str]] = []
    store.add([record("tea")], vectors(1), before_commit=lambda: seen.append(texts(store, ANA)))
    assert seen == [[]]


def test_one_call_writes_to_one_tenant(store: MemoryStore) -> None:
    """Records of two tenants are refused together."""
    with pytest.raises(InvalidInput, match="one tenant"):
        kept(store, record("tea"), record("tea", ELSEWHERE))


@pytest.mark.parametrize("shape", [(1, 64), (2, 63), (128,)])
def test_vectors_must_fit_the_records(store: MemoryStore, shape: tuple[int, ...]) -> None:
    """A wrong count or dimension is refused, with both said."""
    with pytest.raises(InvalidInput, match=r"need vectors \(2, 64\)"):
        store.add([record("tea"), record("milk")], np.ones(shape, np.float32))


def test_vectors_must_be_finite(store: MemoryStore) -> None:
    """NaN would poison every search."""
    with pytest.raises(InvalidInput, match="not finite"):
        store.add([record("tea")], np.full((1, 64), np.nan, np.float32))


def test_adding_nothing_changes_nothing(store: MemoryStore) -> None:
    """No records, no tenant."""
    assert store.add([], vectors(0, dim=0)) == []
    assert store.tenants() == []


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_blank_text_is_no_memory(text: str) -> None:
    """There has to be something to remember."""
    with pytest.raises(EmptyText):
        record(text)


@pytest.mark.parametrize(("text", "message"), [("a\0b", "NUL character at 1"), ("a\ud800", "Unicode")])
def test_text_that_no_database_keeps_is_refused(text: str, message: str) -> None:
    """NUL characters and undecodable bytes are named, not stored."""
    with pytest.raises(InvalidInput, match=message):
        record(text)


@pytest.mark.parametrize("metadata", [{"at": NOON}, {"n": float("nan")}, {1: "one"}, {"t": (1, 2)}])
def test_metadata_that_json_would_change_is_refused(metadata: dict[str, object]) -> None:
    """What goes in comes out the same, or does not go in."""
    with pytest.raises(InvalidInput, match="metadata"):
        record("tea", metadata=metadata)


def test_a_huge_word_and_a_megabyte_are_kept(store: MemoryStore) -> None:
    """Length alone is no reason to lose anything here."""
    word, long = "x" * 100_000, "añ🙂 " * 200_000
    [one, two] = kept(store, record(word), record(long))
    assert (store.get(ANA, one.id).text, store.get(ANA, two.id).text) == (word, long)


def test_no_one_else_sees_a_memory(store: MemoryStore) -> None:
    """Another user, another tenant with the same user, and another session see nothing, whatever they ask."""
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


def test_no_one_else_changes_or_deletes_a_memory(store: MemoryStore) -> None:
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


def test_a_scope_sees_what_is_written_within_it(store: MemoryStore) -> None:
    """A user sees all sessions of theirs; a session of a user sees only itself."""
    s1, s2 = replace(ANA, session_id="s1"), replace(ANA, session_id="s2")
    kept(store, record("one", s1), record("two", s2), record("none", ANA))
    assert texts(store, ANA) == ["none", "two", "one"]
    assert texts(store, s1) == ["one"]


def test_a_scope_that_names_nobody_is_an_error(store: MemoryStore) -> None:
    """The tenant alone never means everybody."""
    kept(store, record("tea"))
    nobody = Scope()
    calls = [
        lambda: store.page(nobody),
        lambda: store.get_many(nobody, ["x"]),
        lambda: store.known(nobody, ["x"]),
        lambda: store.delete_where(nobody),
    ]
    for call in calls:
        with pytest.raises(MissingScope):
            call()
    assert texts(store, ANA) == ["tea"]


@pytest.mark.parametrize("name", ["", "  "])
def test_a_blank_name_is_an_error(name: str) -> None:
    """An unset variable must not widen a scope."""
    for what in ("user_id", "agent_id", "session_id", "tenant_id"):
        with pytest.raises(MissingScope, match=what):
            Scope(**{what: name})


def test_pages_hold_everything_once(store: MemoryStore) -> None:
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


def test_pages_can_be_narrowed(store: MemoryStore) -> None:
    """By kind and by document."""
    kept(store, record("a", kind="document", document_id="d1"), record("b", document_id="d2"), record("c"))
    assert [r.text for r in store.page(ANA, kind="document").records] == ["a"]
    assert [r.text for r in store.page(ANA, document_id="d2").records] == ["b"]


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_page_has_bounds(store: MemoryStore, limit: int) -> None:
    """Neither nothing nor everything."""
    with pytest.raises(InvalidInput, match="limit"):
        store.page(ANA, limit=limit)


def test_many_are_found_in_the_order_asked_for(store: MemoryStore) -> None:
    """Unknown ids are left out."""
    a, b, c = kept(store, record("a"), record("b"), record("c"))
    assert store.get_many(ANA, [c.id, "unknown", a.id, b.id]) == [c, a, b]


def test_everything_is_read_oldest_first(store: MemoryStore) -> None:
    """All users of the tenant, past one batch, and no other tenant."""
    many = [record(f"memory {n}", BEN if n % 2 else ANA) for n in range(600)]
    kept(store, *many)
    kept(store, record("foreign", ELSEWHERE))
    assert list(store.everything("default")) == many


def test_an_update_replaces_the_content_and_keeps_the_place(store: MemoryStore, clock: Clock) -> None:
    """Text, adapter and metadata are new; id, kind and creation stay; the old blob is named."""
    [tea] = kept(store, record("tea", kind="document", document_id="d"))
    clock.pass_by(hours=1)
    removed = store.update(ANA, record("coffee", id=tea.id, metadata={"v": 2}), vectors(1)[0])
    assert (removed.memory_id, removed.digest) == (tea.id, tea.adapter.digest)
    now = store.get(ANA, tea.id)
    assert (now.text, now.content_hash, now.metadata) == ("coffee", content_hash("coffee"), {"v": 2})
    assert (now.kind, now.document_id, now.created_at, now.updated_at) == ("document", "d", NOON, clock.at)


def test_an_update_to_what_is_there_already_is_refused(store: MemoryStore) -> None:
    """Equal content once per scope holds for updates too, and nothing changes."""
    tea, _ = kept(store, record("tea"), record("coffee"))
    with pytest.raises(InvalidInput, match="same already"):
        store.update(ANA, record("coffee", id=tea.id), vectors(1))
    assert store.get(ANA, tea.id) == tea


def test_an_update_of_what_is_another_by_now_is_refused(store: MemoryStore) -> None:
    """Where the caller says what it read, and a use is no change of it."""
    [tea] = kept(store, record("tea"))
    store.count_uses("default", {tea.id: 1})
    store.update(ANA, record("coffee", id=tea.id), vectors(1), expects=tea)
    with pytest.raises(StoreConflict):
        store.update(ANA, record("milk", id=tea.id), vectors(1), expects=tea)
    assert store.get(ANA, tea.id).text == "coffee"


def test_notes_and_deletions_of_what_is_another_by_now_are_refused(store: MemoryStore) -> None:
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


def test_metadata_can_be_replaced_alone(store: MemoryStore, clock: Clock) -> None:
    """What comes back is what is kept."""
    [tea] = kept(store, record("tea", metadata={"a": 1}))
    clock.pass_by(hours=1)
    changed = store.annotate(ANA, tea.id, metadata={"b": 2})
    assert changed == replace(tea, metadata={"b": 2}, updated_at=clock.at) == store.get(ANA, tea.id)


def test_a_deleted_memory_is_gone(store: MemoryStore) -> None:
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


def test_a_scope_is_deleted_and_its_neighbours_stay(store: MemoryStore) -> None:
    """All of a user's sessions go; another user's and another tenant's stay."""
    mine = kept(store, record("a"), record("b", replace(ANA, session_id="s")))
    kept(store, record("a", BEN))
    kept(store, record("a", ELSEWHERE))
    removed, _ = store.delete_where(ANA)
    assert {r.memory_id for r in removed} == {r.id for r in mine}
    assert (texts(store, ANA), texts(store, BEN), texts(store, ELSEWHERE)) == ([], ["a"], ["a"])


def test_a_document_is_deleted_with_the_tenant_as_scope(store: MemoryStore) -> None:
    """Its passages go, in that tenant only."""
    kept(store, record("a", document_id="d"), record("b", document_id="d"), record("c"))
    kept(store, record("a", ELSEWHERE, document_id="d"))
    removed, turns = store.delete_where(Scope(), document_id="d")
    assert (len(removed), turns) == (2, [])
    assert (texts(store, ANA), texts(store, ELSEWHERE)) == (["c"], ["a"])


def test_history_tells_what_happened_and_never_what_was_said(store: MemoryStore, clock: Clock) -> None:
    """Events outlive the memory, for its own scope."""
    [tea] = kept(store, record("tea"))
    clock.pass_by(hours=1)
    store.update(ANA, record("coffee", id=tea.id), vectors(1))
    store.delete(ANA, tea.id)
    events = store.history(ANA, tea.id)
    assert [(e.event, e.at) for e in events] == [("ADD", NOON), ("UPDATE", clock.at), ("DELETE", clock.at)]
    with pytest.raises(NotFound):
        store.history(BEN, tea.id)
    assert store.history(Scope(), tea.id) == events


def test_an_expired_memory_is_not_seen(store: MemoryStore, clock: Clock) -> None:
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


def test_an_expired_memory_gives_way_to_the_same_content(store: MemoryStore, clock: Clock) -> None:
    """What is told again is remembered again, and the expired row is in the history as deleted."""
    [old] = kept(store, record("tea", expires_at=NOON + timedelta(hours=1)))
    clock.pass_by(hours=2)
    [new] = kept(store, fresh := record("tea"))
    assert new.id == fresh.id
    assert [e.event for e in store.history(ANA, old.id)] == ["ADD", "DELETE"]


def test_an_expired_memory_can_still_be_deleted(store: MemoryStore, clock: Clock) -> None:
    """Erasure reaches what reading does not."""
    [old] = kept(store, record("tea", expires_at=NOON + timedelta(hours=1)))
    clock.pass_by(hours=2)
    assert [r.memory_id for r in store.delete_where(ANA)[0]] == [old.id]


def test_times_without_a_zone_are_refused() -> None:
    """A naive time means another moment on another machine."""
    with pytest.raises(InvalidInput, match="time zone"):
        record("tea", expires_at=NOON.replace(tzinfo=None))


def test_blobs_are_released_when_no_row_refers_to_them(store: MemoryStore) -> None:
    """A blob that two memories share stays until both are gone; another tenant's rows do not count."""
    shared = adapter(b"shared")
    a, b = kept(store, record("tea", adapter=shared), record("tea", BEN, adapter=shared))
    kept(store, record("tea", ELSEWHERE, adapter=shared))
    gone: list[str] = []
    store.delete(ANA, a.id)
    assert store.release("default", [shared.digest], gone.append) == []
    store.delete(BEN, b.id)
    assert store.release("default", [shared.digest], gone.append) == [shared.digest] == gone


def test_skills_are_found_where_their_scope_takes_in_a_turn(store: MemoryStore, clock: Clock) -> None:
    """Oldest first, with their embeddings; never another tenant's, an ended one, or what is no skill."""
    bound = [Scope(user_id="ana"), Scope(user_id="ana", session_id="s"), Scope(agent_id="a"), BEN, ELSEWHERE]
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


def test_stats_count_within_the_scope(store: MemoryStore) -> None:
    """Shared blobs and documents in several passages count once."""
    shared = adapter(b"12345678")
    kept(
        store, record("tea", document_id="d", adapter=shared), record("milk", document_id="d", adapter=shared)
    )
    kept(store, record("foreign", BEN, adapter=shared))
    assert store.stats(ANA) == StoreStats(2, 1, 0, 0, 7, 8)
    assert store.stats(Scope()).memories == 3
    assert store.stats(ELSEWHERE) == StoreStats(0, 0, 0, 0, 0, 0)


def test_tenants_are_those_that_stored_something(store: MemoryStore) -> None:
    """Reading and deleting make no tenant."""
    store.delete_where(Scope(user_id="x", tenant_id="ghost"))
    store.stats(ELSEWHERE)
    assert store.tenants() == []
    kept(store, record("tea", ELSEWHERE))
    kept(store, record("tea"))
    assert store.tenants() == ["default", "other"]
