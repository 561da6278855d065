"""MemoryStore: what holds when, what is retired, and revisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from memory.conformance.samples import ANA, BEN, EMBEDDER, NOON, Clock, adapter, record, vectors
from memory.errors import NotFound, StoreConflict
from memory.ports import NOTHING, MemoryStore, Revision, Wanted
from memory.records import MemoryRecord, Message, Scope, content_hash, new_id

HOUR = timedelta(hours=1)


def kept(store: MemoryStore, *records: MemoryRecord, revision: Revision | None = None) -> list[MemoryRecord]:
    embeddings = vectors(len(records), seed=len(records[0].text))
    return store.add(records, embeddings, revision=NOTHING if revision is None else revision)


def texts(store: MemoryStore, scope: Scope, **given: object) -> list[str]:
    return [r.text for r in reversed(store.page(scope, **given).records)]  # type: ignore[arg-type]


def superseded(store: MemoryStore, clock: Clock) -> tuple[MemoryRecord, MemoryRecord]:
    """Lisbon at noon, and Porto instead two hours later."""
    [lisbon] = kept(store, record("Lisbon"))
    clock.pass_by(hours=2)
    porto = record("Porto", created_at=clock())
    kept(store, porto, revision=Revision(expects=[lisbon], outdated={lisbon.id: porto.id}))
    return lisbon, porto


def compacted(store: MemoryStore, clock: Clock) -> tuple[list[MemoryRecord], MemoryRecord]:
    """Two passages, and one memory made from both an hour later."""
    passages = kept(store, record("tea"), record("milk"))
    clock.pass_by(hours=1)
    whole = record("tea\nmilk", compacted=2, created_at=clock())
    held = {passage.id: whole.id for passage in passages}
    kept(store, whole, revision=Revision(expects=passages, retired=held))
    return passages, whole


class LifeConformance:
    """MemoryStore: what holds when, what is retired, and revisions."""

    def test_what_is_outdated_is_seen_in_the_past_alone(self, store: MemoryStore, clock: Clock) -> None:
        """Lists and searches see what holds; as_of sees what held; the id finds it still."""
        lisbon, porto = superseded(store, clock)
        assert texts(store, ANA) == ["Porto"]
        assert store.get_many(ANA, [lisbon.id, porto.id]) == [porto]
        assert texts(store, ANA, as_of=NOON + HOUR) == ["Lisbon"]
        assert [r.text for r in store.get_many(ANA, [lisbon.id, porto.id], as_of=NOON + HOUR)] == ["Lisbon"]
        assert texts(store, ANA, as_of=NOON - HOUR) == []
        outdated = store.get(ANA, lisbon.id)
        assert (outdated.valid_until, outdated.superseded_by) == (clock(), porto.id)
        assert [e.event for e in store.history(ANA, lisbon.id)] == ["ADD", "OUTDATE"]

    def test_a_listing_shows_one_state(self, store: MemoryStore, clock: Clock) -> None:
        """What holds, what is pinned of it, what holds no longer, retired or not, and what does not yet."""
        lisbon, porto = superseded(store, clock)
        kept(store, record("Rome", valid_from=clock() + HOUR), record("tea", pinned=True))

        def shown(**wanted: object) -> list[str]:
            return sorted(texts(store, ANA, wanted=Wanted(**wanted)))  # type: ignore[arg-type]

        assert shown() == ["Porto", "tea"]
        assert shown(state="pinned") == ["tea"]
        assert shown(state="coming") == ["Rome"]
        assert shown(state="past") == shown(state="past", superseded_by=porto.id) == ["Lisbon"]
        assert shown(state="past", superseded_by=lisbon.id) == []
        kept(store, record("Lisbon", created_at=clock()))  # the former one is retired
        assert shown(state="past") == ["Lisbon"]
        assert shown() == ["Lisbon", "Porto", "tea"]

    @pytest.mark.parametrize("how", ["delete", "update", "revise"])
    def test_what_is_erased_was_never_said(self, store: MemoryStore, clock: Clock, how: str) -> None:
        """What was so once and is so again goes with its former time; another's, or another text, stays."""
        lisbon, porto = superseded(store, clock)
        kept(store, record("Lisbon", BEN))
        again = record("Lisbon", created_at=clock())
        kept(store, again, revision=Revision(expects=[porto], outdated={porto.id: again.id}))
        assert texts(store, ANA, as_of=NOON + HOUR) == ["Lisbon"]
        if how == "delete":
            gone = {memory.memory_id for memory in store.delete(ANA, again.id)}
            assert gone == {again.id, lisbon.id}
        else:
            rome = replace(store.get(ANA, again.id), text="Rome", content_hash=content_hash("Rome"))
            if how == "update":
                store.update(ANA, rome, vectors(1))
            else:
                store.revise(ANA.tenant_id, Revision(expects=[], renewed=[rome], vectors=vectors(1)))
        assert texts(store, ANA, as_of=NOON + HOUR) == []
        assert [r.text for r in store.everything(ANA.tenant_id, ANA)] == [
            "Porto",
            *([] if how == "delete" else ["Rome"]),
        ]
        assert [*store.everything_retired(ANA.tenant_id, ANA)] == []
        assert texts(store, BEN) == ["Lisbon"]

    def test_what_was_outdated_can_hold_again(self, store: MemoryStore, clock: Clock) -> None:
        """The same content is new, and its former time stays in the past."""
        lisbon, porto = superseded(store, clock)
        clock.pass_by(hours=2)
        [again] = kept(
            store, record("Lisbon", created_at=clock()), revision=Revision(outdated={porto.id: lisbon.id})
        )
        assert again.id != lisbon.id
        assert texts(store, ANA) == ["Lisbon"]
        assert texts(store, ANA, as_of=NOON + 3 * HOUR) == ["Porto"]
        assert texts(store, ANA, as_of=NOON + HOUR) == ["Lisbon"]
        with pytest.raises(NotFound, match="as_of"):
            store.get(ANA, lisbon.id)

    def test_a_retired_passage_belongs_to_the_memory_that_holds_it(
        self, store: MemoryStore, clock: Clock
    ) -> None:
        """It has no adapter, is known, is seen in the past, and asking for it names the holder."""
        passages, whole = compacted(store, clock)
        assert texts(store, ANA) == ["tea\nmilk"]
        assert texts(store, ANA, as_of=clock()) == ["tea", "milk"]
        assert store.retired(ANA, held_by=[whole.id]) == store.retired(ANA, ids=[p.id for p in passages])
        assert all(
            passage.retired and passage.held_by == whole.id
            for passage in store.retired(ANA, held_by=[whole.id])
        )
        assert store.known(ANA, [content_hash("tea")]) == {content_hash("tea"): store.get(ANA, whole.id)}
        assert kept(store, record("tea")) == [store.get(ANA, whole.id)]
        with pytest.raises(NotFound, match=whole.id):
            store.get(ANA, passages[0].id)
        with pytest.raises(NotFound, match=whole.id):
            store.delete(ANA, passages[0].id)
        assert [e.event for e in store.history(ANA, passages[0].id)] == ["ADD", "RETIRE"]
        assert set(store.changes("default", EMBEDDER).ids) == {whole.id}

    def test_the_past_keeps_its_embeddings(self, store: MemoryStore, clock: Clock) -> None:
        """A retired passage is found by the vector it was stored with, by nobody else."""
        [tea] = kept(store, record("tea"))
        [vector] = store.changes("default", EMBEDDER).vectors
        kept(store, record("all", compacted=1), revision=Revision(retired={tea.id: tea.id}))
        ids, found = store.past(ANA, clock(), EMBEDDER)
        assert ids == [tea.id]
        assert np.array_equal(found, vector[None])
        assert store.past(BEN, clock(), EMBEDDER)[0] == []
        assert store.past(ANA, clock(), "other")[0] == []
        assert store.past(ANA, NOON - HOUR, EMBEDDER)[0] == []

    def test_whoever_goes_takes_along_what_it_holds(self, store: MemoryStore, clock: Clock) -> None:
        """By id, by scope and by expiry: nothing is left that belonged to it."""
        passages, whole = compacted(store, clock)
        gone = store.delete(ANA, whole.id)
        assert gone[0].memory_id == whole.id
        assert {memory.memory_id for memory in gone} == {whole.id, *(p.id for p in passages)}
        assert [e.event for e in store.history(ANA, passages[0].id)] == ["ADD", "RETIRE", "DELETE"]
        compacted(store, clock)
        assert len(store.delete_where(ANA)[0]) == 3
        _, whole = compacted(store, clock)
        store.update(ANA, replace(whole, expires_at=clock() + HOUR), vectors(1))
        clock.pass_by(hours=1)
        assert texts(store, ANA, as_of=NOON + HOUR) == []
        assert list(store.everything_retired("default")) == []
        assert len(store.expire("default")) == 3
        assert list(store.everything_retired("default")) == []

    def test_what_a_memory_holds_has_its_metadata(self, store: MemoryStore, clock: Clock) -> None:
        """Set alone, or with other content; what it held once keeps its own, and so do other memories."""
        passages, whole = compacted(store, clock)
        [other] = kept(store, record("other", metadata={"a": 0}))
        ids = [passage.id for passage in passages]
        store.annotate(ANA, whole.id, metadata={"a": 1})
        assert [dict(p.metadata) for p in store.retired(ANA, ids=ids)] == [{"a": 1}] * len(ids)
        store.revise("default", Revision(outdated={ids[0]: other.id}))
        store.update(ANA, replace(store.get(ANA, whole.id), metadata={"a": 2}), vectors(1))
        assert [dict(p.metadata)["a"] for p in store.retired(ANA, ids=sorted(ids))] == [1] + [2] * (
            len(ids) - 1
        )
        assert store.get(ANA, other.id).metadata == {"a": 0}

    def test_a_revision_of_what_has_changed_does_nothing(self, store: MemoryStore, clock: Clock) -> None:
        """Neither the new memory nor any step of it; use alone is no change."""
        [tea] = kept(store, record("tea"))
        store.count_uses("default", {tea.id: 3})
        clock.pass_by(hours=1)
        revision = Revision(expects=[tea], outdated={tea.id: "milk"})
        store.annotate(ANA, tea.id, metadata={"a": 1})
        with pytest.raises(StoreConflict, match="try again"):
            kept(store, record("milk"), revision=revision)
        with pytest.raises(StoreConflict, match="try again"):
            store.revise("default", revision)
        assert texts(store, ANA) == ["tea"]
        assert store.get(ANA, tea.id).uses == 3
        assert [
            r.text for r in kept(store, record("milk"), revision=Revision(expects=[store.get(ANA, tea.id)]))
        ] == ["milk"]

    def test_a_memory_can_be_made_again_without_one_of_its_passages(
        self, store: MemoryStore, clock: Clock
    ) -> None:
        """One step: the passage is gone, and with it its former texts, and the memory says the rest."""
        [tea, _], whole = compacted(store, clock)
        retired = {passage.text: passage for passage in store.retired(ANA, held_by=[whole.id])}
        former = new_id()
        store.revise("default", Revision(kept={tea.id: (former, "x")}))
        assert [r.held_by for r in store.retired(ANA, ids=[former])] == [tea.id]
        rest = replace(
            whole, text="milk", content_hash=content_hash("milk"), compacted=1, adapter=adapter(b"milk")
        )
        gone = store.revise(
            "default",
            Revision(expects=[whole, retired["milk"]], renewed=[rest], vectors=vectors(1), erased=[tea.id]),
        )
        assert {memory.memory_id for memory in gone} == {tea.id, former}
        assert texts(store, ANA) == ["milk"]
        assert store.get(ANA, whole.id).compacted == 1
        assert texts(store, ANA, as_of=clock()) == ["milk"]

    def test_a_former_text_is_kept_beside_the_new_one(self, store: MemoryStore, clock: Clock) -> None:
        """What a memory said before an update is of the past, and goes when the memory goes."""
        [tea] = kept(store, record("tea"))
        clock.pass_by(hours=2)
        coffee = replace(tea, text="coffee", content_hash=content_hash("coffee"), valid_from=clock())
        store.revise(
            "default",
            Revision(expects=[tea], kept={tea.id: (new_id(), tea.id)}, renewed=[coffee], vectors=vectors(1)),
        )
        assert texts(store, ANA) == ["coffee"]
        assert texts(store, ANA, as_of=NOON + HOUR) == ["tea"]
        assert len(store.delete(ANA, tea.id)) == 2

    def test_validity_can_be_given(self, store: MemoryStore, clock: Clock) -> None:
        """What begins later is not seen before, and what ends is not seen after."""
        kept(store, record("later", valid_from=NOON + HOUR), record("soon over", valid_until=NOON + HOUR))
        assert texts(store, ANA) == ["soon over"]
        clock.pass_by(hours=1)
        assert texts(store, ANA) == ["later"]
        assert texts(store, ANA, as_of=NOON) == ["soon over"]

    def test_what_begins_later_can_be_told_again(self, store: MemoryStore, clock: Clock) -> None:
        """The same words told before they hold stand in the place of those that wait."""
        [waiting] = kept(store, record("ten", valid_from=NOON + HOUR))
        [again] = kept(store, record("ten", valid_from=NOON + HOUR))
        [at_once] = kept(store, record("ten"))
        assert len({waiting.id, again.id, at_once.id}) == 3
        assert texts(store, ANA) == ["ten"]
        clock.pass_by(hours=2)
        assert texts(store, ANA) == ["ten"]

    def test_what_can_be_compacted(self, store: MemoryStore, clock: Clock) -> None:
        """By exact scope and document: nothing pinned, outdated, expiring or too young."""
        session = replace(ANA, session_id="s")
        [a, b, *_] = kept(
            store,
            record("a", session),
            record("b", session),
            record("expiring", session, expires_at=NOON + 9 * HOUR),
            record("page", session, document_id="d"),
            record("alone"),
        )
        clock.pass_by(hours=2)
        kept(store, record("young", session, created_at=clock()))
        store.annotate(ANA, b.id, pinned=True)
        assert store.get(ANA, b.id).pinned
        found = store.groups(ANA, before=NOON + HOUR)
        assert [(g.scope, g.document_id, g.memories) for g in found] == [
            (ANA, None, 1),
            (session, None, 1),
            (session, "d", 1),
        ]
        assert store.members(found[1], before=NOON + HOUR) == [a]
        assert [r.text for r in store.members(found[1])] == ["a", "young"]
        assert [r.text for r in store.members(found[1], after=a.id)] == ["young"]
        assert store.groups(BEN) == []

    def test_an_import_restores_the_past_and_turns_once(self, store: MemoryStore, clock: Clock) -> None:
        """What is there already is left as it is."""
        _, whole = compacted(store, clock)
        past = store.retired(ANA, held_by=[whole.id])
        store.delete_where(ANA)
        assert store.keep_past(past, vectors(2)) == 2
        assert store.keep_past(past, vectors(2)) == 0
        assert list(store.everything_retired("default")) == past
        session = replace(ANA, session_id="s")
        told = store.append_turns(session, [Message("user", "hello")])
        store.delete_where(session)
        assert store.session_scopes(ANA) == []
        assert (store.restore_turns(session, told), store.restore_turns(session, told)) == (1, 0)
        assert [turn.text for turn in store.turns(session)] == ["hello"]
        assert store.session_scopes(ANA) == [session]
        assert store.session_scopes(BEN) == []
